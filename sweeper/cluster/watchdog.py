"""Notices that Ray has died or is silent, or that the user wants to stop, while Ray waits.

Ray itself waits without end, sometimes in C++ where Python hears no Ctrl-C. So everything that
talks to Ray runs in another thread, and this one monitors it.
"""

import gc
import math
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError

from sweeper.cluster.guard import start_guard
from sweeper.cluster.processes import Processes, end
from sweeper.cluster.pulse import NAMES, Pulse
from sweeper.cluster.ray_internals import (
    descendants_of_ray,
    forget_shutdown_at_exit,
    start_no_other_ray,
)
from sweeper.cluster.ray_thread import RayThread
from sweeper.terminal import printable

_T = TypeVar("_T")
_LOOK_S = 0.1  # between looks for signals
_EVERY_S = 1.0  # between looks at Ray
_SAY_AFTER_S = 15.0
_LIMIT_S = 120.0  # for work that takes a second on an idle machine, and a minute on a very busy one
_BREAK_S = 1.0  # for work that was broken off to come to its end, in Python
_LET_GO_S = 40.0  # the same in C++, where Ray waits 30 s for the port of its head
_GIVE_UP_S = 10.0  # to leave Ray
_LEAVE_S = 3.0  # for Ray's processes to end by themselves


