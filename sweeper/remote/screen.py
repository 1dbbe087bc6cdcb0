"""What a laptop shows of a job on a cluster's head, as if the sweep ran here."""

import os
import shutil
import sys
from contextlib import suppress
from typing import TextIO

from sweeper.record.mirror import Mirror
from sweeper.terminal import printable


class Screen:
    """Shows the log as it comes; in a terminal the last line, how far the sweep is, is live.

    What Ray says before sweeper comes to word is shown only if it never does.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._line = ""
        self._shown = self._to_skip = 0  # characters of the log
        self._said: set[str] = set()
        self._from_ray: list[str] | None = []

    def rewind(self) -> None:
        """The log comes from its beginning again."""
        self._to_skip = self._shown

    def show(self, text: str) -> None:
        """A further part of the log."""
        new = text[self._to_skip :]
        self._to_skip -= min(self._to_skip, len(text))
        self._shown += len(new)
        for kind, said in self._mirror.take(new):
            if kind != "said":
                self._from_ray = None
            if kind == "line":
                self._line = said
            elif kind == "print":
                self._clear()
                _write(sys.stdout, printable(said))
            elif kind == "said" and self._from_ray is not None:
                self._from_ray.append(said)
            elif kind == "said":
                self.say(said)
        self._draw()

    def say(self, message: str) -> None:
        """A line of its own, above the live one."""
        self._clear()
        _write(sys.stderr, printable(message) + "\n")

    def say_once(self, message: str) -> None:
        """The same, unless it was said before."""
        if message not in self._said:
            self._said.add(message)
            self.say(message)

    def close(self) -> None:
        """Takes the live line away; says so if sweeper did not come to word."""
        self._clear()
        if self._from_ray is not None:
            for line in self._from_ray:
                self.say(line)
            self.say("sweeper did not start there. The head's `python` must have it installed.")

    def _clear(self) -> None:
        if self._live:
            _write(sys.stderr, "\r\x1b[K")

    def _draw(self) -> None:
        if self._live and self._line:
            width = shutil.get_terminal_size().columns
            _write(sys.stderr, "\r\x1b[K" + printable(self._line)[: width - 1])


def _write(stream: TextIO, text: str) -> None:
    """Writes a text, if anyone still reads: the sweep is mirrored to its end all the same."""
    with suppress(BrokenPipeError):
        stream.write(text)
        stream.flush()
