"""The options of `sweeper run`: their defaults, those of a YAML file, and those of flags."""

import difflib
from pathlib import Path
from typing import Any

from sweeper.cli.option_texts import name_and_value, read_points, read_seconds
from sweeper.cluster.resources import Resources
from sweeper.faults import refuse
from sweeper.search.asha import ASHA
from sweeper.search.metric import MODES, Metric, sounds_high
from sweeper.sweep.limits import Limits

# The sweep that runs when nothing is said: d2l, section 19.1.
DEFAULTS: dict[str, Any] = {
    "objective": None,
    "command": None,
    "metric": Metric.name,
    "mode": Metric.mode,
    "also": None,
    "pattern": None,
    "model": "softmax",
    "data": "fashion_mnist",
    "max_epochs": 8,
    "batch_size": 16,
    "checkpoint_every": None,
    "space": None,
    "searcher": "random",
    "trials": 5,
    "points": None,
    "unique": False,
    "surrogate": "auto",
    "lag": None,
    "initial": None,
    "constraint": None,
    "scheduler": None,
    "grace_epochs": ASHA.grace_epochs,
    "reduction_factor": ASHA.reduction_factor,
    "replicates": 1,
    "seed": 0,
    "workers": None,
    "cpus": Resources.cpus,
    "gpus": Resources.gpus,
    "max_failures": Limits.max_failures,
    "time_budget": Limits.time_budget_s,
    "trial_time": Limits.trial_time_s,
    "total_epochs": Limits.total_epochs,
    "target": Limits.target,
    "patience": Limits.patience,
    "first_failures": Limits.first_failures,
    "name": None,
    "folder": "runs",
    "resume": False,
    "retry_failed": False,
    "keep_checkpoints": False,
    "keep": "best",
    "fresh": False,
    "address": None,
    "cluster": None,
    "dry_run": False,
    "test": False,
    "no_report": False,
    "quiet": False,
}
_KINDS = {
    **dict.fromkeys(("command", "metric", "mode", "pattern"), str),
    **dict.fromkeys(("objective", "model", "data", "searcher", "name", "folder"), str),
    **dict.fromkeys(("address", "cluster", "scheduler", "surrogate", "keep"), str),
    **dict.fromkeys(("resume", "retry_failed", "keep_checkpoints", "dry_run", "test"), bool),
    **dict.fromkeys(("no_report", "quiet", "unique", "fresh"), bool),
}
DEFAULT_SPACE = {"learning_rate": "loguniform(1e-4, 1)"}
SEARCHERS = ("random", "grid", "sobol", "bayesian")
SCHEDULERS = ("asha",)
SURROGATES = ("auto", "gp", "tpe")
# Options that belong to some searchers, or to a scheduler, and would be without effect elsewhere.
_ONLY_FOR = {
    "points": ("grid",),
    "trials": ("random", "sobol", "bayesian"),
    "unique": ("random",),
    "surrogate": ("bayesian",),
    "lag": ("bayesian",),
}
_OF_ASHA = ("grace_epochs", "reduction_factor")
BUILT_IN_ONLY = ("model", "data", "max_epochs", "batch_size", "checkpoint_every")