class Watch:
    """Monitors everything that is done with Ray.

    Args:
        say: gets messages about what is waited for; may be replaced.
        interrupted: returns the reason to end at once, if there is one.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        interrupted: Callable[[], BaseException | None] = lambda: None,
    ) -> None:
        self.say = say
        self._interrupted = interrupted
        self._thread = RayThread()
        self._processes = Processes()
        self._pulse: Pulse | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._is_own = self._is_stuck = False

    def start(self, work: Callable[[], _T], doing: str) -> _T:
        """Starts a Ray of this process's own; tries once more if that fails.

        Raises:
            ConnectionError: twice a process of Ray's died, or was silent for too long.
        """
        self._is_own = True
        self._guard = start_guard()
        try:
            return self._start_once_or_twice(work, doing)
        except BaseException:
            self._end_guard()
            raise

    def _start_once_or_twice(self, work: Callable[[], _T], doing: str) -> _T:
        try:
            return self._try_to_start(work, doing)
        except Exception as error:
            fault = _first_line(error)
        if not self._is_stuck:
            self.say(f"Ray did not start: {fault} Trying once more …")
            gc.collect()  # what is left of the first try would end this process within a minute
            try:
                return self._try_to_start(work, doing)
            except Exception as error:
                fault = _first_line(error)
        raise ConnectionError(
            f"Ray did not start: {fault} No results are lost: run the command again."
        )

    def _try_to_start(self, work: Callable[[], _T], doing: str) -> _T:
        self._processes = Processes(before=descendants_of_ray())
        future = self._thread.begin(work)
        try:
            return self._wait(future, doing, _LIMIT_S)
        except BaseException as error:
            self._clear_away(future, isinstance(error, Exception))
            raise

    def _clear_away(self, future: "Future[Any]", patient: bool) -> None:
        """Ends what was started, so that nothing disturbs another try."""
        if not future.done():
            self._thread.break_off()
            # While its head lives, Ray does not wait in C++ for it.
            _is_done(future, _BREAK_S)
        end(self._processes.now())
        if _is_done(future, _LET_GO_S if patient else _BREAK_S):
            self._thread.end()
            self._thread = RayThread()  # the old one may still be broken off
            self._shut_down()
        else:
            self._give_up_thread()
        end(self._processes.now())

    def connected(self) -> None:
        """Begins to monitor the parts of Ray that a driver can't do without."""
        self._pulse = Pulse(self.run(_parts_of_ray, "the addresses of its parts"))

    def run(
        self,
        work: Callable[[], _T],
        doing: str,
        limit_s: float = _LIMIT_S,
        grace_s: float = 0.0,
    ) -> _T:
        """Runs a piece of work with Ray and returns its result.

        Args:
            work: runs in the other thread.
            doing: a description, to follow "Waiting for Ray: ".
            limit_s: seconds until it is given up; a message is printed if it takes long.
            grace_s: seconds in which it may react to a signal itself.

        Raises:
            ConnectionError: Ray's head or its part on this machine has died or is silent; the
                thread is abandoned.
            BaseException: whatever `work` raises, or the reason to end.
        """
        future = self._thread.begin(work)
        try:
            return self._wait(future, doing, limit_s, grace_s)
        except RayError as error:
            raise ConnectionError(self._fault() or f"Ray failed: {_first_line(error)}") from error
        finally:
            if not future.done():
                self._give_up_thread()

    def _give_up_thread(self) -> None:
        # What is left in the thread would start another Ray once Ray is shut down.
        self._is_stuck = True
        start_no_other_ray()
        forget_shutdown_at_exit()

    def _wait(self, future: "Future[_T]", doing: str, limit_s: float, grace_s: float = 0.0) -> _T:
        elapsed_s = interrupted_s = since_look_s = 0.0
        has_said = limit_s == math.inf
        last = time.monotonic()
        while not _is_done(future, _LOOK_S):
            # Time in which this process itself stood still doesn't count.
            passed_s = min(time.monotonic() - last, 1.0)
            last = time.monotonic()
            elapsed_s += passed_s
            since_look_s += passed_s
            reason = self._interrupted()
            if reason is not None:
                if interrupted_s >= grace_s:
                    raise reason
                interrupted_s += passed_s
            if elapsed_s > limit_s:
                raise ConnectionError(f"no answer within {limit_s:g} s ({doing}).")
            if elapsed_s > _SAY_AFTER_S and not has_said:
                has_said = True
                self.say(f"Waiting for Ray: {doing} …")
            if since_look_s > _EVERY_S:
                since_look_s = 0.0
                fault = self._fault()
                if fault and not future.done():
                    raise ConnectionError(fault)
        return future.result()

    def _fault(self) -> str | None:
        """Says which part of Ray that a driver needs has died or is silent."""
        if died := self._died():
            return f"{' and '.join(died)} died."
        return self._pulse.fault if self._pulse is not None else None

    def _died(self) -> list[str]:
        """Lists dead processes that this process's own Ray can't do without."""
        died, ended = self._processes.look()
        for name in ended:
            self.say(f"A process of Ray's, {name}, hung and was ended.")
        return [NAMES[name] for name in died] if self._is_own else []

    def look_away(self) -> None:
        """Ends what `connected` has begun."""
        if self._pulse is not None:
            self._pulse.stop()
        self._thread.end()

    def leave(self) -> None:
        """Shuts down Ray if it is this process's own, or else disconnects, within seconds."""
        processes = self._processes.now() if self._is_own else []
        if self._is_stuck:
            end(processes)
        self._shut_down()
        end(processes, grace_s=_LEAVE_S)
        self.look_away()
        self._end_guard()

    def last_words(self, how: str) -> None:
        """Notes how to go on, said on standard error if this process is ended without a chance."""
        if self._guard is not None and self._guard.stdin is not None:
            with suppress(OSError):  # the guard was killed
                why = "The sweep's process was ended, by a signal or by Ray."
                self._guard.stdin.write(printable(f"\n{why} {how}\n").encode())
                self._guard.stdin.flush()

    def _end_guard(self) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.kill()
            self._guard.wait()
            with suppress(OSError):
                self._guard.stdin.close()

    def _shut_down(self) -> None:
        thread = RayThread() if self._is_stuck else self._thread
        future = thread.begin(ray.shutdown)
        if not _is_done(future, _GIVE_UP_S):
            if self._is_own:
                end(self._processes.now())
            if not _is_done(future, _GIVE_UP_S):
                self._give_up_thread()
        if thread is not self._thread:
            thread.end()


def _is_done(future: "Future[Any]", timeout_s: float) -> bool:
    """Checks whether a future is done, waiting for a while at most."""
    try:
        future.exception(timeout_s)
    except TimeoutError:
        return False
    return True


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().partition("\n")[0]


def _parts_of_ray() -> dict[str, tuple[str, int]]:
    """Returns the addresses of the processes that a driver can't do without."""
    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    here = next(node for node in ray.nodes() if node["NodeID"] == context.get_node_id())
    return {
        NAMES["gcs_server"]: (host.strip("[]"), int(port)),
        NAMES["raylet"]: (here["NodeManagerAddress"], here["NodeManagerPort"]),
    }
