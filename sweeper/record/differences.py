"""Compares two sweeps, since a resume must go on with the same one."""

import shlex
from collections.abc import Iterator
from typing import Any

from sweeper.record import journal
from sweeper.record.journal import Record
from sweeper.record.objective_changes import other_changes, values_that_differ
from sweeper.record.rows import Row
from sweeper.record.sweep_definition import Sweep
from sweeper.search.metric import Metric
from sweeper.space.config_space import trial_seed
from sweeper.space.membership import as_in

_MUST_BE_THE_SAME = ("seed", "resources", "data_given")
_CAME_LATER: dict[str, Any] = {
    "constraints": [],
    "scheduler": None,
    "metric": Metric.name,
    "mode": Metric.mode,
    "fresh": False,
}  # added to the format later: the value that an older record implies
MAY_GROW = ("num_trials", "replicates")
_OF_LENGTH = ("num_trials", "until")  # arguments of searchers that only set how long they go on
_DRAWING_PACKAGES = ("numpy", "scipy")  # other versions may draw other values
_LEARNING_PACKAGES = ("optuna", "torch")  # … and these, for searchers that learn from results
_MOST_SHOWN = 10


def refuse_another_sweep(record: Record, sweep: Sweep, described: dict[str, Any]) -> None:
    """Raises a ValueError that lists the differences if the record is of another sweep."""
    described = journal.decode(journal.encode(described))  # tuples become lists, as on the disk
    differences = _differences(record.sweep, described)
    differences = differences or list(_differing_draws(record, sweep, described))
    if differences:
        shown = differences[:_MOST_SHOWN]
        if len(differences) > len(shown):
            shown.append(f"… and {len(differences) - len(shown):,} more")
        raise ValueError(
            f"{record.folder}: can't go on, it holds another sweep:\n  "
            + "\n  ".join(shown)
            + "\nUndo the change, or run a new sweep under another name."
        )


def changes_worth_a_warning(before: dict[str, Any], sweep: dict[str, Any]) -> list[str]:
    """Lists differences that may matter, one sentence each; only the user can tell."""
    warnings = other_changes(before, sweep)
    was, now = before.get("directory"), sweep["directory"]
    if was and now and was != now:
        warnings.append(
            f"the sweep began in {was}, but this is {now}: the objective's relative paths now "
            f"point to other files. If trials fail, go there "
            f"(cd {shlex.quote(was)}) and resume again."
        )
    was, now = (versions["versions"].get("torch") for versions in (before, sweep))
    if was != now:
        warnings.append(f"torch was {was}, is {now}: validation errors may differ slightly.")
    return warnings


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
    found += values_that_differ(before, sweep)
    searchers = [
        {name: one for name, one in described["searcher"].items() if name not in _OF_LENGTH}
        for described in (before, sweep)
    ]
    if searchers[0] != searchers[1]:
        found.append(f"searcher: was {searchers[0]}, is {searchers[1]}")
    for name in MAY_GROW:
        if sweep[name] < before[name]:
            was, now = before[name], sweep[name]
            found.append(
                f"{name}: was {was}, is {now}; it may only grow: for {now} more, it is {was + now}"
            )
    for name, meant in _CAME_LATER.items():
        was, now = before.get(name, meant), sweep[name]
        if was != now:
            found.append(f"{name}: was {was!r}, is {now!r}")
    if before.get("lag") != sweep["lag"]:
        found.append(f"lag: was {before.get('lag')!r}, is {sweep['lag']!r}")
    learns = sweep["lag"] is not None
    if learns and sweep["replicates"] > before["replicates"]:
        found.append("replicates: may not grow, since the searcher has learned from their means")
    for package in (*_DRAWING_PACKAGES, *(_LEARNING_PACKAGES if learns else ())):
        was, now = (described["versions"].get(package) for described in (before, sweep))
        if was != now:
            found.append(f"{package}: was {was}, is {now}; install the earlier version")
    return found


def _differing_draws(record: Record, sweep: Sweep, described: dict[str, Any]) -> Iterator[str]:
    """Yields differences between the record and the configurations and seeds that are drawn now."""
    equal = True
    for row in record.rows:
        where = f"trial {row.trial}, replicate {row.replicate}"
        if row.trial >= described["num_trials"] or row.replicate >= sweep.replicates:
            equal = False
            yield f"{where}: is on record, but not in the sweep"
            continue
        fault = _differing_draw(row, sweep)
        if fault is None and row.seed != trial_seed(sweep.seed, row.trial, row.replicate):
            fault = f"{where}: has another seed on record"
        if fault is not None:
            equal = False
            yield fault
    if equal and record.sweep["digest_of_first_draws"] != described["digest_of_first_draws"]:
        yield "the first 16 configurations are drawn differently (their digest differs)"


def _differing_draw(row: Row, sweep: Sweep) -> str | None:
    """Says how a row's configuration differs from the one that is drawn now.

    Choices of a searcher that learns are not computed again, but their values must be in the space.
    """
    if sweep.searcher.looks_back:
        try:
            as_in(sweep.space, row.config)
        except (KeyError, ValueError) as error:
            return f"trial {row.trial}: is not a configuration of the space ({error})"
        return None
    drawn = sweep.searcher.config(sweep.space, sweep.seed, row.trial, ())
    if journal.encode(row.config) == journal.encode(drawn):
        return None
    return f"trial {row.trial}: was {row.config}, is drawn as {drawn}"
