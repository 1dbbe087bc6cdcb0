"""The one thread in which a sweep talks to Ray, so that its caller can react to other things."""

import ctypes
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

_T = TypeVar("_T")


class RayThread:
    """Runs one piece of work after another, until it is told to end.

    End it only after Ray: Linux ends Ray's processes once the *thread* that started them ends.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._work = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def begin(self, work: Callable[[], _T]) -> "Future[_T]":
        """Starts a piece of work after those before it; returns a future of its result."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._carry_out, name="sweeper-ray", daemon=True)
            self._thread.start()
        future: Future[_T] = Future()
        self._work.put((future, work))
        return future

    def end(self) -> None:
        """Ends the thread, once all work is done."""
        self._work.put(None)

    def break_off(self) -> None:
        """Raises an exception in the running work, as soon as it is back in Python."""
        assert self._thread is not None
        raises = ctypes.pythonapi.PyThreadState_SetAsyncExc
        raises(ctypes.c_ulong(self._thread.ident or 0), ctypes.py_object(BrokenOff))

    def _carry_out(self) -> None:
        while True:
            try:
                if (got := self._work.get()) is None:
                    return
                future, work = got
                try:
                    result = work()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
                del got, future, work
            except BrokenOff:  # came too late, for work that was just done
                continue


class BrokenOff(BaseException):
    """Ends work that is no longer waited for."""
