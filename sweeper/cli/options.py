"""The options of `sweeper run`: their defaults, those of a YAML file, and those of flags."""

import re
from pathlib import Path
from typing import Any

from sweeper.cli.option_kinds import read_kinds, unknown_fault
from sweeper.cli.option_texts import name_and_value, read_points
from sweeper.cli.script_hint import is_program, objective_fault
from sweeper.cluster.resources import Resources
from sweeper.faults import refuse
from sweeper.search.asha import ASHA
from sweeper.search.metric import MODES, Metric, sounds_high
from sweeper.sweep.execution import Execution
from sweeper.sweep.limits import Limits

# The sweep that runs without any options: d2l, section 19.1. Defaults of `Sweep` and of searchers
# stand here again, since these are slow to import.
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
    "folder": Execution.folder,
    "resume": False,
    "retry_failed": False,
    "keep_checkpoints": False,
    "keep": Execution.keep,
    "fresh": False,
    "address": None,
    "cluster": None,
    "dry_run": False,
    "test": False,
    "no_report": False,
    "quiet": False,
}
_NO_REFERENCE = re.compile(r"""[()\[\]{},;='"]""")  # in a value that was cut at a blank
UNKNOWN = "unknown"  # words from the shell that no option takes
DEFAULT_SPACE = {"learning_rate": "loguniform(1e-4, 1)"}
SEARCHERS = ("random", "grid", "sobol", "bayesian")
SCHEDULERS = ("asha",)
SURROGATES = ("auto", "gp", "tpe")
# Options for some searchers only, or for a scheduler, which would have no effect elsewhere.
_ONLY_FOR = {
    "points": ("grid",),
    "trials": ("random", "sobol", "bayesian"),
    "unique": ("random",),
    "surrogate": ("bayesian",),
    "lag": ("bayesian",),
}
_OF_ASHA = ("grace_epochs", "reduction_factor")
BUILT_IN_ONLY = ("model", "data", "max_epochs", "batch_size", "checkpoint_every")


def merge(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Returns all options; those given by a YAML file or by flags, which take precedence; and
    the faults in reading these, one sentence each.
    """
    faults: list[str] = []
    flags = {name: value for name, value in given.items() if name != UNKNOWN}
    source = flags.get("objective")
    described = {}
    if source is not None and Path(source).suffix in (".yaml", ".yml"):
        described = _read_yaml(Path(source), faults)
        del flags["objective"]
    read_kinds(flags, flag, faults)
    for name, read in (("space", _read_space), ("points", read_points)):
        try:
            if name in flags:
                flags[name] = read(flags[name])
        except ValueError as error:
            faults.append(str(error))
            del flags[name]
    said = {**described, **flags}
    options = {**DEFAULTS, **said}
    faults += _unknown_faults(given.get(UNKNOWN, []), options)
    return options, said, faults


def check(options: dict[str, Any], said: dict[str, Any], found: list[str]) -> None:
    """Refuses options that can't be read, would have no effect, or are missing.

    Args:
        options: all options.
        said: the options that the user has given.
        found: faults that are known already.

    Raises:
        ValueError: there are faults; all are in one message.
    """
    asked = [name for name, value in said.items() if value is not None]
    faults = [*found]
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
            them = "it" if len(useless) == 1 else "them"
            faults.append(
                f"{', '.join(useless)}: only for sweeper's own classifier. Leave {them} out: your "
                f"objective chooses {them} itself."
            )
        if options["space"] is None and not any("space" in fault for fault in found):
            faults.append("--space NAME=VALUE: needed, one for each hyperparameter.")
    refuse(*faults, *_space_faults(options["space"]))


def _unknown_faults(unknown: list[str], options: dict[str, Any]) -> list[str]:
    """Lists faults of an objective that is none, and of words that no option takes."""
    objective = options["objective"]
    stray = objective is not None and _NO_REFERENCE.search(objective)
    if stray:
        unknown = [objective, *unknown]
    script = objective and not stray and objective_fault(objective, unknown, options["space"] or ())
    if script and (not unknown or is_program(objective)):
        return [script]  # whose words may be no options of sweeper's
    names = [word for word in unknown if word.startswith("--")]
    first = [word for word in unknown[:1] if not word.startswith("--")]
    return [
        *(
            f"{word}: belongs to no option. Put quotes around a value with blanks."
            for word in first
        ),
        *(unknown_fault(name, _as_typed, [*DEFAULTS, "debug"]) for name in names),
    ]


def _as_typed(name: str) -> str:
    return "sweeper run file.py:function" if name == "objective" else flag(name)


def _space_faults(texts: dict[str, Any] | None) -> list[str]:
    """Lists the faults of the hyperparameters, one sentence each."""
    from sweeper.space.checks import check_entries
    from sweeper.space.text import read_config_space

    entries: dict[str, Any] = {}
    faults: list[str] = []
    for name, text in (texts or {}).items():
        try:
            entries |= read_config_space({name: text})
        except ValueError as error:
            faults.append(str(error))
            entries[name] = None  # others may depend on it
    return faults + (check_entries(entries)[1] if entries else [])


def _read_space(texts: list[str]) -> dict[str, str]:
    pairs = [name_and_value(text, "--space") for text in texts]
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    refuse(*(f"--space {name}=…: is given twice. Leave one out." for name in twice))
    return dict(pairs)


def is_own(options: dict[str, Any]) -> bool:
    """Checks if the user's own objective or command is run, not the built-in classifier."""
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
    """Returns an option as it is written on the command line, such as `--time-budget`."""
    return "--" + name.replace("_", "-")


def _any_of(words: tuple[str, ...]) -> str:
    return " or ".join(words)


def _read_yaml(path: Path, faults: list[str]) -> dict[str, Any]:
    from sweeper.cli.option_file import read_yaml  # it loads yaml

    found: list[str] = []
    described = read_yaml(path, found)
    if not isinstance(described, dict):
        raise ValueError(f"{path}: must map names to values, such as `trials: 20`.")
    found += [
        unknown_fault(str(name), str, list(DEFAULTS)) for name in described if name not in DEFAULTS
    ]
    read = {name: value for name, value in described.items() if name in DEFAULTS}
    metric = read.get("metric")
    if isinstance(metric, dict) and "name" in metric:
        mode = "max" if str(metric.get("goal", "")).startswith("max") else "min"
        found.append(
            f"metric: must be a name, not a mapping. Write metric: {metric['name']} and "
            f"mode: {mode}."
        )
        del read["metric"]
    read_kinds(read, str, found)
    if not isinstance(read.get("space", {}), dict):
        found.append("space: must map hyperparameters to values.")
        del read["space"]
    for name in ("constraint", "initial", "also"):
        if isinstance(read.get(name), str | dict):
            read[name] = [read[name]]
    faults += [f"{path}: {fault}" for fault in found]
    return read
