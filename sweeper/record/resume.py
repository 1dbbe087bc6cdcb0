"""Whether a sweep can go on where its record ends, and how to start it again from its record."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeper.cluster.resources import Resources
from sweeper.record import journal
from sweeper.record.journal import Record
from sweeper.record.rows import Row
from sweeper.space.checks import Config
from sweeper.space.config_space import trial_seed
from sweeper.space.searchers import GridSearch, RandomSearch, Searcher
from sweeper.space.text import read_config_space, read_value
from sweeper.worker.objective import Objective
from sweeper.worker.objective_reference import can_be_found, find_again

_MUST_BE_THE_SAME = ("seed", "resources", "fixed_arguments", "data_given")
_MAY_GROW = ("num_trials", "replicates")
_DRAWING_PACKAGES = ("numpy", "scipy")  # other versions may draw other values
_NOTED_EACH_TIME = (
    "created",
    "num_trials",
    "replicates",
    "objective_source",
    "versions",
    "git_commit",
)
_MOST_SHOWN = 10


def continue_record(
    folder: Path,
    sweep: dict[str, Any],
    configs: list[Config],
    retry_failed: bool,
    say: Callable[[str], None],
) -> tuple[dict[str, Any], list[Row]]:
    """What `sweep.json` says from now on, and the rows of trials that are not run again.

    Args:
        folder: the sweep's own, which is locked.
        sweep: what `describe_sweep` says of the sweep that wants to go on.
        configs: its configurations.
        retry_failed: whether failed trials are run again.
        say: is told of changes that may matter.

    Raises:
        ValueError: the sweeps differ in more than a larger number of trials or replicates, or the
            record is damaged.
        FileNotFoundError: there is no sweep in this folder.
    """
    if _never_began(folder):
        return sweep, []
    record = journal.read(folder)
    for line in record.unreadable:
        say(f"left out {line}")
    _refuse_another_sweep(record, sweep, configs)
    for warning in _changes_worth_a_warning(record.sweep, sweep):
        say(f"Note: {warning}")
    again = {"interrupted", "failed"} if retry_failed else {"interrupted"}
    kept = [
        replace(row, config=configs[row.trial])  # with the tuples that JSON made lists of
        for row in record.rows
        if row.status not in again
    ]
    grown = {name: sweep[name] for name in ("searcher", *_MAY_GROW)}
    this_time = {name: sweep[name] for name in _NOTED_EACH_TIME}
    resumed = [*record.sweep.get("resumed", []), this_time]
    return {**record.sweep, **grown, "resumed": resumed}, kept


def _never_began(folder: Path) -> bool:
    """Whether a crash left a folder before anything was written into it."""
    rows = folder / "trials.jsonl"
    there = {path.name for path in folder.iterdir() if not path.name.startswith(".sweep.json")}
    return there <= {rows.name} and rows.stat().st_size == 0


def _refuse_another_sweep(record: Record, sweep: dict[str, Any], configs: list[Config]) -> None:
    sweep = journal.decode(journal.encode(sweep))  # tuples become lists, as on the disk
    differences = _differences(record.sweep, sweep) or _differing_draws(record, sweep, configs)
    if differences:
        shown = differences[:_MOST_SHOWN]
        if len(differences) > len(shown):
            shown.append(f"… and {len(differences) - len(shown):,} more")
        raise ValueError(
            f"{record.folder}: can't go on, it holds another sweep:\n  "
            + "\n  ".join(shown)
            + "\nUndo the change, or run a new sweep under another name."
        )


def _changes_worth_a_warning(before: dict[str, Any], sweep: dict[str, Any]) -> list[str]:
    """What differs and may matter, one sentence each; only the user can tell."""
    warnings = []
    if before["objective"].rpartition(":")[2] != sweep["objective"].rpartition(":")[2]:
        warnings.append(f"the objective was {before['objective']}, is {sweep['objective']}.")
    elif before["objective_source"] != sweep["objective_source"]:
        warnings.append("the source of the objective has changed since the sweep began.")
    was, now = (versions["versions"].get("torch") for versions in (before, sweep))
    if was != now:
        warnings.append(f"torch was {was}, is {now}: validation errors may differ slightly.")
    return warnings


def obstacles(sweep: dict[str, Any], objective: Objective | None = None) -> list[str]:
    """Why a sweep can't be resumed from its record alone, one reason each; empty if it can."""
    found = []
    if sweep["without_text"]:
        found.append(f"config_space: {sweep['without_text']} have no text form")
    if sweep["data_given"]:
        found.append("data= was given, which is not on record")
    if None in sweep["searcher"].get("initial_configs", []):
        found.append("initial_configs have no text form")
    if objective is None and not can_be_found(sweep):
        found.append(
            f"the objective {sweep['objective']} can't be found by its name; if it has one, give "
            "it as file.py:function"
        )
    return found


