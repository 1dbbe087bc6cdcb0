"""What a running trial tells, as plain data, and when it does."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Point = list[Any]  # epoch, value, elapsed_s, and perhaps other metrics by name
PauseAt = Callable[[int], bool]  # whether this epoch is to be told of as soon as it is reported


@dataclass(frozen=True)
class Reports:
    """New points of the learning curve; the trial goes on."""

    points: list[Point]


@dataclass(frozen=True)
class Ended:
    """What became of a trial; `points` are those that no `Reports` had yet."""

    status: str  # finished, diverged, failed
    value: float | None
    epochs: int | None
    runtime_s: float
    points: list[Point]
    exception: str | None = None
    traceback: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)  # the others' last values


def status(value: float | None) -> str:
    """How a trial has ended whose objective gave this; None: it gave none."""
    if value is None:
        return "failed"
    return "finished" if math.isfinite(value) else "diverged"


def never(epoch: int) -> bool:
    """No epoch is urgent."""
    return False
