"""Ctrl-C and SIGTERM while a sweep runs: once to end it in order, twice to end it at once."""

import os
import signal
import sys
import threading
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turns signals into a `reason` to stop, which a sweep looks at between its steps.

    As a context manager it gives back the handlers that were there before. Elsewhere than in the
    main thread, where Python allows no handlers, it does nothing.
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
                signal.signal(number, handler)

    def listen(self) -> None:
        """Takes over the signals; Ray sets handlers of its own when it starts, so after that."""
        if self._main:
            for number in SIGNALS:
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: Any) -> None:
        if self.reason is None:
            self.reason = interruption(number)
        elif hasattr(sys, "ps1"):  # a notebook must survive
            raise KeyboardInterrupt
        else:
            os._exit(128 + number)  # every finished trial is on the disk; Ray's processes follow


def interruption(number: int) -> BaseException:
    """What a sweep ends with that a signal ends."""
    if number == signal.SIGINT:
        return KeyboardInterrupt("the sweep was interrupted")
    return SystemExit(128 + number)
