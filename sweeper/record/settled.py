"""From the lines of a journal to the table: what early stopping makes of whole trainings."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sweeper.record.rows import Row, others
from sweeper.search.asha import ASHA, Verdicts
from sweeper.search.metric import Metric


def settled(lines: Iterable[Row], scheduler: ASHA | None, metric: Metric = Metric()) -> list[Row]:
    """The rows of the table for the lines of a sweep, in the order of trials.

    A trial may have trained on, even to its end, before the verdict that stops it was out: its
    line tells all of it, its row ends at the rung. Where a verdict is still open, since an earlier
    trial has not got there, the trial is `interrupted` until it is out.
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
    """Tells all that a trial has shown, which has ended."""
    for epoch, value, *_ in row.curve:
        verdicts.reported(row.trial, int(epoch), value)
    verdicts.over(row.trial)


def settle(row: Row, verdicts: Verdicts) -> Row:
    """The row of the table for a line, by the verdicts that are out."""
    if row.status == "interrupted":
        return row
    rung = verdicts.stopped_at(row.trial)
    if rung is not None:
        return cut(row, rung)
    return row if verdicts.open_at(row.trial) is None else replace(row, status="interrupted")


def cut(row: Row, rung: int) -> Row:
    """The row of a trial that is stopped at a rung: nothing of what came after it."""
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
    """The scheduler that a record tells of; None if there is none.

    Raises:
        ValueError: it is unknown or damaged.
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
    raise ValueError(f"scheduler {scheduler!r} is unknown; known is ASHA.")