def rebuild(sweep: dict[str, Any], objective: Objective | None) -> dict[str, Any]:
    """The arguments of `sweeper.run` that a record tells of.

    Args:
        sweep: as read from `sweep.json`.
        objective: None to find it again by its name.

    Raises:
        ValueError: the record alone does not tell them; lists why.
        FileNotFoundError, ImportError: the objective's file or module is gone.
    """
    reasons = obstacles(sweep, objective)
    if reasons:
        raise ValueError(
            "this sweep can only go on from code, by sweeper.run(…, resume=True):\n  "
            + "\n  ".join(reasons)
        )
    return {
        "objective": find_again(sweep) if objective is None else objective,
        "config_space": read_config_space(sweep["config_space"]),
        "searcher": _searcher(dict(sweep["searcher"])),
        "seed": sweep["seed"],
        "replicates": sweep["replicates"],
        "resources": Resources(**sweep["resources"]),
    }


def _searcher(described: dict[str, Any]) -> Searcher:
    kinds: dict[Any, Any] = {kind.__name__: kind for kind in (RandomSearch, GridSearch)}
    kind = described.pop("kind", None)
    if kind not in kinds:
        raise ValueError(f"searcher {kind!r} is unknown; known are {list(kinds)}.")
    texts = described.get("initial_configs", [])
    described["initial_configs"] = [read_value(text) for text in texts]
    return kinds[kind](**described)


def _differences(before: dict[str, Any], sweep: dict[str, Any]) -> list[str]:
    found = []
    old, new = before["config_space"], sweep["config_space"]
    for name in old | new:
        if name not in new:
            found.append(f"config_space[{name!r}]: was {old[name]}, is gone")
        elif name not in old:
            found.append(f"config_space[{name!r}]: is new")
        elif old[name] != new[name] and name not in before["without_text"]:
            found.append(f"config_space[{name!r}]: was {old[name]}, is {new[name]}")
    if not found and list(old) != list(new):
        found.append(f"config_space: the order was {list(old)}, is {list(new)}")
    for name in _MUST_BE_THE_SAME:
        if before[name] != sweep[name]:
            found.append(f"{name}: was {before[name]!r}, is {sweep[name]!r}")
    searchers = [
        {name: value for name, value in described["searcher"].items() if name != "num_trials"}
        for described in (before, sweep)
    ]
    if searchers[0] != searchers[1]:
        found.append(f"searcher: was {searchers[0]}, is {searchers[1]}")
    for name in _MAY_GROW:
        if sweep[name] < before[name]:
            found.append(f"{name}: was {before[name]}, is {sweep[name]}; it may only grow")
    for package in _DRAWING_PACKAGES:
        was, now = (described["versions"].get(package) for described in (before, sweep))
        if was != now:
            found.append(f"{package}: was {was}, is {now}; install the version of before")
    return found


def _differing_draws(record: Record, sweep: dict[str, Any], configs: list[Config]) -> list[str]:
    """Differences between the record and the configurations and seeds that are drawn now."""
    found = []
    for row in record.rows:
        trial, replicate = row.trial, row.replicate
        if not (0 <= trial < len(configs) and 0 <= replicate < sweep["replicates"]):
            found.append(
                f"trial {trial}, replicate {replicate}: is on record, but not in the sweep"
            )
            continue
        if journal.encode(row.config) != journal.encode(configs[trial]):
            found.append(f"trial {trial}: was {row.config}, is drawn as {configs[trial]}")
        elif row.seed != trial_seed(sweep["seed"], trial, replicate):
            found.append(f"trial {trial}, replicate {replicate}: has another seed on record")
    if not found and record.sweep["digest_of_first_draws"] != sweep["digest_of_first_draws"]:
        found.append("the first 16 configurations are drawn differently (their digest differs)")
    return found
