"""Turns the lines of a journal into the table, with whole trainings cut by early stopping."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sweeper.record.rows import Row, others
from sweeper.search.asha import ASHA, Verdicts
from sweeper.search.metric import Metric


def settled(lines: Iterable[Row], scheduler: ASHA | None, metric: Metric = Metric()) -> list[Row]:
    """Returns the rows of the table for the lines of a sweep, in the order of trials.

    A trial may have trained on, even to its end, before the verdict that stops it was out: its line
    holds all epochs, its row ends at the rung. While a verdict is open, since an earlier trial has
    not reached the rung, the trial counts as `interrupted`.
    """
    rows = sorted(lines, key=lambda row: row.key)
    if scheduler is None:
        return rows
    verdicts = Verdicts(scheduler, metric)
    for row in rows:
        if row.status != "interrupted":
            tell(verdicts, row)
    return [settle(row, verdicts) for row in rows]


def tell(verdicts: Verdicts, row: Row) -> None:
    """Passes all reports of an ended trial to the verdicts."""
    for epoch, value, *_ in row.curve:
        verdicts.reported(row.trial, int(epoch), value)
    verdicts.over(row.trial)


def settle(row: Row, verdicts: Verdicts) -> Row:
    """Returns the row of the table for a line, by the present verdicts."""
    if row.status == "interrupted":
        return row
    rung = verdicts.stopped_at(row.trial)
    if rung is not None:
        return cut(row, rung)
    return row if verdicts.open_at(row.trial) is None else replace(row, status="interrupted")


def cut(row: Row, rung: int) -> Row:
    """Returns the row of a trial stopped at a rung, without all that came after it."""
    curve = [point for point in row.curve if point[0] <= rung]
    return replace(
        row,
        value=curve[-1][1],
        epochs=rung,
        metrics=others(curve[-1]),
        status="stopped",
        exception=None,
        traceback=None,
        curve=curve,
    )


def read_scheduler(described: dict[str, Any]) -> ASHA | None:
    """Returns the scheduler of a record; None if there is none.

    Raises:
        ValueError: the scheduler is unknown, or its entry damaged.
    """
    scheduler = described.get("scheduler")
    if scheduler is None:
        return None
    try:
        arguments = {name: value for name, value in scheduler.items() if name != "kind"}
        if scheduler["kind"] == "ASHA" and not (found := ASHA(**arguments)).faults():
            return found
    except (AttributeError, KeyError, TypeError):
        pass
    raise ValueError(
        f"scheduler {scheduler!r} can't be used: this version has ASHA, whose entries are "
        "grace_epochs (at least 1), reduction_factor (at least 2) and max_epochs (above "
        "grace_epochs)."
    )
