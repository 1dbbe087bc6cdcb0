"""Describes a sweep for `sweep.json`: what was run, with what, by which code."""

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

from sweeper.extras import installed
from sweeper.record import journal
from sweeper.record.sweep_definition import Sweep
from sweeper.search.arguments import plain_configs
from sweeper.search.grid_search import GridSearch
from sweeper.search.searcher import Searcher, first_configs
from sweeper.space.text import to_text
from sweeper.worker.objective_reference import describe_objective, objective_name
from sweeper.worker.own_modules import removed_later

_DIGEST_DRAWS = 16
A_FUNCTION = "function "  # begins the description of an argument that is one


def describe_sweep(sweep: Sweep) -> dict[str, Any]:
    """Returns the content of `sweep.json`; `without_text` lists values without a text form."""
    entries = sweep.space.entries
    texts = {name: to_text(value) for name, value in entries.items()}
    return {
        "format": journal.FORMAT,
        "created": now(),
        **describe_objective(sweep.objective),
        "config_space": {name: text or repr(entries[name]) for name, text in texts.items()},
        "without_text": [name for name, text in texts.items() if text is None],
        "constraints": list(sweep.space.constraints),
        "searcher": {"kind": type(sweep.searcher).__name__, **_describe_searcher(sweep.searcher)},
        "scheduler": sweep.scheduler and {"kind": "ASHA", **asdict(sweep.scheduler)},
        "metric": sweep.metric.name,
        "mode": sweep.metric.mode,
        "num_trials": int(sweep.num_trials),
        "replicates": sweep.replicates,
        "lag": sweep.lag,
        "seed": sweep.seed,
        "resources": asdict(sweep.resources),
        "data_given": sweep.data_given,
        "fresh": sweep.fresh,
        "digest_of_first_draws": _digest_of_first_draws(sweep),
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": f"{platform.platform()}, {os.cpu_count()} CPUs",
        # A job's directory is made for the job and removed afterwards.
        "directory": None if removed_later() else os.getcwd(),
        "git_commit": _git_commit(),
    }


def _describe_searcher(searcher: Searcher) -> dict[str, Any]:
    """Returns the searcher's arguments, NumPy's integers as plain ones, configurations as texts.

    The lag is recorded separately, since the sweep may have chosen it.
    """
    arguments = {
        field.name: _plain(getattr(searcher, field.name))
        for field in fields(searcher)  # type: ignore[arg-type]
        if field.name != "lag"
    }
    arguments["initial_configs"] = [to_text(c) for c in plain_configs(searcher.initial_configs)]
    return arguments


def _plain(value: Any) -> Any:
    if callable(value):
        return A_FUNCTION + objective_name(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value.item() if hasattr(value, "item") else value


def _digest_of_first_draws(sweep: Sweep) -> str:
    """Returns the SHA-256 of the first 16 configurations, however many are asked for."""
    searcher: Any = sweep.searcher
    if not isinstance(searcher, GridSearch):
        searcher = replace(searcher, num_trials=_DIGEST_DRAWS)
    first = first_configs(searcher, sweep.space, sweep.seed, _DIGEST_DRAWS)
    draws = json.dumps(journal.encode(first), sort_keys=True)
    return hashlib.sha256(draws.encode()).hexdigest()


def now() -> str:
    """Returns the time in UTC, in ISO 8601 format."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    names = ("sweeper", "ray", "torch", "numpy", "scipy", "pandas", "optuna")
    found = {name: installed(name) for name in names}
    return {name: version for name, version in found.items() if version is not None}


def _git_commit() -> str | None:
    """Returns the commit of the user's current directory, if it is in a git repository."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
