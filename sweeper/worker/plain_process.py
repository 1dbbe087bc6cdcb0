"""Undoes what Ray sets in a worker's process, so that an objective finds it as at home.

Ray's worker is a program of its own: with its own arguments, its own `__main__`, its own handler of
SIGTERM. That handler is inherited by processes that are forked in an objective, where it waits for
threads of Ray that aren't there: `multiprocessing.get_context("fork").Pool(2)` then hangs for ever,
once in about ten times that its processes are ended. Such processes inherit Ray's connections, too:
while one of them lives, Ray does not notice that the worker has died.
"""

import os
import signal
import stat
import sys
import types
from collections.abc import Sequence
from contextlib import suppress

IN_A_TRIAL = "SWEEPER_WORKER"  # in the environment: the id of the Ray process that runs trials
# What Python itself installs; all other signals have their default.
_PYTHONS = {signal.SIGPIPE: signal.SIG_IGN, signal.SIGXFSZ: signal.SIG_IGN}
_left = None  # Ray's `__main__`, whose functions go on running


def become_plain(arguments: Sequence[str]) -> None:
    """Makes this process like one that has just started the user's program.

    Handlers of signals and of exceptions, `breakpoint()` and `__main__` become those of a new
    Python. SIGINT stays blocked, since Ctrl-C is for the process that started the sweep. In forked
    children it isn't, and there the connections that this process has now are closed.

    Args:
        arguments: `sys.argv` from now on.
    """
    global _left
    for number in signal.Signals:
        handler = signal.getsignal(number)
        if callable(handler) and handler is not signal.default_int_handler:
            signal.signal(number, _PYTHONS.get(number, signal.SIG_DFL))
    rays = _connections()
    os.register_at_fork(after_in_child=lambda: _become_child(rays))
    sys.excepthook = sys.__excepthook__
    if os.environ.get("PYTHONBREAKPOINT", "").startswith("ray."):
        del os.environ["PYTHONBREAKPOINT"]  # it would wait for `ray debug`, unnoticed
    sys.argv[:] = arguments
    _left = sys.modules.get("__main__")
    bare_main()


def bare_main() -> types.ModuleType:
    """Returns a new, empty `__main__`, like that of a prompt."""
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    return main


def _connections() -> list[tuple[int, int]]:
    """Returns the open sockets of this process: their numbers and inodes."""
    found = []
    for number in map(int, os.listdir("/dev/fd")):
        with suppress(OSError):  # the one that listed them
            state = os.fstat(number)
            if stat.S_ISSOCK(state.st_mode):
                found.append((number, state.st_ino))
    return found


def _become_child(rays: Sequence[tuple[int, int]]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    null = os.open(os.devnull, os.O_RDWR)
    for number, inode in rays:
        with suppress(OSError):  # closed meanwhile
            if os.fstat(number).st_ino == inode:
                os.dup2(null, number, inheritable=False)  # no other file gets the number
    os.close(null)


def home_arguments(objectives_file: str) -> list[str]:
    """Returns `sys.argv` of the user's program; for `sweeper run`, which has its own, a script's.

    Args:
        objectives_file: the file of the objective.
    """
    main = sys.modules["__main__"]
    name = getattr(getattr(main, "__spec__", None), "name", None) or ""
    by_command = name.partition(".")[0] == "sweeper" or os.path.basename(sys.argv[0]) == "sweeper"
    return [objectives_file] if by_command else list(sys.argv)