def merge(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """All options, and those that were said: by a YAML file or, which counts more, by flags."""
    source = given.get("objective")
    described = {}
    if source is not None and Path(source).suffix in (".yaml", ".yml"):
        described = _read_yaml(Path(source))
        given = {name: value for name, value in given.items() if name != "objective"}
    flags = dict(given)
    if "space" in flags:
        pairs = [name_and_value(text, "--space") for text in flags["space"]]
        flags["space"] = dict(pairs)
        twice = sorted({name for name, _ in pairs if [n for n, _ in pairs].count(name) > 1})
        refuse(*(f"--space {name}=…: is there twice. Leave one out." for name in twice))
    if "points" in flags:
        flags["points"] = read_points(flags["points"])
    for name in ("time_budget", "trial_time"):
        for given_by in (described, flags):
            if given_by.get(name) is not None:
                given_by[name] = read_seconds(given_by[name], flag(name))
    said = {**described, **flags}
    return {**DEFAULTS, **said}, said


def check(options: dict[str, Any], said: dict[str, Any]) -> None:
    """Refuses what would be without effect, or is missing.

    Args:
        options: all of them.
        said: those that the user has said.

    Raises:
        ValueError: options don't go together; all faults are in one message.
    """
    asked = [name for name, value in said.items() if value is not None]
    faults = []
    if options["searcher"] not in SEARCHERS:
        faults.append(f"--searcher {options['searcher']!r}: choose {_any_of(SEARCHERS)}.")
    if options["surrogate"] not in SURROGATES:
        faults.append(f"--surrogate {options['surrogate']!r}: choose {_any_of(SURROGATES)}.")
    if options["scheduler"] not in (None, *SCHEDULERS):
        faults.append(f"--scheduler {options['scheduler']!r}: choose {_any_of(SCHEDULERS)}.")
    for name, searchers in _ONLY_FOR.items():
        if name in asked and options["searcher"] in SEARCHERS:
            faults += _useless(name, searchers, options["searcher"])
    if options["scheduler"] is None:
        faults += [
            f"{flag(name)}: only for early stopping. Add --scheduler asha, or leave it out."
            for name in _OF_ASHA
            if name in asked
        ]
    faults += _command_faults(options, asked)
    if is_own(options):
        useless = [flag(name) for name in BUILT_IN_ONLY if name in asked]
        if options["scheduler"] is not None and "--max-epochs" in useless:
            useless.remove("--max-epochs")  # which it is glad to know
        if useless:
            faults.append(
                f"{', '.join(useless)}: only for sweeper's own classifier. Leave "
                f"{'it' if len(useless) == 1 else 'them'} out: your objective decides on that."
            )
        if options["space"] is None:
            faults.append("--space NAME=VALUE: needed to say what your objective's choices are.")
    refuse(*faults)


def is_own(options: dict[str, Any]) -> bool:
    """Whether the user's own objective or command is run, not the built-in classifier."""
    return options["objective"] is not None or options["command"] is not None


def _command_faults(options: dict[str, Any], asked: list[str]) -> list[str]:
    faults = []
    metric = options["metric"]
    if options["command"] is None:
        faults += [
            f"{flag(name)}: only for --command. Leave it out."
            for name in ("also", "pattern")
            if name in asked
        ]
    else:
        if options["objective"] is not None:
            faults.append(
                f"--command together with {options['objective']}: only one of them can be the "
                "objective. Leave out the other one."
            )
        if "metric" not in asked:
            faults.append(
                "--command: needs --metric NAME, a number that the command prints, such as "
                "--metric val_acc --mode max."
            )
        if options["test"]:
            faults.append("--test: not with --command, whose test set is not known. Leave it out.")
    if options["mode"] not in MODES:
        faults.append(f"--mode {options['mode']!r}: choose {_any_of(MODES)}.")
    elif "mode" not in asked and sounds_high(metric):
        faults.append(f"--metric {metric}: say --mode max, or --mode min if low is good.")
    return faults


def _useless(name: str, searchers: tuple[str, ...], searcher: str) -> list[str]:
    if searcher in searchers:
        return []
    if name == "trials":
        return [
            "--trials: only for random, Sobol and Bayesian search. Leave it out: a grid is as "
            "large as its axes make it, by --points and choices."
        ]
    return [
        f"{flag(name)}: only for --searcher {_any_of(searchers)}, but it is {searcher}. "
        "Change it, or leave this out."
    ]


def flag(name: str) -> str:
    """An option as it is written on the command line, such as `--time-budget`."""
    return "--" + name.replace("_", "-")


def _any_of(words: tuple[str, ...]) -> str:
    return " or ".join(words)


def _read_yaml(path: Path) -> dict[str, Any]:
    from sweeper.cli.option_file import read_yaml  # which loads yaml

    described = read_yaml(path)
    if not isinstance(described, dict):
        raise ValueError(f"{path}: must map names to values, such as `trials: 20`.")
    wrong = [
        f"{name}: must be {kind.__name__}, but got {described[name]!r}"
        for name, kind in _KINDS.items()
        if described.get(name) is not None and not isinstance(described[name], kind)
    ]
    if wrong:
        raise ValueError(f"{path}: " + "; ".join(wrong))
    unknown = [name for name in described if name not in DEFAULTS]
    if unknown:
        close = [c for name in unknown for c in difflib.get_close_matches(str(name), DEFAULTS, n=1)]
        cure = f"Did you mean {' and '.join(close)}? " if close else ""
        raise ValueError(f"{path}: {unknown} mean nothing here. {cure}Known are {list(DEFAULTS)}.")
    if not isinstance(described.get("space", {}), dict):
        raise ValueError(f"{path}: space must map hyperparameters to values.")
    for name in ("constraint", "initial", "also"):
        if isinstance(described.get(name), str | dict):
            described[name] = [described[name]]
    return described
