"""Runs trials in this process, one after another: to debug an objective, and without Ray."""

import copy
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from greenlet import getcurrent

from sweeper.record.rows import Trial
from sweeper.record.sweep_definition import Sweep
from sweeper.sweep.conductor import Conductor, Place, time_over
from sweeper.sweep.interrupts import heard_signals, interruption
from sweeper.sweep.limits import Limits
from sweeper.training.trial import CurrentTrial, checkpoint_folder, trial_folder
from sweeper.worker.fresh_server import FreshTask
from sweeper.worker.fresh_trial import FreshProcesses, FreshTrial
from sweeper.worker.memory import Memory
from sweeper.worker.process_state import left_as_it_was
from sweeper.worker.reports import PauseAt, Reports, never
from sweeper.worker.running_trial import RunningTrial

_LOOK_S = 0.2  # how often a trial in another process is left to check whether the sweep ends


class TrialTimeOverError(BaseException):
    """Ends a trial that has taken longer than `Limits(trial_time_s=…)`.

    It derives from BaseException, so that an objective's `except Exception` doesn't catch it.
    """


def run_inline(
    sweep: Sweep,
    data: Any,
    conductor: Conductor,
    limits: Limits = Limits(),
    debug: bool = False,
) -> None:
    """Runs trials until none is left, or there is a reason to end the sweep.

    Args:
        sweep: the settings that affect the table.
        data: the objective's data, None for nothing; trials share it.
        conductor: hands out trials, and takes their reports.
        limits: when a trial is given up; `trial_time_s` needs the main thread or `sweep.fresh`.
        debug: True to let exceptions of the objective through, which ends the sweep.
    """
    with ExitStack() as stack:
        state = stack.enter_context(left_as_it_was())
        memory = stack.enter_context(closing(Memory()))
        start = (
            _fresh(sweep, data, limits, conductor, stack)
            if sweep.fresh
            else _warm(sweep, data, debug)
        )
        alarm_s = None if sweep.fresh else limits.trial_time_s
        while conductor.step() is None:
            trial = conductor.next_trial()
            if trial is None:
                return
            state.restore()
            conductor.started(trial.key, Place(f"{socket.gethostname()}-{os.getpid()}"))
            running = start(trial, conductor.folder)
            try:
                with _alarm(alarm_s) as over, _interrupts(conductor) as heard:
                    try:
                        _run(running, trial, conductor, over, heard, limits.trial_time_s)
                    finally:
                        running.stop()  # inside the trial: Lightning restores all earlier handlers
            finally:
                if not sweep.fresh:
                    memory.free()
            conductor.trial_folders.left(trial.key)


_Running = RunningTrial | FreshTrial
_Start = Callable[[Trial, Path], _Running]  # a trial, and the sweep's folder


def _warm(sweep: Sweep, data: Any, debug: bool) -> _Start:
    """Returns a function that starts trials in this process."""
    arguments = {} if data is None else {"data": data}
    passes = (Exception, SystemExit, KeyboardInterrupt) if debug else (KeyboardInterrupt,)

    def start(trial: Trial, folder: Path) -> _Running:
        own = _own(trial, folder)
        return RunningTrial(
            sweep.objective, arguments=arguments, passes=passes, **_shared(sweep), **own
        )

    return start


def _fresh(
    sweep: Sweep, data: Any, limits: Limits, conductor: Conductor, stack: ExitStack
) -> _Start:
    """Returns a function that starts trials in processes of their own, until the stack is left."""
    from sweeper.sweep.travelling import packed
    from sweeper.worker.shared_data import NodeCopy, pack

    copy = None if data is None else stack.enter_context(closing(NodeCopy(pack(data))))
    objective = packed(sweep.objective, conductor.bar.say)
    task = FreshTask(objective, copy, _pause_at(sweep), _shared(sweep))
    processes = stack.enter_context(closing(FreshProcesses(task)))

    def start(trial: Trial, folder: Path) -> _Running:
        return FreshTrial(processes, _own(trial, folder), limits.max_failures, _LOOK_S)

    return start


def _shared(sweep: Sweep) -> dict[str, Any]:
    """Returns the arguments that all trials share."""
    resources = sweep.resources
    return {"cpus": resources.cpus, "gpus": resources.gpus, "metric": sweep.metric.name}


def _own(trial: Trial, folder: Path) -> dict[str, Any]:
    """Returns the arguments of one trial."""
    place = trial_folder(folder, trial.key).absolute()
    config = copy.deepcopy(trial.config)
    return {
        "config": trial.config,
        "seed": trial.seed,
        "trial": CurrentTrial(trial.trial, trial.replicate, trial.seed, config, place),
        "checkpoints": checkpoint_folder(folder, trial.key),
    }


def _pause_at(sweep: Sweep) -> PauseAt:
    return never if sweep.scheduler is None else sweep.scheduler.is_rung


def _run(
    running: _Running,
    trial: Trial,
    conductor: Conductor,
    over: list[str],
    heard: list[BaseException],
    trial_time_s: float | None,
) -> None:
    """Runs one trial until it ends, is stopped, takes too long, or the sweep ends."""
    pause_at = _pause_at(conductor.core.sweep)
    while conductor.step() is None:
        told = running.advance(pause_at)
        if isinstance(running, FreshTrial) and isinstance(told, Reports) and trial_time_s:
            over = [time_over(trial_time_s)] * (conductor.runs_for_s(trial.key) > trial_time_s)
        if over:  # whatever the objective has made of it
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
    """Raises `TrialTimeOverError` in the block after so many seconds; the yielded list notes it."""
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
    """Raises Ctrl-C, SIGTERM and SIGHUP in the objective; the yielded list notes it.

    The sweep ends even if the objective catches or replaces the exception: Lightning turns Ctrl-C
    into a SystemExit, and swallows a SIGTERM and goes on.
    """
    heard: list[BaseException] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and heard:
            return  # the kernel and the shell each send one
        reason = interruption(number)
        heard.append(reason)
        conductor.stops.stop(reason)
        raise reason

    before = {number: signal.signal(number, interrupt) for number in heard_signals()}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
