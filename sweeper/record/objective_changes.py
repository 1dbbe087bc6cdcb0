"""Checks that an objective is still the one of a sweep's record, as far as can be seen."""

from collections.abc import Callable
from typing import Any

from sweeper.faults import refuse
from sweeper.record import journal
from sweeper.worker.objective import Objective
from sweeper.worker.objective_reference import describe_objective

_MOST_NAMED = 5


def check_objective(
    sweep: dict[str, Any], objective: Objective, say: Callable[[str], None]
) -> None:
    """Refuses an objective that computes with other values than the recorded one.

    Args:
        sweep: the content of `sweep.json`.
        objective: the objective to go on with.
        say: gets messages about other changes, which only the user can judge.

    Raises:
        ValueError: arguments, or values that the objective reaches, differ; lists them.
    """
    if "fixed_arguments" not in sweep:  # made by hand
        return
    now = journal.decode(journal.encode(describe_objective(objective)))
    wrong = values_that_differ(sweep, now)
    if wrong:
        refuse(
            "the objective computes something else than it did in the sweep:\n  "
            + "\n  ".join(wrong)
            + "\nGive the one of the sweep, or run a new sweep with this one."
        )
    for change in other_changes(sweep, now):
        say(f"Note: {change}")


def values_that_differ(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Lists arguments and values of the objective that have changed, a line each."""
    found = []
    if before["fixed_arguments"] != now["fixed_arguments"]:
        found.append(
            f"fixed_arguments: was {before['fixed_arguments']!r}, is {now['fixed_arguments']!r}"
        )
    return found + [
        f"objective: {name}: was {was}, is {now}"
        for name, was, now in _differing("values", before, now)
    ]


def other_changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Lists other changes of an objective that may matter, one sentence each."""
    found = []
    if before["objective"].rpartition(":")[2] != now["objective"].rpartition(":")[2]:
        found.append(f"the objective was {before['objective']}, is {now['objective']}.")
    elif parts := [*_own_source(before, now), *_other_sources(before, now)]:
        found.append(f"the source of {' and of '.join(parts)} has changed since the sweep began.")
    found += [
        f"{name}, which the objective uses, was {was}, is {now}."
        for name, was, now in _differing("surroundings", before, now)
    ]
    return found


def _own_source(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return ["the objective"] * (before["objective_source"] != now["objective_source"])


def _other_sources(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Says briefly which functions and classes have another source than before, if any."""
    itself = now["objective"].rpartition(":")[2].rpartition(".")[2]
    changed = [name for name, _, _ in _differing("sources", before, now)]
    names = [
        name
        for name in changed
        # For a class and its method the latter is more precise.
        if not any(other.startswith(f"{name}.") for other in changed)
        and name.rpartition(".")[2] != itself
    ]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return [f"{', '.join(names[:_MOST_NAMED])}{more}, which the objective uses,"] if names else []


def recorded_state(sweep: dict[str, Any]) -> dict[str, dict[str, str]] | None:
    """Returns what the record says that its objective reached; None if it is older than that."""
    resumed = sweep.get("resumed")
    told = [sweep, *resumed] if isinstance(resumed, list) else [sweep]
    states = (one.get("objective_state") for one in told if isinstance(one, dict))
    return next((state for state in states if isinstance(state, dict)), None)


def _differing(
    kind: str, before: dict[str, Any], now: dict[str, Any]
) -> list[tuple[str, str, str]]:
    """Returns name, old and new text of what is in both and differs."""
    states = recorded_state(before), recorded_state(now)
    was, is_now = (state.get(kind, {}) if state else {} for state in states)
    return [
        (name, was[name], is_now[name])
        for name in was
        if name in is_now and was[name] != is_now[name]
    ]
