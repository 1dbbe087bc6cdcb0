"""Trials as the runs of programs that draw curves: their names, and the points of their curves."""

from collections.abc import Iterator

from sweeper.record.results import Results
from sweeper.record.rows import Row, others


def run_names(results: Results) -> list[str]:
    """Returns a name for each row, such as `trial_07`, in the order of trials also as text."""
    several = any(row.replicate for row in results.rows)
    digits = len(str(max((row.trial for row in results.rows), default=0)))
    return [
        f"trial_{row.trial:0{digits}}" + (f"_replicate_{row.replicate}" if several else "")
        for row in results.rows
    ]


def points(results: Results, row: Row) -> Iterator[tuple[int, float | None, dict[str, float]]]:
    """Yields a trial's curves as `(epoch, seconds since its start, values by column)`; at last the
    values of its row, where they are others.
    """
    step = row.epochs or 0
    last: dict[str, float] = {}
    for point in row.curve:
        step, shown = int(point[0]), _by_column(results, point[1], others(point))
        last |= shown
        yield step, point[2], shown
    end = _by_column(results, row.value, row.metrics)
    changed = {name: end[name] for name in end if repr(end[name]) != repr(last.get(name))}
    if changed:
        yield step, row.runtime_s, changed


def _by_column(
    results: Results, value: float | None, metrics: dict[str, float]
) -> dict[str, float]:
    columns = results.other_metrics
    named = {columns[name]: number for name, number in metrics.items() if name in columns}
    return named if value is None else {results.metric.name: value} | named
