"""The messages of a running trial, as plain data."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Point = list[Any]  # epoch, value, elapsed_s, and perhaps other metrics by name
PauseAt = Callable[[int], bool]  # checks whether an epoch is to be sent as soon as it is reported


@dataclass(frozen=True)
class Reports:
    """New points of the learning curve; the trial goes on."""

    points: list[Point]


@dataclass(frozen=True)
class Ended:
    """The end of a trial; `points` are those that no `Reports` had yet."""

    status: str  # finished, diverged, failed
    value: float | None
    epochs: int | None
    runtime_s: float
    points: list[Point]
    exception: str | None = None
    traceback: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)  # the other metrics' last values


def status(value: float | None) -> str:
    """Returns the status of a trial whose objective gave this value; None: it gave none."""
    if value is None:
        return "failed"
    return "finished" if math.isfinite(value) else "diverged"


def never(epoch: int) -> bool:
    """Returns False: no epoch is urgent."""
    return False
