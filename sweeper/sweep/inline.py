"""Trials in this process, one after another: to debug an objective, and without any Ray."""

import copy
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from greenlet import getcurrent

from sweeper.record.rows import Trial
from sweeper.record.sweep_definition import Sweep
from sweeper.sweep.conductor import Conductor, Place, time_over
from sweeper.sweep.interrupts import SIGNALS, interruption
from sweeper.training.trial import CurrentTrial, checkpoint_folder, trial_folder
from sweeper.worker.reports import PauseAt, Reports, never
from sweeper.worker.running_trial import RunningTrial
from sweeper.worker.surroundings import free_memory


class TrialTimeOverError(BaseException):
    """Ends a trial that has taken longer than `Limits(trial_time_s=…)`.

    Derived from BaseException, so that an objective that catches Exception lets it pass.
    """


def run_inline(
    sweep: Sweep,
    data: Any,
    conductor: Conductor,
    trial_time_s: float | None = None,
    debug: bool = False,
) -> None:
    """Runs trials until none is left, or there is a reason to end the sweep.

    Args:
        sweep: what sets the table.
        data: what the objective is given, None for nothing; trials share it.
        conductor: hands out trials, and is told of them.
        trial_time_s: seconds after which a trial fails; heeded in the main thread only.
        debug: let exceptions of the objective through, with which the sweep ends.
    """
    arguments = {} if data is None else {"data": data}
    pause_at = never if sweep.scheduler is None else sweep.scheduler.is_rung
    while conductor.step() is None:
        trial = conductor.next_trial()
        if trial is None:
            return
        conductor.started(trial.key, Place(f"{socket.gethostname()}-{os.getpid()}"))
        running = RunningTrial(
            sweep.objective,
            trial.config,
            arguments,
            trial.seed,
            cpus=sweep.resources.cpus,
            passes=(Exception, SystemExit, KeyboardInterrupt) if debug else (KeyboardInterrupt,),
            gpus=sweep.resources.gpus,
            trial=CurrentTrial(
                trial.trial,
                trial.replicate,
                trial.seed,
                copy.deepcopy(trial.config),
                trial_folder(conductor.folder, trial.key).absolute(),
            ),
            metric=sweep.metric.name,
            checkpoints=checkpoint_folder(conductor.folder, trial.key),
        )
        try:
            with _alarm(trial_time_s) as over, _interrupts(conductor) as heard:
                try:
                    _run(running, trial, conductor, pause_at, over, heard)
                finally:
                    running.stop()  # inside: Lightning gives back all handlers that fit has found
        finally:
            free_memory()


def _run(
    running: RunningTrial,
    trial: Trial,
    conductor: Conductor,
    pause_at: PauseAt,
    over: list[str],
    heard: list[BaseException],
) -> None:
    """Runs one trial until it ends, is stopped, takes too long, or the sweep ends."""
    while conductor.step() is None:
        told = running.advance(pause_at)
        if over:  # whatever the objective has made of that
            conductor.gave_up(trial.key, over[0], None)
            return
        if not isinstance(told, Reports):
            if not (heard and told.status == "failed"):  # else it was interrupted
                conductor.ended(trial.key, told)
            return
        if conductor.reported(trial.key, told.points):
            return


@contextmanager
def _alarm(after_s: float | None) -> Iterator[list[str]]:
    """Raises `TrialTimeOverError` in the block after so many seconds; then the list says so."""
    over: list[str] = []
    if after_s is None or threading.current_thread() is not threading.main_thread():
        yield over
        return

    def ring(number: int, frame: FrameType | None) -> None:
        if getcurrent().parent is None:  # between two parts of the trial: once it is inside again
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            return
        over.append(time_over(after_s))
        raise TrialTimeOverError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, after_s)
    try:
        yield over
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _interrupts(conductor: Conductor) -> Iterator[list[BaseException]]:
    """Raises Ctrl-C and SIGTERM in the objective; then the list says so.

    The sweep ends even if that is caught, or made something else, there: Lightning makes a
    SystemExit of Ctrl-C, and goes on after a SIGTERM of which nobody else hears.
    """
    heard: list[BaseException] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        reason = interruption(number)
        heard.append(reason)
        conductor.stops.stop(reason)
        raise reason

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
