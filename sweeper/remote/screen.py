"""Shows on a laptop a job on a cluster's head, as if the sweep ran here."""

import sys

from sweeper.live import Live
from sweeper.record.mirror import Mirror
from sweeper.terminal import one_line, printable, tell


class Screen:
    """Shows the log as it comes; in a terminal the sweep's last lines of progress are live.

    Ray's own messages before sweeper prints anything are shown only if sweeper never does.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._lines: list[str] = []
        self._live = Live(lambda: self._lines)
        self._shown = self._to_skip = 0  # characters of the log
        self._said: set[str] = set()
        self._from_ray: list[str] | None = []

    def rewind(self) -> None:
        """Prepares for the log to come again from its beginning."""
        self._to_skip = self._shown

    def show(self, text: str) -> None:
        """Shows a further part of the log."""
        new = text[self._to_skip :]
        self._to_skip -= min(self._to_skip, len(text))
        self._shown += len(new)
        for kind, said in self._mirror.take(new):
            if kind != "said":
                self._from_ray = None
            if kind == "lines":
                self._lines = [one_line(line) for line in said.split("\n")]
                self._live.open()
            elif kind == "print":
                self._live.close()  # the results: the sweep is over
                tell(printable(said), sys.stdout)
            elif kind == "said" and self._from_ray is not None:
                self._from_ray.append(said)
            elif kind == "said":
                self.say(said)

    def say(self, message: str) -> None:
        """Prints a message that stays, above the live lines."""
        self._live.say(message)

    def say_once(self, message: str) -> None:
        """Prints a line, unless it was printed before."""
        if message not in self._said:
            self._said.add(message)
            self.say(message)

    def close(self) -> None:
        """Takes the live lines away; says so if sweeper printed nothing."""
        self._live.close()
        if self._from_ray is not None:
            for line in self._from_ray:
                self.say(line)
            self.say("sweeper did not start there. The head's `python` must have it installed.")
