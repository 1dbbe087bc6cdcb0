"""The trial that runs in this process: how a sweep's worker and the trainer inside it communicate.

It also keeps the test set sealed.
"""

import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRIALS = "trials"  # the folder of a sweep in which its trials have theirs


class StopTrial(BaseException):
    """Ends an objective whose trial is stopped early; `except Exception` doesn't catch it.

    >>> issubclass(sweeper.StopTrial, Exception)
    False
    """


@dataclass
class CurrentTrial:
    """The trial that an objective runs in; see `sweeper.current_trial`.

    Attributes:
        number: the configuration's number, counted from 0; None outside of a sweep.
        replicate: the number of this training among several of that configuration; None outside of
            a sweep.
        seed: the seed of this training; None outside of a sweep.
        config: the configuration, plain values by name; empty outside of a sweep.
    """

    number: int | None = None
    replicate: int | None = None
    seed: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    place: Path | None = field(default=None, repr=False)  # the folder's path, made or not

    @property
    def folder(self) -> Path:
        """The trial's own folder, made on first use: `trials/7-0` in the sweep's folder for trial
        7, replicate 0. It still holds what an attempt whose process died has left.

        On a node that doesn't share the sweep's folder it is a temporary one, which is copied when
        the trial ends, unless that is stopped early. Outside of a sweep it is a temporary folder
        that nobody removes.
        """
        if self.place is None:
            self.place = Path(tempfile.mkdtemp(prefix="sweeper-trial-"))
        for folder in (self.place.parent, self.place):  # the sweep's own is not made again
            folder.mkdir(exist_ok=True)
        return self.place


# A value of the metric, seconds since the start, and perhaps other metrics by name.
Entry = tuple[float, float] | tuple[float, float, dict[str, float]]


def _nobody_listens() -> None:
    pass


@dataclass
class TrialContext:
    """The channel between a sweep's worker and the trainers inside of the objective.

    Trainers call `report` after each epoch. In this call the worker may leave the objective, to go
    on with it later, or raise `StopTrial`. An objective that only waits may call `pause` instead.

    `checkpoints` is this trial's and replicate's own folder for them. Without it, as outside of a
    sweep, trainers save no checkpoints, whatever their `checkpoint_every`; with `no_checkpoints`,
    the reason why there can be none, they raise an error.
    """

    trial: CurrentTrial = field(default_factory=CurrentTrial)
    metric: str = "validation_error"
    cpus: float | None = None  # None: outside of a sweep, where all may be used
    gpus: float | None = None  # None: outside of a sweep, where a GPU is used if there is one
    test: bool = False  # data modules hand out the test set for evaluation
    with_validation: bool = False  # … and the validation set for training as well
    record_curve: bool = True  # False: trainers leave the learning curve to the objective
    yields: bool = False  # whether the objective yields its learning curve
    has_ended: bool = False
    test_set_read: bool = False
    sets_joined: bool = False  # whether training and validation data were handed out as one set
    epochs: int = 0
    fits: int = 0
    curve: list[Entry] = field(default_factory=list)
    start: float = field(default_factory=time.perf_counter)  # earlier if a fit was resumed
    report: Callable[[], None] = _nobody_listens  # `curve` may have grown; may stop the trial
    pause: Callable[[], None] = _nobody_listens
    checkpoints: Path | None = None
    no_checkpoints: str | None = None

    def add_to_curve(self, value: float, others: dict[str, float] | None = None) -> None:
        """Adds the next epoch to the learning curve."""
        seconds = time.perf_counter() - self.start
        self.curve.append((value, seconds, others) if others else (value, seconds))


_OUTSIDE = TrialContext()
_current = _OUTSIDE
# Threads that still run although the trial that has started them has ended, with its context.
_left_behind: MutableMapping[threading.Thread, TrialContext] = weakref.WeakKeyDictionary()


def current_context() -> TrialContext:
    """Returns the context of the trial that this process runs; outside of a sweep a general one.

    A thread that an earlier trial has left behind gets the context of that.
    """
    return _left_behind.get(threading.current_thread(), _current)


def in_a_trial() -> bool:
    """Checks whether this process runs a trial, or reads the test set."""
    return current_context() is not _OUTSIDE


@contextmanager
def trial_context(**fields: Any) -> Iterator[TrialContext]:
    """Yields a new context with these fields, which is the current one until the block ends."""
    context = TrialContext(**fields)
    before = exchange_trial(context)
    try:
        yield context
    finally:
        exchange_trial(before)


def exchange_trial(context: TrialContext) -> TrialContext:
    """Makes a context the current one; returns the previous one."""
    global _current
    _left_behind.pop(threading.current_thread(), None)
    before, _current = _current, context
    return before


def leave_threads(context: TrialContext, before: Collection[threading.Thread]) -> None:
    """Ends a trial for the threads that it leaves behind: what they do is none of the next one's.

    Args:
        context: the trial's.
        before: the threads that ran when it began.
    """
    context.has_ended = True
    for thread in threading.enumerate():
        if thread not in before:
            _left_behind.setdefault(thread, context)


def trial_folder(sweep: Path, key: tuple[int, int]) -> Path:
    """Returns the folder in which a trial and replicate of a sweep keeps its files."""
    trial, replicate = key
    return sweep / TRIALS / f"{trial}-{replicate}"


def checkpoint_folder(sweep: Path, key: tuple[int, int]) -> Path:
    """Returns the folder in which a trial and replicate of a sweep keeps its checkpoints."""
    trial, replicate = key
    return sweep / "checkpoints" / f"{trial}-{replicate}"


def storage_not_shared(folder: Path, nodes: Sequence[str]) -> str:
    """Says why trials can't keep checkpoints in a sweep's folder that these nodes don't see."""
    return (
        f"checkpoint_every needs storage that all nodes share, but {folder} is not seen from "
        f"{', '.join(nodes)}. Give sweeper.run a folder=… that is, or leave it out."
    )


def joins_sets() -> bool:
    """Checks whether to hand out the validation data for training as well, and notes it."""
    _current.sets_joined = _current.with_validation
    return _current.with_validation


def open_test_set() -> None:
    """Notes that the test set is read.

    Raises:
        RuntimeError: a trial of a sweep asks; the test set is sealed for it.
    """
    if not (_current.test or _current is _OUTSIDE):
        raise RuntimeError(
            "The test set is sealed while a sweep runs. Take val_dataloader(), and call "
            "sweeper.test(results, objective) after the sweep."
        )
    _current.test_set_read = True
