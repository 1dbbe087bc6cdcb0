"""What `sweep.json` says: what was run, with what, by which code."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

from sweeper import journal
from sweeper.cluster import Resources
from sweeper.objective import Objective
from sweeper.searchers import Searcher, plain_configs
from sweeper.space_checks import Config, ConfigSpace
from sweeper.space_text import to_text

_DIGEST_DRAWS = 16


def describe_sweep(
    objective: Objective,
    space: ConfigSpace,
    searcher: Searcher,
    seed: int,
    resources: Resources,
    configs: list[Config],
) -> dict[str, Any]:
    """What `sweep.json` says."""
    draws = json.dumps(journal.encode(configs[:_DIGEST_DRAWS]), sort_keys=True)
    return {
        "format": journal.FORMAT,
        "created": now(),
        **_describe_objective(objective),
        "config_space": {name: to_text(value) or repr(value) for name, value in space.items()},
        "searcher": {"kind": type(searcher).__name__, **_describe_searcher(searcher)},
        "num_trials": len(configs),
        "seed": int(seed),
        "resources": asdict(resources),
        "digest_of_first_draws": hashlib.sha256(draws.encode()).hexdigest(),
        "versions": {"python": platform.python_version(), **_versions()},
        "git_commit": _git_commit(),
    }


def _describe_searcher(searcher: Searcher) -> dict[str, Any]:
    """Its arguments, with NumPy's integers as plain ones."""

    def plain(value: Any) -> Any:
        return value.item() if hasattr(value, "item") else value

    arguments = {name: plain(value) for name, value in asdict(searcher).items()}
    arguments["initial_configs"] = plain_configs(searcher.initial_configs)
    if isinstance(arguments.get("points"), dict):
        arguments["points"] = {name: plain(n) for name, n in arguments["points"].items()}
    return arguments


def now() -> str:
    """The time as ISO 8601 has it, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    names = ("sweeper", "ray", "torch", "numpy", "scipy", "pandas")
    return {name: version(name) for name in names}


def _git_commit() -> str | None:
    """The commit of the directory that the user is in, if it is one of git's."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _describe_objective(objective: Objective) -> dict[str, Any]:
    """Its module and name, and what is fixed of its arguments."""
    function = _unwrapped(objective)
    fixed: list[str] | None = None
    if isinstance(objective, partial):
        fixed = [*map(repr, objective.args), *_as_text(objective.keywords)]
    elif is_dataclass(objective):
        fixed = _as_text(vars(objective))
    return {
        "objective": f"{getattr(function, '__module__', None)}:{objective_name(objective)}",
        "fixed_arguments": fixed,
    }


def _as_text(arguments: Mapping[str, Any]) -> list[str]:
    return [f"{name}={value!r:.200}" for name, value in arguments.items()]


def _unwrapped(objective: Objective) -> Objective:
    return objective.func if isinstance(objective, partial) else objective


def objective_name(objective: Objective) -> str:
    """What to call an objective: the function's name, or the class's."""
    function = _unwrapped(objective)
    return getattr(function, "__name__", type(function).__name__)
