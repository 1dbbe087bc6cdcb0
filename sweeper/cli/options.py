"""The options of `sweeper run`: their defaults, those of a YAML file, and those of flags."""

from pathlib import Path
from typing import Any

from sweeper.faults import refuse

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
    "replicates": 1,
    "seed": 0,
    "workers": None,
    "cpus": 1,
    "gpus": 0,
    "max_failures": 2,
    "time_budget": None,
    "name": None,
    "folder": "runs",
    "resume": False,
    "retry_failed": False,
    "keep_checkpoints": False,
    "address": None,
    "cluster": None,
    "dry_run": False,
    "test": False,
    "no_report": False,
    "quiet": False,
}
_KINDS = {
    **dict.fromkeys(("objective", "model", "data", "searcher", "name", "folder"), str),
    **dict.fromkeys(("address", "cluster"), str),
    **dict.fromkeys(
        ("resume", "retry_failed", "keep_checkpoints", "dry_run", "test", "no_report", "quiet"),
        bool,
    ),
}
DEFAULT_SPACE = {"learning_rate": "loguniform(1e-4, 1)"}
SEARCHERS = ("random", "grid")
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
        faults.append(f"--searcher {options['searcher']!r}: choose {' or '.join(SEARCHERS)}.")
    if options["searcher"] == "random" and "points" in asked:
        faults.append("--points: only for a grid. Add --searcher grid, or leave it out.")
    if options["searcher"] == "grid" and "trials" in asked:
        faults.append(
            "--trials: only for random search. Leave it out: a grid is as large as its axes make "
            "it, by --points and choices."
        )
    if options["objective"] is not None:
        useless = [f"--{name.replace('_', '-')}" for name in BUILT_IN_ONLY if name in asked]
        if useless:
            faults.append(
                f"{', '.join(useless)}: only for sweeper's own classifier. Leave "
                f"{'it' if len(useless) == 1 else 'them'} out: your objective decides on that."
            )
        if options["space"] is None:
            faults.append("--space NAME=VALUE: needed to say what your objective's choices are.")
    refuse(*faults)


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
