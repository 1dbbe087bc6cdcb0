"""Runs a trial in a process of its own, with the interface of a trial that runs here."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import IO, Any

from sweeper.worker.fresh_server import FreshTask
from sweeper.worker.reports import Ended, PauseAt, Reports, never

_END_S = 10.0  # how long a process may take to end, once told to
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; "
    "from sweeper.worker.fresh_server import serve; serve({control})"
)
_GONE = (EOFError, OSError)


class FreshProcesses:
    """Starts a new process for each trial, one after another, forked from a warm one.

    Creating it takes as long as loading the libraries that the objective's module uses.

    Args:
        task: the settings that all trials share.
        output: the file that trials print to; None for this process's output.
    """

    def __init__(self, task: FreshTask, output: IO[bytes] | None = None) -> None:
        self._task = task
        self._output = output
        self._server: subprocess.Popen[bytes] | None = None
        self._start()

    def begin(self, given: dict[str, Any]) -> tuple[Connection, int]:
        """Returns a new trial's connection and process id; starts a new server if needed."""
        if self._server is not None:
            with suppress(*_GONE):
                return self._ask(given)
            self.close()
        self._start()
        return self._ask(given)

    def reap(self, after_s: float) -> int | None:
        """Returns how the trial's process ended, killed after so many seconds; None if unknown."""
        with suppress(*_GONE):
            self._control.send(("reap", after_s))
            code: int = self._control.recv()
            return code
        self.close()
        return None

    def close(self) -> None:
        """Ends all processes."""
        if self._server is not None:
            self._control.close()
            self._server.wait()
            self._server = None

    def _start(self) -> None:
        self._control, theirs = Pipe()
        with theirs:
            program = _PROGRAM.format(path=sys.path, control=theirs.fileno())
            self._server = subprocess.Popen(
                [sys.executable, *subprocess._args_from_interpreter_flags(), "-c", program],  # type: ignore[attr-defined]
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is heard here
            )
        self._control.send(self._task)
        with suppress(*_GONE):  # the first trial reports it
            self._control.recv()  # all is loaded, which takes seconds and is no trial's time

    def _ask(self, given: dict[str, Any]) -> tuple[Connection, int]:
        ours, theirs = Pipe()
        with theirs:
            self._control.send(("begin", given))
            send_handle(self._control, theirs.fileno(), None)
        process: int = self._control.recv()
        return ours, process


class FreshTrial:
    """A trial like `RunningTrial`, in a process of its own.

    Args:
        processes: starts the trial's process.
        given: the arguments of `RunningTrial` besides the task's options; all can be pickled.
        max_failures: how often the trial is started again after its process died.
        wait_s: seconds after which `advance` returns even without news; None: never.
    """

    def __init__(
        self,
        processes: FreshProcesses,
        given: dict[str, Any],
        max_failures: int = 0,
        wait_s: float | None = None,
    ) -> None:
        self._processes = processes
        self._given = given
        self._left = max_failures
        self._wait_s = wait_s
        self._connection: Connection | None = None
        self._process = 0
        self._asked = False  # whether the process is busy

    def advance(self, pause_at: PauseAt = never) -> Reports | Ended:
        """Goes on with the objective until there is something to report, or `wait_s` have passed.

        `pause_at` is ignored: the task has its own.
        """
        if self._connection is None:
            self._start_s = time.perf_counter()
            self._connection, self._process = self._processes.begin(self._given)
        try:
            if not self._asked:
                self._connection.send("advance")
                self._asked = True
            if self._wait_s is not None and not self._connection.poll(self._wait_s):
                return Reports([])
            told: Reports | Ended
            told = self._connection.recv()
        except _GONE:
            return self._died()
        self._asked = False
        if isinstance(told, Ended):
            self._end(_END_S)
        return told

    def stop(self) -> None:
        """Leaves the objective for good: raises `StopTrial` where it reported last.

        If it is between two reports, KeyboardInterrupt is raised there instead, and if it has not
        ended after 10 s it is killed.
        """
        if self._connection is None:
            return
        if self._asked:
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGINT)
            with suppress(*_GONE):
                self._connection.poll(_END_S)
            self._end(1.0)
            return
        with suppress(*_GONE):
            self._connection.send("stop")
            self._connection.recv()  # ends once the process closes its side
        self._end(_END_S)

    def _end(self, after_s: float) -> int | None:
        assert self._connection is not None
        self._connection.close()
        self._connection, self._asked = None, False
        return self._processes.reap(after_s)

    def _died(self) -> Reports | Ended:
        """Starts again after the process died, or reports that it died once too often."""
        code = self._end(1.0)
        if self._left > 0:
            self._left -= 1
            return Reports([])
        return Ended(
            status="failed",
            value=None,
            epochs=None,
            runtime_s=time.perf_counter() - self._start_s,
            points=[],
            exception=f"WorkerDied: the trial's process {_how(code)}.",
        )


def _how(code: int | None) -> str:
    """Says in words how a process ended."""
    if code is None:
        return "is gone, and so is the one that started it"
    if code >= 0:
        return f"ended itself with code {code} (os._exit)"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", by which Linux also ends a process that takes too much memory"
    return f"was ended by {name}{hint if name == 'SIGKILL' else ''}"
