"""Handles Ctrl-C, SIGTERM and a closed terminal (SIGHUP) while a sweep runs: once to end it in
order, twice to end it at once.
"""

import os
import signal
import sys
import threading
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Turns signals into a `reason` to stop, which a sweep checks between its steps.

    As a context manager it restores the earlier handlers. Outside of the main thread, where Python
    allows no handlers, it does nothing.
    """

    def __init__(self) -> None:
        self.reason: BaseException | None = None
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> "Interrupts":
        self._before = [signal.getsignal(number) for number in SIGNALS]
        return self

    def __exit__(self, *exception: object) -> None:
        if self._main:
            for number, handler in zip(SIGNALS, self._before, strict=True):
                if handler is not None:  # handlers that are not Python's stay
                    signal.signal(number, handler)

    def listen(self) -> None:
        """Takes over the signals; call it after Ray has started, which sets handlers of its own."""
        if self._main:
            for number in heard_signals():
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: Any) -> None:
        if self.reason is None:
            self.reason = interruption(number)
        elif number == signal.SIGHUP:
            pass  # the kernel and the shell each send one
        elif hasattr(sys, "ps1"):  # a notebook must survive
            raise KeyboardInterrupt
        else:
            os._exit(128 + number)  # every finished trial is on the disk; Ray's processes follow


def heard_signals() -> list[int]:
    """Returns the signals that end a sweep: not SIGHUP under nohup, where it is to be ignored."""
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in SIGNALS if number != signal.SIGHUP or not is_ignored]


def interruption(number: int) -> BaseException:
    """Returns the exception with which a sweep ends after a signal."""
    if number == signal.SIGINT:
        return KeyboardInterrupt("the sweep was interrupted")
    return SystemExit(128 + number)
