"""Sweeps turned round: what was to be minimised is to be maximised."""

import operator
from collections.abc import Callable
from dataclasses import replace

from sweeper.record.results import Results


def mirrored(
    results: Results, name: str = "validation_error", turn: Callable[[float], float] = operator.neg
) -> Results:
    """The same sweep, but that each value is turned round and high ones are good."""
    rows = [
        replace(
            row,
            value=None if row.value is None else turn(row.value),
            curve=[[epoch, turn(value), *rest] for epoch, value, *rest in row.curve],
        )
        for row in results.rows
    ]
    return Results(results.folder, {**results.sweep, "metric": name, "mode": "max"}, rows)


def share(error: float) -> float:
    """The accuracy that goes with an error."""
    return 1 - error
