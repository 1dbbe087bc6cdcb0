"""Finds processes of a Ray started here, and ends those that stand still or are left over.

A process that stands still (SIGSTOP) keeps its connections, so that Ray waits for it. One that a
debugger holds is left alone.
"""

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from sweeper.cluster.ray_internals import descendants_of_ray, psutil

_LOOKS = 10  # looks in a row at a stopped process: fg after Ctrl-Z wakes all, but not at once
_END_S = 5.0  # for killed processes to be gone
_MAIN = ("gcs_server", "raylet")  # Ray can't run without them


class Processes:
    """The processes of Ray below this one, to be looked at about once a second.

    Args:
        before: the processes of another Ray, which don't count.
    """

    def __init__(self, before: Iterable[Any] = ()) -> None:
        self._before = set(before)
        self._main: dict[int, str] = {}  # the indispensable processes seen so far
        self._still: Counter[int] = Counter()  # in how many looks in a row

    def look(self) -> tuple[list[str], list[str]]:
        """Returns the names of indispensable processes that have died, and of those that stood
        still for long, which it ends, since Ray notices a dead process.
        """
        found = self.now()
        self._main |= {p.pid: name for p in found if (name := _name(p)) in _MAIN and _is_child(p)}
        alive = {process.pid: process for process in found if _is_alive(process)}
        still = {pid: process for pid, process in alive.items() if _stands_still(process)}
        self._still = Counter({pid: self._still[pid] + 1 for pid in still})
        ended = [process for pid, process in still.items() if self._still[pid] > _LOOKS]
        names = [_title(process) for process in ended]
        end(ended)
        return [name for pid, name in self._main.items() if pid not in alive], names

    def now(self) -> list[Any]:
        """Returns the present processes, including dead ones that have not been waited for."""
        return [process for process in descendants_of_ray() if process not in self._before]


def end(processes: Iterable[Any], grace_s: float = 0) -> None:
    """Kills processes that have not ended by themselves after a while, and waits for their end."""
    with suppress(psutil.Error):
        _, left = psutil.wait_procs(list(processes), timeout=grace_s)
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=_END_S)


def _is_alive(process: Any) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    return False


def _stands_still(process: Any) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() == psutil.STATUS_STOPPED)
    return False


def _is_child(process: Any) -> bool:
    """Checks whether this process has started one; what the raylet forks is called so for a while.

    A worker that is killed would else be taken for it.
    """
    with suppress(psutil.Error):
        return bool(process.ppid() == os.getpid())
    return False


def _name(process: Any) -> str:
    with suppress(psutil.Error):
        return str(process.name())
    return ""


def _title(process: Any) -> str:
    """Returns a Ray process's own title, such as `raylet` or `ray::IDLE`."""
    with suppress(psutil.Error):
        words = process.cmdline()
        script = next((word for word in words if word.endswith(".py")), words[0] if words else "")
        return str(script).rpartition("/")[2].removesuffix(".py")
    return "a process"
