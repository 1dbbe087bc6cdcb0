"""The options of `sweeper run`: their defaults, those of a YAML file, and those of flags."""

import re
from pathlib import Path
from typing import Any

from sweeper.cluster.resources import Resources
from sweeper.faults import refuse
from sweeper.search.asha import ASHA
from sweeper.sweep.execution import Execution
from sweeper.sweep.limits import Limits

# The sweep that runs when nothing is said: d2l, section 19.1.
DEFAULTS: dict[str, Any] = {
    "objective": None,
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
    "keep": Execution.keep,
    "address": None,
    "cluster": None,
    "dry_run": False,
    "test": False,
    "no_report": False,
    "quiet": False,
}
_KINDS = {
    **dict.fromkeys(("objective", "model", "data", "searcher", "name", "folder"), str),
    **dict.fromkeys(("address", "cluster", "scheduler", "surrogate", "keep"), str),
    **dict.fromkeys(("resume", "retry_failed", "keep_checkpoints", "dry_run", "test"), bool),
    **dict.fromkeys(("no_report", "quiet", "unique"), bool),
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
        flags["space"] = dict(_name_and_value(text, "--space") for text in flags["space"])
    if "points" in flags:
        flags["points"] = _points(flags["points"])
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
    if options["objective"] is not None:
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


_UNITS_S = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def read_seconds(value: Any, name: str) -> float:
    """Seconds from a number, or from a text such as `90`, `1e3`, `30m`, `1.5h`.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    try:
        if match and match[2].lower() in _UNITS_S:
            return float(match[1]) * _UNITS_S[match[2].lower()]
    except ValueError:  # 1.2.3
        pass
    raise ValueError(
        f"{name} must be seconds or a text such as 90, 1e3, 30m, 1.5h or 2d, but got "
        f"{value!r} ({type(value).__name__})."
    )


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file. Give a YAML file of options, or module:function."
        )
    try:
        described = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: is no YAML: {error}") from error
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
        raise ValueError(f"{path}: {unknown} mean nothing here; known are {list(DEFAULTS)}.")
    if not isinstance(described.get("space", {}), dict):
        raise ValueError(f"{path}: space must map hyperparameters to values.")
    for name in ("constraint", "initial"):
        if isinstance(described.get(name), str | dict):
            described[name] = [described[name]]
    return described


def _name_and_value(text: str, flag: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"{flag} {text!r}: must be NAME=VALUE, such as lr=loguniform(1e-4,1).")
    return name.strip(), value.strip()


def _points(texts: list[str]) -> int | dict[str, int]:
    """`["5"]` as 5, `["lr=5", "depth=3"]` as a dict."""
    try:
        if len(texts) == 1 and "=" not in texts[0]:
            return int(texts[0])
        named = dict(_name_and_value(text, "--points") for text in texts)
        return {name: int(value) for name, value in named.items()}
    except ValueError:
        raise ValueError(f"--points {' '.join(texts)}: must be N, or NAME=N for each.") from None
