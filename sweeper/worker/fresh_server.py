"""A process that forks a new one for each trial, so that trials share nothing.

It has loaded the installed packages that trials import, and nothing of the user's; it has one
thread and never uses a GPU, so that forking it is safe. Requests come over `control` from the
process that started it.
"""

import atexit
import ctypes
import gc
import importlib
import logging
import multiprocessing.util
import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any

import numpy as np

import sweeper.training.fashion_mnist
from sweeper.worker.output import Dropping, own_stream
from sweeper.worker.packed_objective import PackedObjective
from sweeper.worker.plain_process import become_plain
from sweeper.worker.reports import Ended, PauseAt
from sweeper.worker.running_trial import RunningTrial
from sweeper.worker.shared_data import NodeCopy

_PR_SET_PDEATHSIG = 1
_EXIT_S = 10.0  # time for a process that has sent its last message to end


@dataclass(frozen=True)
class FreshTask:
    """The settings that all trials of one server share.

    Attributes:
        objective: the packed objective, loaded anew by each trial.
        data: the objective's data.
        pause_at: tells which epochs are reported at once.
        options: further arguments of `RunningTrial`.
        fashion_mnist: the images, for nodes that lack the files.
    """

    objective: PackedObjective
    data: NodeCopy | None
    pause_at: PauseAt
    options: dict[str, Any]
    fashion_mnist: dict[str, np.ndarray] | None = None


def serve(control_fd: int) -> None:
    """Forks a process for each trial that is requested, until requests end."""
    _die_with_parent(signal.SIGTERM)
    sys.stdout, sys.stderr = own_stream(Dropping(1)), own_stream(Dropping(2))
    control = Connection(control_fd)
    task: FreshTask = control.recv()
    become_plain(task.objective.arguments)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # Ray's workers block it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    for library in task.objective.libraries:
        with suppress(Exception):  # reported when a trial imports it
            importlib.import_module(library)
    gc.freeze()  # no garbage collection of a trial touches, and so copies, what is loaded
    running = 0

    def end(number: int, frame: Any) -> None:
        _kill_group(running)
        os._exit(1)

    signal.signal(signal.SIGTERM, end)
    control.send("ready")
    while True:
        try:
            asked, value = control.recv()
            if asked == "begin":
                handle = recv_handle(control)
                running = _fork(lambda: _run(Connection(handle), task, value), control)  # noqa: B023
                os.close(handle)
                control.send(running)
            else:
                control.send(_reap(running, value))
                running = 0
        except (EOFError, OSError):
            end(0, None)


def _fork(run: Callable[[], None], control: Connection) -> int:
    """Starts a new process that runs a function and ends; returns its id."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        with suppress(OSError):  # it may have done so itself, and be gone
            os.setpgid(process, process)
        return process
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _die_with_parent(signal.SIGKILL)
        control.close()
        atexit._clear()  # exit handlers of what is loaded here take torch a tenth of a second
        atexit.register(multiprocessing.util._exit_function)  # type: ignore[attr-defined]
        atexit.register(logging.shutdown)
        run()
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        _leave(code)
    raise AssertionError


def _leave(code: int) -> None:
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
    os._exit(code)


def _run(connection: Connection, task: FreshTask, given: dict[str, Any]) -> None:
    """Runs one trial in its own process, and advances or stops it as requested."""
    # While a child of the trial held it, nobody would notice the trial's death.
    os.register_at_fork(after_in_child=connection.close)
    if task.fashion_mnist is not None:
        arrays = task.fashion_mnist
        sweeper.training.fashion_mnist.arrays_from_driver = lambda: arrays
    unloadable: BaseException | None = None
    objective: Any = None
    try:
        objective = task.objective.load()
    except BaseException as exception:
        unloadable = exception

    def call(config: dict[str, Any]) -> Any:
        if unloadable is not None:
            raise unloadable.with_traceback(None)
        return objective(config, **({} if task.data is None else {"data": task.data.open()}))

    trial = RunningTrial(call, arguments={}, **task.options, **given)
    told: Any = None
    while not isinstance(told, Ended):
        try:
            stop = connection.recv() == "stop"
        except (EOFError, OSError):
            stop = True
        if stop:
            trial.stop()
            return
        told = trial.advance(task.pause_at)
        connection.send(told)


def _reap(process: int, after_s: float) -> int:
    """Returns how a process ended, killing it after so many seconds, and ends its group."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(process)
        if not select.select([handle], [], [], after_s)[0]:
            _kill_group(process)
        os.close(handle)
    _, status = os.waitpid(process, 0)
    _kill_group(process)
    return os.waitstatus_to_exitcode(status)


def _kill_group(process: int) -> None:
    if process:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)


def _die_with_parent(by: signal.Signals) -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(by))
    if os.getppid() != parent:
        os._exit(1)
