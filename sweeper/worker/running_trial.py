"""Runs one trial in this process: leaves its objective at a report, and enters it again.

The objective runs in a greenlet: on a stack of its own in the thread that calls `advance`. So a
report from deep inside of `fit` hands control back, and the objective keeps the main thread, its
signals and torch's thread-local modes.
"""

import contextvars
import copy
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from greenlet import getcurrent, greenlet

from sweeper.search.metric import Metric
from sweeper.training.trial import StopTrial, TrialContext, exchange_trial, leave_threads
from sweeper.worker.metrics import as_metrics
from sweeper.worker.objective import (
    Objective,
    describe_exception,
    num_threads,
    seed_everything,
)
from sweeper.worker.reporting import in_the_end
from sweeper.worker.reports import Ended, PauseAt, Point, Reports, never, status
from sweeper.worker.surroundings import surroundings, within

_ROUND_S = 0.1  # the least time between two returns that were not asked for
_MOST_STOPS = 100  # times that an objective is stopped that goes on regardless


class RunningTrial:
    """A trial from its first step to its end, all in one thread.

    A trial that isn't advanced to its end must be stopped: nothing else leaves the objective for
    good.

    Args:
        objective: called with `config` and the `arguments`.
        seed: seeds Python, NumPy and torch, even if only the objective imports torch.
        cpus: the CPUs that torch computes on.
        passes: exceptions of the objective that `advance` and `stop` let through instead of
            reporting them. The trial has ended then.
        fields: fields of the `TrialContext`.
    """

    def __init__(
        self,
        objective: Objective,
        config: dict[str, Any],
        arguments: Mapping[str, Any],
        seed: int,
        *,
        cpus: float = 1,
        passes: tuple[type[BaseException], ...] = (),
        **fields: Any,
    ) -> None:
        own = copy.deepcopy(config)  # the objective may change it
        self._objective: Callable[[], Any] | None = lambda: objective(own, **arguments)
        self._seed = seed
        self._threads = num_threads(cpus)
        self._passes = passes
        self.context = TrialContext(report=self._report, pause=self._pause, cpus=cpus, **fields)
        self._metric = self.context.metric
        self.context.record_curve = self._metric == Metric.name  # all that trainers know
        self._greenlet: greenlet | None = greenlet(self._run)
        self._process = os.getpid()
        self._trial_before: TrialContext | None = None
        self._pause_at: PauseAt = never
        self._num_told = self._num_seen = self._num_stops = 0
        self._stopping = False
        self._value: float | None = None
        self._others: dict[str, float] = {}
        self._exception: BaseException | None = None

    def advance(self, pause_at: PauseAt = never) -> Reports | Ended:
        """Runs the objective until there is something to report.

        Args:
            pause_at: checks whether to return as soon as an epoch is reported. Other reports are
                collected until 0.1 s have passed since the call.

        Raises:
            RuntimeError: the trial has ended.
        """
        if self._greenlet is None:
            raise RuntimeError("The trial has ended.")
        if not self._greenlet:
            self._begin()
        self._pause_at = pause_at
        self._until = time.perf_counter() + _ROUND_S
        if not self._enter():
            return Reports(self._points())
        exception = self._exception
        ended = Ended(
            status=status(self._value),
            value=self._value,
            metrics=self._others,
            epochs=self._epochs(),
            runtime_s=self._end - self._start,
            points=self._points(),
            **describe_exception(exception),
        )
        self._forget()
        if isinstance(exception, self._passes):
            raise exception
        return ended

    def stop(self) -> None:
        """Leaves the objective for good: raises `StopTrial` where it reported last.

        An objective that catches it is stopped again at each further report, 100 times. If it still
        reports, it is left there forever, with all that it holds, and a line on standard error; if
        it goes on without reports, it is waited for. Other exceptions that it raises are printed.
        """
        if self._greenlet is None or not self._greenlet:  # ended, or never begun
            self._forget()
            return
        self._stopping = True
        if not self._enter():
            _left_behind.append(self._greenlet)
            print(
                "sweeper: the objective keeps reporting after its trial was stopped. Let "
                "StopTrial pass where it catches BaseException.",
                file=sys.stderr,
            )
        exception = self._exception
        self._forget()
        if isinstance(exception, self._passes):
            raise exception
        if exception is not None and not isinstance(exception, StopTrial):
            print(describe_exception(exception)["traceback"], file=sys.stderr)

    # Seen from outside

    def _begin(self) -> None:
        assert self._greenlet is not None
        self._greenlet.gr_context = contextvars.copy_context()
        self._inside = surroundings()
        self._inside.threads, self._inside.seed = self._threads, self._seed
        self._others_threads = weakref.WeakSet(threading.enumerate())
        # Also while the objective is left, for its threads.
        self._trial_before = exchange_trial(self.context)
        self._start = self.context.start = time.perf_counter()

    def _enter(self) -> bool:
        """Goes on with the objective until it is to be left; returns whether it has ended."""
        assert self._greenlet is not None
        self._greenlet.parent = getcurrent()
        with within(self._inside):
            self._greenlet.switch()
        return self._greenlet.dead

    def _points(self) -> list[Point]:
        """Returns the points that have not been sent yet."""
        start, curve = self._num_told, self.context.curve
        self._num_told = len(curve)
        return [[i, *entry] for i, entry in enumerate(curve[start:], start=start + 1)]

    def _epochs(self) -> int | None:
        context = self.context
        told = context.curve if not context.record_curve else []
        return len(told) or context.epochs or None

    def _forget(self) -> None:
        """Drops all references to what the objective holds."""
        self._greenlet = self._objective = self._exception = None
        if self._trial_before is not None:
            leave_threads(self.context, self._others_threads)
            exchange_trial(self._trial_before)
            self._trial_before = None

    # Inside of the greenlet

    def _run(self) -> None:
        try:
            seed_everything(self._seed)
            assert self._objective is not None
            returned = self._objective()
            if isinstance(returned, Iterator):
                self._value, self._others = self._last_yield(returned)
            else:
                self._value, self._others = in_the_end(returned, self.context)
        except BaseException as exception:  # SystemExit too: the worker lives on
            self._exception = exception
        if os.getpid() != self._process:
            _end_child(self._exception)
        self._end = time.perf_counter()

    def _last_yield(self, epochs: Iterator[Any]) -> tuple[float, dict[str, float]]:
        """Goes through what the objective yields, which is the learning curve."""
        self.context.record_curve, self.context.yields = False, True
        last, stop = None, None
        try:
            while True:
                try:
                    given = next(epochs) if stop is None else epochs.throw(stop)  # type: ignore[attr-defined]
                except StopIteration as end:
                    if end.value is not None and stop is None:
                        raise TypeError(
                            f"The objective yields, and then returns {end.value!r:.200}. Only what "
                            "it yields counts: yield that as well, or return nothing."
                        ) from None
                    break
                last = as_metrics(given, self._metric)
                self.context.add_to_curve(*last)
                stop = self._stop_at_yield(epochs)
        finally:
            stop = None  # its traceback holds this frame, and all that the objective holds
            _close(epochs)
        if last is None:
            raise ValueError(
                "The objective is a generator that ended without a yield. "
                f"Yield {self._metric} after each epoch."
            )
        return last

    def _stop_at_yield(self, epochs: Iterator[Any]) -> StopTrial | None:
        """Reports; returns the exception to stop the generator with, if any."""
        try:
            self._report()
        except StopTrial as stop:
            if not isinstance(epochs, Generator) or self._num_stops >= _MOST_STOPS:
                raise
            return stop
        return None

    def _report(self) -> None:
        """Pauses if there is a new epoch."""
        epoch = len(self.context.curve)
        if epoch == self._num_seen:
            return
        self._num_seen = epoch
        self._pause(urgent=self._pause_at(epoch))

    def _pause(self, urgent: bool = False) -> None:
        """Leaves the objective, if it's time to, until it is advanced or stopped."""
        if not self._stopping:
            if not (urgent or time.perf_counter() > self._until):
                return
            self._leave()
        if self._stopping:
            if self._num_stops >= _MOST_STOPS:
                self._leave()
            self._num_stops += 1
            raise StopTrial

    def _leave(self) -> None:
        # A thread or a process that the objective has started may report as well, but can't leave
        # it: its points are sent with the next ones.
        inner = self._greenlet
        if inner is not None and inner is getcurrent() and self._process == os.getpid():
            assert inner.parent is not None
            inner.parent.switch()


def _end_child(exception: BaseException | None) -> NoReturn:
    """Ends a process that the objective has forked and that came back from it: it would go on with
    the sweep, as this one does.
    """
    with suppress(BaseException):
        if exception is not None:
            print(describe_exception(exception)["traceback"], file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(exception is not None)


_left_behind: list[greenlet] = []  # if collected, they would be stopped once more


def _close(epochs: Iterator[Any]) -> None:
    if isinstance(epochs, Generator):
        try:
            epochs.close()
        except BaseException as exception:
            print(describe_exception(exception)["traceback"], file=sys.stderr)
