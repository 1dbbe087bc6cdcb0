"""Checks that a sweep can be resumed from its record, and restarts it."""

import functools
import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeper.cluster.resources import Resources
from sweeper.record import journal
from sweeper.record.differences import MAY_GROW, changes_worth_a_warning, refuse_another_sweep
from sweeper.record.objective_changes import recorded_state
from sweeper.record.provenance import A_FUNCTION, describe_sweep
from sweeper.record.rows import Row
from sweeper.record.settled import read_scheduler
from sweeper.record.sweep_definition import Sweep, check_sweep
from sweeper.search.metric import read_metric
from sweeper.search.searcher import SEARCHERS, Searcher
from sweeper.space.membership import as_in
from sweeper.space.text import read_config_space, read_value
from sweeper.worker.command import Command
from sweeper.worker.objective_loading import load_objective
from sweeper.worker.objective_reference import can_be_found, find_again

_NOTED_EACH_TIME = (
    "created",
    "num_trials",
    "replicates",
    "objective_source",
    "directory",
    "versions",
    "git_commit",
)


def continue_record(
    folder: Path, sweep: Sweep, retry_failed: bool, say: Callable[[str], None]
) -> tuple[Sweep, dict[str, Any], list[Row]]:
    """Returns the sweep with the record's lag, the content of `sweep.json` from now on, and the
    rows of trials that are not run again.

    Args:
        folder: the sweep's own folder, which is locked.
        sweep: the sweep to go on with.
        retry_failed: True to run failed trials again.
        say: gets messages about changes that may matter.

    Raises:
        ValueError: the sweeps differ in more than a larger number of trials or replicates, failed
            trials can't be run again, or the record is damaged.
        FileNotFoundError: there is no sweep in this folder.
    """
    if _never_began(folder):
        return sweep, describe_sweep(sweep), []
    record = journal.read(folder)
    for line in record.unreadable:
        say(f"left out {line}")
    lag = record.sweep.get("lag")
    if sweep.lag is None and sweep.searcher.looks_back:
        sweep = replace(sweep, lag=lag)
    described = describe_sweep(sweep)
    refuse_another_sweep(record, sweep, described)
    if retry_failed:
        _refuse_to_retry(record.rows, sweep)
    for warning in changes_worth_a_warning(record.sweep, described):
        say(f"Note: {warning}")
    again = {"interrupted", "failed"} if retry_failed else {"interrupted"}
    kept = [
        replace(row, config=as_in(sweep.space, row.config))
        for row in record.rows
        if row.status not in again
    ]
    grown = {name: described[name] for name in ("format", "searcher", *MAY_GROW)}
    this_time = {name: described[name] for name in _NOTED_EACH_TIME}
    if recorded_state(record.sweep) != described["objective_state"]:
        this_time["objective_state"] = described["objective_state"]
    resumed = [*record.sweep.get("resumed", []), this_time]
    return sweep, {**record.sweep, **grown, "resumed": resumed}, kept


def _refuse_to_retry(rows: list[Row], sweep: Sweep) -> None:
    failed = [row.trial for row in rows if row.status == "failed"]
    if not failed or not (sweep.searcher.looks_back or sweep.scheduler):
        return
    who = "the searcher has learned from" if sweep.searcher.looks_back else "others were judged by"
    raise ValueError(
        f"retry_failed: {who} the failure of trial {failed[0]}, so that what followed would not "
        "be the same any more. Run a new sweep under another name."
    )


def _never_began(folder: Path) -> bool:
    """Checks whether a crash left a folder before anything was written into it."""
    rows = folder / "trials.jsonl"
    there = {path.name for path in folder.iterdir() if not path.name.startswith(".sweep.json")}
    return there <= {rows.name} and rows.stat().st_size == 0


def obstacles(sweep: dict[str, Any], objective_named: bool = False) -> list[str]:
    """Lists why a sweep can't be resumed from its record alone; empty if it can."""
    found = []
    if sweep["without_text"]:
        found.append(f"config_space: {sweep['without_text']} have no text form")
    if sweep["data_given"]:
        found.append("data= was given, and data is not recorded")
    if any(str(value).startswith(A_FUNCTION) for value in sweep["searcher"].values()):
        found.append("the searcher was given a function")
    if sweep["searcher"].get("kind") == "TopTwo":
        found.append(
            "sweeper.confirm has made it, and goes on with it when it is called again, as sweeper "
            "confirm does for the folder around this one"
        )
    if None in sweep["searcher"].get("initial_configs", []):
        found.append("initial_configs have no text form")
    if not objective_named and not can_be_found(sweep):
        found.append(
            f"the objective {sweep['objective']} can't be found by its name; if it has one, give "
            "it as file.py:function"
        )
    return found


def rebuild(described: dict[str, Any], reference: str | None) -> Sweep:
    """Builds the sweep that a record describes. Code is loaded once nothing else is wrong.

    Args:
        described: the content of `sweep.json`.
        reference: names the objective for `load_objective`; None to find it again by its recorded
            name, which runs the code that the record names.

    Raises:
        ValueError: the record alone is not enough; lists why.
        FileNotFoundError, ImportError: the objective's file or module is gone.
    """
    reasons = obstacles(described, reference is not None)
    if reasons:
        raise ValueError(
            "this sweep can only go on from code, by sweeper.run(…, resume=True) or "
            "sweeper.confirm(…):\n  " + "\n  ".join(reasons)
        )
    checked = functools.partial(
        check_sweep,
        config_space=read_config_space(described["config_space"]),
        searcher=_searcher(dict(described["searcher"])),
        constraints=described.get("constraints", []),
        scheduler=read_scheduler(described),
        metric=read_metric(described),
        seed=described["seed"],
        replicates=described["replicates"],
        resources=Resources(**described["resources"]),
        fresh=described.get("fresh", False),
    )
    checked(not_loaded)
    objective = find_again(described) if reference is None else load_objective(reference)
    try:
        return checked(objective)
    except ValueError as error:  # such as a command whose script lies where the sweep began
        began = described.get("directory")
        if not isinstance(objective, Command) or began in (None, os.getcwd()):
            raise
        raise ValueError(
            f"{error}\nThe sweep began in {began}: go there (cd {shlex.quote(began)}) and give "
            "the command again."
        ) from None


def not_loaded(config: dict[str, Any]) -> None:
    """Stands in for an objective whose code is not loaded, or not yet."""


def _searcher(described: dict[str, Any]) -> Searcher:
    kinds: dict[Any, Any] = {kind.__name__: kind for kind in SEARCHERS}
    kind = described.pop("kind", None)
    if kind not in kinds:
        raise ValueError(f"searcher {kind!r} is unknown; known are {list(kinds)}.")
    texts = described.get("initial_configs", [])
    described["initial_configs"] = [read_value(text) for text in texts]
    return kinds[kind](**described)
