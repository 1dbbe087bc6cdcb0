"""A trial before it runs, and its row afterwards."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sweeper.worker.reports import Point


class Key(NamedTuple):
    """Identifies a trial in its sweep: the configuration's number and the replicate's."""

    trial: int
    replicate: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluation of one configuration, before it runs.

    Attributes:
        trial: the configuration's number, counted from 0.
        replicate: the number of this training among several of that configuration, counted from 0.
        seed: the seed of this training's random numbers.
        config: the configuration, plain values by name.
    """

    trial: int
    replicate: int
    seed: int
    config: dict[str, Any]

    @property
    def key(self) -> Key:
        """The key that identifies it."""
        return Key(self.trial, self.replicate)


@dataclass(slots=True)
class Row:
    """The outcome of a trial: one row of the results, one line of `trials.jsonl`.

    Attributes:
        trial, replicate, config, seed: as in `Trial`.
        value: the metric's last value; None if there is none.
        epochs: the number of epochs trained; None if not counted.
        status: one of `STATUSES`.
        start_s: seconds from the sweep's start to the trial's.
        runtime_s: how long the objective ran.
        worker, node: the process that ran it, and its node.
        exception, traceback: the reason for a failure, in a line and in full.
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
        """The key that identifies it."""
        return Key(self.trial, self.replicate)


def others(point: Point) -> dict[str, float]:
    """Returns the other metrics at a point of a curve."""
    return dict(point[3]) if len(point) > 3 else {}


STATUSES = ("finished", "diverged", "stopped", "failed", "interrupted")
