"""What is seen of a running sweep: one live line in a terminal, a few plain lines elsewhere."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

from sweeper.record import mirror
from sweeper.record.rows import Row
from sweeper.search.metric import Metric
from sweeper.terminal import one_line, printable, short, tell

_REDRAW_S = 0.2
_SEND_S = 2.0  # in a job, of which every line is kept


class Progress:
    """Trials done, best value so far with its configuration, and time left.

    Args:
        num_workers: how many trials run at once, which changes as nodes come and go.
    """

    def __init__(
        self,
        total: int,
        num_workers: Callable[[], int],
        enabled: bool = True,
        stream: TextIO | None = None,
        metric: Metric = Metric(),
    ) -> None:
        self._total = total
        self._metric = metric
        self._num_workers = num_workers
        self._stream = stream or sys.stderr
        self._enabled = enabled
        self._travels = enabled and mirror.MIRROR in os.environ
        self._live = enabled and self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._start = self._drawn = time.monotonic()
        self._running: dict[Any, float] = {}  # trial → when it started
        self._runtimes_s = 0.0
        self._stopped: list[int] = []  # the epochs of trials that were stopped early
        self._longest = 0  # epochs of a finished trial
        self._done = self._failed = self._said = self._timed = 0
        self._best = ""
        self._best_loss = float("inf")

    def started(self, key: Any) -> None:
        """A worker begins a trial."""
        self._running[key] = time.monotonic()

    def ended(self, key: Any, row: Row) -> None:
        """A trial has its row."""
        start = self._running.pop(key, None)
        if start is not None:
            self._runtimes_s += time.monotonic() - start
            self._timed += 1
        self._count(row)
        if not self._live and self._done >= self._said + max(1, self._total // 10):
            self._said = self._done
            self._print_plain()

    def kept(self, rows: Iterable[Row]) -> None:
        """Counts trials of an earlier run of this sweep."""
        for row in rows:
            self._count(row)
        self._said = self._done

    def _count(self, row: Row) -> None:
        self._done += 1
        if row.status == "finished" and row.value is not None:
            loss = self._metric.loss(row.value)
            if loss < self._best_loss:
                self._best_loss = loss
                self._best = f"{self._metric.best(row.value)} ({_brief(row.config)})"
        else:
            self._failed += row.status in ("failed", "diverged")
        if row.status == "stopped":
            self._stopped.append(row.epochs or 0)
        elif row.status == "finished":
            self._longest = max(self._longest, row.epochs or 0)

    def tick(self) -> None:
        """Redraws the live line now and then, be it on a laptop that follows this job."""
        now = time.monotonic()
        if self._live and now - self._drawn >= _REDRAW_S:
            self._drawn = now
            width = shutil.get_terminal_size().columns
            tell("\r\x1b[K" + self.line()[: width - 1], self._stream)
        if self._travels and now - self._drawn >= _SEND_S:
            self._drawn = now
            mirror.send(line=self.line())

    def say(self, message: str) -> None:
        """Prints a message of its own, above the live line."""
        if self._enabled:
            tell(("\r\x1b[K" if self._live else "") + printable(message) + "\n", self._stream)

    def close(self) -> None:
        """Leaves the last state standing."""
        if self._live:
            tell("\r\x1b[K", self._stream)
        if self._enabled and self._done > self._said:
            self._print_plain()

    def line(self) -> str:
        """The state in one line."""
        elapsed_s = time.monotonic() - self._start
        parts = [f"{self._done:,}/{self._total:,} trials", f"{duration(elapsed_s)} elapsed"]
        if self._done < self._total:
            parts.append(f"{self._time_left()} left")
            parts.append(f"{len(self._running)} running")
        if self._failed:
            parts.append(f"{self._failed:,} failed or diverged")
        if self._stopped:
            saved = sum(max(0, self._longest - epochs) for epochs in self._stopped)
            parts.append(f"{len(self._stopped):,} stopped early, {saved:,} epochs saved")
        if self._best:
            parts.append(self._best)
        return one_line(" · ".join(parts))

    def _time_left(self) -> str:
        """Work left over workers: what is not started, and what running trials still need."""
        if not self._timed:
            return "unknown time"
        mean_s = self._runtimes_s / self._timed
        now = time.monotonic()
        rest_s = [max(0.0, mean_s - (now - start)) for start in self._running.values()]
        waiting = self._total - self._done - len(self._running)
        shared_s = (sum(rest_s) + waiting * mean_s) / self._num_workers()
        # Never less than one whole trial while some are waiting, or than the longest rest.
        return "about " + duration(max(shared_s, mean_s if waiting > 0 else max(rest_s, default=0)))

    def _print_plain(self) -> None:
        if self._enabled:
            tell(self.line() + "\n", self._stream)


def duration(seconds: float) -> str:
    """Seconds as people say them, such as `42 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _brief(config: Mapping[str, Any]) -> str:
    """A configuration in few characters."""
    return ", ".join(
        f"{short(name, 40)}={value:.4g}"
        if isinstance(value, float)
        else f"{short(name, 40)}={short(str(value), 40)}"
        for name, value in config.items()
    )
