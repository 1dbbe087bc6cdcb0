"""Shows how far a running sweep is: lines that change in place, or a few plain ones."""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sweeper.live import Live
from sweeper.record import mirror
from sweeper.record.rows import Key, Row
from sweeper.record.running import note_progress, remove_progress
from sweeper.search.metric import Metric
from sweeper.terminal import one_line, short

_REFRESH_S = 0.5
_SEND_S = 2.0  # to a laptop that follows this job, and to a note in the sweep's folder
_FIRST_PLAIN_S = 60.0  # after so long, twice as long, … a plain line, even without a result
_MOST_SHOWN = 200  # characters of a configuration


class Progress:
    """Counts trials and shows how far a sweep is: the best so far, time left, what runs.

    Lines change in place in a terminal and in a notebook. Elsewhere there are a few plain lines.

    Args:
        total: the number of trials.
        num_workers: returns how many trials run at once, which changes as nodes come and go.
        enabled: False to show nothing.
        stream: the stream to write to; standard error unless given.
        metric: the metric that is optimised.
        prints: True if objectives print to the same terminal, so that no line of it may change.
        folder: the sweep's own folder, where a note says how far it is.
    """

    def __init__(
        self,
        total: int,
        num_workers: Callable[[], int],
        enabled: bool = True,
        stream: TextIO | None = None,
        metric: Metric = Metric(),
        prints: bool = False,
        folder: Path | None = None,
    ) -> None:
        self._total = total
        self._num_workers = num_workers
        self._enabled = enabled
        self._folder = folder
        self._travels = enabled and mirror.MIRROR in os.environ
        self._live = Live(
            self.lines, stream, enabled and not self._travels, in_terminals=not prints
        )
        self._start = self._drawn = self._sent = time.monotonic()
        self._plain_after_s = _FIRST_PLAIN_S
        self._running: dict[Key, _Running] = {}
        self._has_begun = self._waits = False
        self._tally = _Tally(metric)
        self._runtimes_s = 0.0
        self._timed = self._said = 0

    def open(self) -> None:
        """Begins to show lines that change in place."""
        if self._enabled:
            self._live.open()

    def planned(self, total: int) -> None:
        """Lowers the number of trials, which was larger at first."""
        self._total = total

    def started(self, key: Key) -> None:
        """Notes that a worker begins a trial."""
        self._has_begun = True
        self._running[key] = _Running(time.monotonic())

    def reported(self, key: Key, epoch: int, value: float) -> None:
        """Notes how far a running trial has trained."""
        if key in self._running:
            self._running[key].epoch, self._running[key].value = epoch, value

    def waits(self, for_suggestion: bool) -> None:
        """Notes whether a free worker must wait for its next trial to be chosen."""
        self._waits = for_suggestion

    def ended(self, key: Key, settled: Iterable[Row]) -> None:
        """Counts a trial that has ended, and the rows that are final since then.

        A trial may be trained to its end before the verdict that stops it is out: how it counts is
        known only then.
        """
        running = self._running.pop(key, None)
        if running is not None:
            self._runtimes_s += time.monotonic() - running.since
            self._timed += 1
        self._tally.done += 1
        self._tally.count(settled)
        if not self._live.shows and self._tally.done >= self._said + max(1, self._total // 10):
            self._print_plain()

    def kept(self, num_trials: int, settled: Iterable[Row]) -> None:
        """Counts trials that ended in an earlier run of this sweep, and their final rows."""
        self._said = self._tally.done = num_trials
        self._tally.count(settled)

    def tick(self) -> None:
        """Shows the state now and then, also on a laptop that follows this job."""
        now = time.monotonic()
        if now - self._drawn >= _REFRESH_S:
            self._drawn = now
            if self._enabled:
                self._live.refresh()
            if not self._live.shows and now - self._start >= self._plain_after_s:
                self._plain_after_s *= 2
                self._print_plain()
        if now - self._sent >= _SEND_S:
            self._sent = now
            if self._travels:
                mirror.send(lines=self.lines())
            if self._folder is not None:
                note_progress(self._folder, self.lines())

    def say(self, message: str) -> None:
        """Prints a message that stays, above the live lines."""
        if self._enabled:
            self._live.say(message)

    def close(self) -> None:
        """Leaves the last state on the screen."""
        self._live.close()
        if self._folder is not None:
            remove_progress(self._folder)
        if self._tally.done > self._said:
            self._print_plain()

    def lines(self) -> list[str]:
        """Returns the state in a few lines, what matters most first in each of them."""
        running = list(self._running.items())  # at once: another thread calls this
        lines = [
            self._tally.best or "no trial has finished yet",
            " · ".join(self._counts(len(running))),
            " · ".join(self._tally.endings()),
            "running: " + ", ".join(one.describe(key) for key, one in running) if running else "",
        ]
        return [one_line(line) for line in lines if line]

    def line(self) -> str:
        """Returns the state in one line."""
        parts = [*self._counts(len(self._running)), *self._tally.endings(), self._tally.best]
        return one_line(" · ".join(filter(None, parts)))

    def _counts(self, running: int) -> list[str]:
        done = self._tally.done
        parts = [f"{done:,}/{self._total:,} trials"]
        if done < self._total:
            parts.append(f"{self._time_left()} left")
            if running:  # between two trials nothing does for a moment
                parts.append(f"{running} running")
            elif not self._has_begun:
                parts.append("workers are starting")
            free = self._num_workers() - running
            if self._waits and free > 0:
                parts.append(f"{free} waiting for a suggestion")
        return [*parts, f"{duration(time.monotonic() - self._start)} elapsed"]

    def _time_left(self) -> str:
        """Estimates the time left from the work of waiting and running trials, over workers."""
        if not self._timed:
            return "unknown time"
        mean_s = self._runtimes_s / self._timed
        now = time.monotonic()
        running = list(self._running.values())
        rest_s = [max(0.0, mean_s - (now - one.since)) for one in running]
        waiting = self._total - self._tally.done - len(running)
        shared_s = (sum(rest_s) + waiting * mean_s) / self._num_workers()
        # Never less than one whole trial while some are waiting, or than the longest rest.
        return "about " + duration(max(shared_s, mean_s if waiting > 0 else max(rest_s, default=0)))

    def _print_plain(self) -> None:
        self._said = self._tally.done
        if self._enabled:
            self._live.say(self.line())


@dataclass
class _Running:
    """A running trial: when it began, and how far it has come."""

    since: float
    epoch: int = 0
    value: float = math.nan

    def describe(self, key: Key) -> str:
        name = f"trial {key.trial}" + (f", replicate {key.replicate}" if key.replicate else "")
        return f"{name} (epoch {self.epoch}: {self.value:.4g})" if self.epoch else name


class _Tally:
    """Counts how many trials have ended and how, and keeps the best of them."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self.done = self._failed = 0
        self._stopped: Counter[int] = Counter()  # trials that were stopped early, by epochs
        self._longest = 0  # epochs of a finished trial
        self._best_place = (math.inf, Key(0, 0))
        self.best = ""

    def count(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._count(row)

    def _count(self, row: Row) -> None:
        self._failed += row.status in ("failed", "diverged")
        if row.status == "stopped":
            self._stopped[row.epochs or 0] += 1
        if row.status != "finished" or row.value is None:
            return
        self._longest = max(self._longest, row.epochs or 0)
        place = (self._metric.loss(row.value), row.key)  # of equal ones the first, as in the table
        if place < self._best_place:
            self._best_place = place
            self.best = f"{self._metric.best(row.value)} ({_brief(row.config)})"

    def endings(self) -> list[str]:
        parts = []
        if self._failed:
            parts.append(f"{self._failed:,} failed or diverged")
        if self._stopped:
            saved = sum(n * max(0, self._longest - epochs) for epochs, n in self._stopped.items())
            stopped = self._stopped.total()
            parts.append(f"{stopped:,} stopped early, {saved:,} epochs saved")
        return parts


def duration(seconds: float) -> str:
    """Formats seconds as people say them, such as `42 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _brief(config: Mapping[str, Any]) -> str:
    """Formats a configuration in few characters."""
    text = ""
    for name, value in config.items():
        told = f"{value:.4g}" if isinstance(value, float) else short(str(value), 40)
        text += f"{', ' if text else ''}{short(name, 40)}={told}"
        if len(text) > _MOST_SHOWN:
            break
    return short(text, _MOST_SHOWN)
