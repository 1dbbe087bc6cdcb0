"""Undoes what Ray sets in a worker's process, so that an objective finds it as at home.

Ray's worker is a program of its own: with its own arguments, its own `__main__`, its own handler of
SIGTERM. That handler is inherited by processes that are forked in an objective, where it waits for
threads of Ray that aren't there: `multiprocessing.get_context("fork").Pool(2)` then hangs for ever,
once in about ten times that its processes are ended.
"""

import os
import signal
import sys
import types
from collections.abc import Sequence

IN_A_TRIAL = "SWEEPER_WORKER"  # in the environment: the id of the Ray process that runs trials
# What Python itself installs; all other signals have their default.
_PYTHONS = {signal.SIGPIPE: signal.SIG_IGN, signal.SIGXFSZ: signal.SIG_IGN}
_left = None  # Ray's `__main__`, whose functions go on running


def become_plain(arguments: Sequence[str]) -> None:
    """Makes this process like one that has just started the user's program.

    Handlers of signals and of exceptions, `breakpoint()` and `__main__` become those of a new
    Python. SIGINT stays blocked, since Ctrl-C is for the process that started the sweep, but not in
    forked children.

    Args:
        arguments: `sys.argv` from now on.
    """
    global _left
    for number in signal.Signals:
        handler = signal.getsignal(number)
        if callable(handler) and handler is not signal.default_int_handler:
            signal.signal(number, _PYTHONS.get(number, signal.SIG_DFL))
    os.register_at_fork(after_in_child=_unblock)
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


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def home_arguments(objectives_file: str) -> list[str]:
    """Returns `sys.argv` of the user's program; for `sweeper run`, which has its own, a script's.

    Args:
        objectives_file: the file of the objective.
    """
    main = sys.modules["__main__"]
    name = getattr(getattr(main, "__spec__", None), "name", None) or ""
    by_command = name.partition(".")[0] == "sweeper" or os.path.basename(sys.argv[0]) == "sweeper"
    return [objectives_file] if by_command else list(sys.argv)
