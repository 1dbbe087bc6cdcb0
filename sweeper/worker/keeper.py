"""Runs a command, and lets none of its processes outlive it or the worker that asked for it.

`sweeper.worker.script` starts it as a script: a small process between a worker and the command. It
ends the command once the worker closes its end of a pipe, which the kernel does if the worker is
killed. It is a grandchild of the worker, since Ray kills the children of a worker that it kills.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

_LOOK_AGAIN_S, _LOOK_AGAIN_MOST_S = 0.01, 0.2
_LAST_S = 5.0  # after SIGKILL: what is left then waits for a disk or is another user's
_SET_DEATH_SIGNAL, _ADOPT_ORPHANS = 1, 36  # options of Linux' prctl


def main(lifeline: int, status: int, grace_s: float, arguments: list[str]) -> None:
    """Runs a command until it ends, or is told to end.

    Args:
        lifeline: the reading end of a pipe; the command is ended once the other end is closed.
        status: the writing end of a pipe: gets a line when the command has started, `pid` and a
            number or `error` and its number, and when all has ended one with its `returncode`.
        grace_s: seconds from SIGTERM to SIGKILL.
        arguments: the command.
    """
    keeper = os.fork()
    if keeper:  # a parent that Ray may kill; if it doesn't, no orphan is left
        for end in (lifeline, status, 0, 1, 2):
            os.close(end)
        os.waitpid(keeper, 0)
        os._exit(0)
    for end in (lifeline, status):
        os.set_inheritable(end, False)  # not passed on to the command
    _prctl(_ADOPT_ORPHANS, 1)
    awake = _wake_on_signals()
    pid, error = _start(arguments)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # whoever reads the command's output sees its end
        os.dup2(nowhere, standard)
    if error is not None:
        _tell(status, "error", error)
        return
    _tell(status, "pid", pid)
    family = _Family(pid)
    while family.returncode is None and not _to_end:
        readable, _, _ = select.select([lifeline, awake], [], [])
        with contextlib.suppress(BlockingIOError):
            os.read(awake, 1 << 10)
        family.reap()
        if lifeline in readable:
            break
    family.end(grace_s)
    if family.returncode is not None:
        _tell(status, "returncode", family.returncode)


class _Family:
    """A command and all processes that it has started."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.returncode: int | None = None

    def reap(self) -> None:
        """Notes processes that have ended; orphans count as children."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._pid:
                    self.returncode = os.waitstatus_to_exitcode(ended[1])

    def end(self, grace_s: float) -> None:
        """Ends what still runs: SIGTERM first, SIGKILL later."""
        if self._signal(signal.SIGTERM) and not self._gone_within(grace_s):
            deadline = time.monotonic() + _LAST_S
            while self._signal(signal.SIGKILL) and time.monotonic() < deadline:  # some may be new
                self._gone_within(_LOOK_AGAIN_S)
        self.reap()

    def _gone_within(self, seconds: float) -> bool:
        deadline, pause_s = time.monotonic() + seconds, _LOOK_AGAIN_S
        while self._signal(None):
            if time.monotonic() > deadline:
                return False
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LOOK_AGAIN_MOST_S)
        return True

    def _signal(self, number: int | None) -> bool:
        """Sends a signal to all of them; returns whether there is any."""
        self.reap()
        found = _descendants()
        for pid in found or ():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number or 0)
        if found is not None:
            return bool(found)
        try:
            os.killpg(self._pid, number or 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def _descendants() -> list[int] | None:
    """Returns the processes below this one; None without a /proc to list them."""
    children: dict[int, list[int]] = {}
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except FileNotFoundError:
        return None
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != b"Z":
            children.setdefault(int(parent), []).append(pid)
    found = children.get(os.getpid(), [])
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def _start(arguments: list[str]) -> tuple[int, int | None]:
    """Starts the command in its own session; returns its pid and the error if it failed."""
    told, tell = os.pipe()  # closed by a successful exec
    pid = os.fork()
    if pid == 0:
        _become(arguments, tell)
    os.close(tell)
    with open(told, "rb") as file:
        number = file.read()
    return pid, int(number) if number else None


def _become(arguments: list[str], tell: int) -> None:
    try:
        os.setsid()
        _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)  # in case this very process is killed
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # signals that Python ignores
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvp(arguments[0], arguments)
    except OSError as error:
        os.write(tell, str(error.errno).encode())
    finally:
        os._exit(127)


_to_end: list[int] = []  # signals that ask it to end


def _wake_on_signals() -> int:
    """Returns a file descriptor that can be read from after a signal."""
    awake, wake = os.pipe()
    for end in (awake, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, frame: _to_end.append(number))
    signal.set_wakeup_fd(wake)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    return awake


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _tell(status: int, what: str, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # the worker is dead
        os.write(status, f"{what} {number}\n".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
