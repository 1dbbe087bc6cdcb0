"""What `sweep.json` says: what was run, with what, by which code."""

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from sweeper.cluster.resources import Resources
from sweeper.record import journal
from sweeper.space.checks import ConfigSpace
from sweeper.space.searchers import RandomSearch, Searcher, plain_configs
from sweeper.space.text import to_text
from sweeper.worker.objective import Objective
from sweeper.worker.objective_reference import describe_objective

_DIGEST_DRAWS = 16


def describe_sweep(
    objective: Objective,
    space: ConfigSpace,
    searcher: Searcher,
    seed: int,
    replicates: int,
    resources: Resources,
    data_given: bool,
) -> dict[str, Any]:
    """What `sweep.json` says. Values of the space without a text form are in `without_text`."""
    texts = {name: to_text(value) for name, value in space.items()}
    return {
        "format": journal.FORMAT,
        "created": now(),
        **describe_objective(objective),
        "config_space": {name: text or repr(space[name]) for name, text in texts.items()},
        "without_text": [name for name, text in texts.items() if text is None],
        "searcher": {"kind": type(searcher).__name__, **_describe_searcher(searcher)},
        "num_trials": int(searcher.num_configs(space)),
        "replicates": int(replicates),
        "seed": int(seed),
        "resources": asdict(resources),
        "data_given": data_given,
        "digest_of_first_draws": _digest_of_first_draws(space, searcher, seed),
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": f"{platform.platform()}, {os.cpu_count()} CPUs",
        "git_commit": _git_commit(),
    }


def _describe_searcher(searcher: Searcher) -> dict[str, Any]:
    """Its arguments, with NumPy's integers as plain ones; configurations as texts."""

    def plain(value: Any) -> Any:
        return value.item() if hasattr(value, "item") else value

    arguments = {name: plain(value) for name, value in asdict(searcher).items()}
    arguments["initial_configs"] = [to_text(c) for c in plain_configs(searcher.initial_configs)]
    if isinstance(arguments.get("points"), dict):
        arguments["points"] = {name: plain(n) for name, n in arguments["points"].items()}
    return arguments


def _digest_of_first_draws(space: ConfigSpace, searcher: Searcher, seed: int) -> str:
    """The SHA-256 of the first 16 configurations, however many of them are asked for."""
    if isinstance(searcher, RandomSearch):
        searcher = replace(searcher, num_trials=_DIGEST_DRAWS)
    first = searcher.configs(space, seed)[:_DIGEST_DRAWS]
    draws = json.dumps(journal.encode(first), sort_keys=True)
    return hashlib.sha256(draws.encode()).hexdigest()


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
