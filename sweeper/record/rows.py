"""A trial before it runs, and its row afterwards."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sweeper.worker.reports import Point


class Key(NamedTuple):
    """What tells the trials of a sweep apart: the configuration's number and the replicate's."""

    trial: int
    replicate: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluation of one configuration, before it runs.

    Attributes:
        trial: the configuration's number, counted from 0.
        replicate: which of several trainings of that configuration, counted from 0.
        seed: what the random numbers of this training start from.
        config: the configuration, plain values by name.
    """

    trial: int
    replicate: int
    seed: int
    config: dict[str, Any]

    @property
    def key(self) -> Key:
        """What tells it apart from the others."""
        return Key(self.trial, self.replicate)


@dataclass(slots=True)
class Row:
    """How a trial ended: one row of the results, one line of `trials.jsonl`.

    Attributes:
        trial, replicate, config, seed: as of the `Trial`.
        value: the last one of the metric; None if there is none.
        epochs: how many were trained; None if nobody counted.
        status: one of `STATUSES`.
        start_s: seconds from the sweep's start to the trial's.
        runtime_s: how long the objective ran.
        worker, node: which process ran it, and where.
        exception, traceback: why it failed, in a line and in full.
        curve: the learning curve: `[epoch, value, seconds since the trial's start]`, with a fourth
            element `{name: number}` where the objective gave other metrics, too.
        metrics: the last values of the other metrics.
    """

    trial: int
    replicate: int
    config: dict[str, Any]
    value: float | None
    epochs: int | None
    status: str
    seed: int
    start_s: float | None = None
    runtime_s: float | None = None
    worker: str | None = None
    node: str | None = None
    exception: str | None = None
    traceback: str | None = None
    curve: list[Point] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What tells it apart from the others."""
        return Key(self.trial, self.replicate)


def others(point: Point) -> dict[str, float]:
    """The other metrics at a point of a curve."""
    return dict(point[3]) if len(point) > 3 else {}


STATUSES = ("finished", "diverged", "stopped", "failed", "interrupted")
