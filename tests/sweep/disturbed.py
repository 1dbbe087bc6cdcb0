"""Simulated sweeps that are killed, interrupted and gone on with, workers of which die.

The conductor is the real one, and so is all that decides; workers, clock and disk are not.
"""

import functools
import heapq
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sweeper.record.rows import Row, Trial
from sweeper.record.sweep_definition import Sweep
from sweeper.search.known import Known
from sweeper.sweep.conductor import Conductor, Place
from sweeper.sweep.core import Core, Question
from sweeper.sweep.interrupts import Interrupts
from sweeper.sweep.limits import Limits
from sweeper.sweep.progress import Progress
from sweeper.sweep.stops import Stops
from sweeper.sweep.suggestions import Suggestions, suggest
from sweeper.worker.reports import Ended, status

NOWHERE = Path("/nonexistent")


class KilledError(BaseException):
    """The driver is no more."""


@dataclass(frozen=True)
class Drawn:
    """The first trials of a searcher that does not look back, each drawn once: draws take longer
    than all the rest of a simulated sweep.
    """

    searcher: object
    num_trials: int
    looks_back: bool = False
    lag: None = None

    def num_configs(self, space) -> int:
        return self.num_trials

    def config(self, space, seed: int, trial: int, known: Sequence[Known] = ()) -> dict:
        return dict(_draw(self.searcher, space, seed, trial))


@functools.cache
def _drawn(searcher: object, space: object) -> dict[tuple[int, int], dict]:
    return {}


def _draw(searcher, space, seed: int, trial: int) -> dict:
    found = _drawn(id(searcher), id(space))
    if (seed, trial) not in found:
        found[seed, trial] = searcher.config(space, seed, trial, ())
    return found[seed, trial]


@dataclass
class Nature:
    """What objectives make of configurations: pure functions of these and the trial's seed.

    Attributes:
        salt: another one is another objective.
        epochs: of a whole training.
        broken: a file is missing that some trials want, so that they fail until it is there.
    """

    salt: int
    epochs: int = 9
    broken: bool = False
    _found: dict = field(default_factory=dict)

    def training(self, trial: Trial) -> tuple[list[float], str]:
        """The errors of a trial, and how it ends: finished, fails, dies."""
        if trial.key not in self._found:
            text = f"{self.salt} {sorted(trial.config.items())} {trial.seed}"
            self._found[trial.key] = self._train(random.Random(text))
        errors, ending, wants_file = self._found[trial.key]
        return ([], "fails") if wants_file and self.broken else (errors, ending)

    def _train(self, rng: random.Random) -> tuple[list[float], str, bool]:
        kind, ending = rng.random(), "finished"
        length = self.epochs
        if kind < 0.2:
            length, ending = rng.randint(0, length), rng.choice(["finished", "fails", "dies"])
        errors = [rng.choice([0.1, 0.2, 0.3]) + rng.random() / (e + 1) for e in range(length)]
        if 0.2 <= kind < 0.3:
            errors[rng.randrange(length) :] = [rng.choice([math.nan, math.inf])]
        if not errors and ending == "finished":
            ending = "fails"
        return errors, ending, rng.random() < 0.2


@dataclass
class Trouble:
    """What happens to one run of a sweep.

    Attributes:
        end_at: the event after which the driver ends; None for never.
        way: it is `killed`, or `killed in writing` its next line, or `interrupted` as by Ctrl-C,
            when it writes rows for the trials that run.
        deaths: how likely a worker dies at each event.
    """

    end_at: int | None = None
    way: str = "killed"
    deaths: float = 0.0


class Lines:
    """The record in memory: one line a trial that counts."""

    def __init__(self, lines: Sequence[Row]) -> None:
        self.rows = list(lines)
        self.done = {row.key for row in lines if row.status != "interrupted"}
        self.breaks = False

    def append(self, row: Row) -> None:
        if self.breaks:  # the line is cut short, and set aside by who reads it
            raise KilledError
        if row.status != "interrupted":
            assert row.key not in self.done, "a trial has two lines"
            self.done.add(row.key)
        self.rows.append(row)


class Now:
    """A searcher that answers at once."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep

    def ask(self, questions: Sequence[Question]) -> None:
        self._configs = suggest(self._sweep, questions)

    def answer(self) -> list[dict]:
        return self._configs


@dataclass
class _Work:
    """A trial on a worker: what it has told by when it is heard of next, and how often it died."""

    trial: Trial
    told: int
    deaths: int = 0


class Run:
    """One run of a sweep, from its record to its end or the driver's.

    Args:
        sweep: with its lag.
        lines: its record.
        workers: how many.
        nature: of the objective.
        trouble: what happens.
        rng: for all that must not matter.
        max_failures: how often a trial is tried again whose process died.
    """

    def __init__(
        self, sweep: Sweep, lines: Sequence[Row], workers: int, nature: Nature, trouble: Trouble,
        rng: random.Random, max_failures: int = 2,
    ) -> None:  # fmt: skip
        self.workers, self.nature, self.trouble, self.rng = workers, nature, trouble, rng
        self.max_failures = max_failures
        self.lines, self.deaths, self.events = Lines(lines), 0, 0
        self._pause_at = sweep.scheduler.is_rung if sweep.scheduler else lambda epoch: False
        core = Core(sweep, [row for row in lines if row.status != "interrupted"])
        bar = Progress(sweep.num_trials, lambda: workers, enabled=False, metric=sweep.metric)
        bar.kept(len(core.lines), core.newly_settled())
        stops = Stops(core, Limits(first_failures=None), Interrupts(), workers, bar.say)
        self.core = core
        self._conductor = Conductor(
            core, self.lines, NOWHERE, bar, stops, Suggestions(core, Now(sweep)), keep="all",
            keep_checkpoints=True,
        )  # fmt: skip
        self._events: list[tuple[float, int, _Work]] = []
        self._ties, self._now = itertools.count(), 0.0

    def to_the_end(self) -> bool:
        """Whether all trials have ended, and the driver was not killed before."""
        try:
            self._hand_out()
            for self.events in itertools.count():
                if not self._events:
                    assert self.core.is_over, "nothing runs, and there are trials left"
                    self._check_last_line()
                    return True
                if self.events == self.trouble.end_at:
                    self._end()
                self._now, _, work = heapq.heappop(self._events)
                self._hear_of(work)
                self._hand_out()
        except KilledError:
            pass
        return False

    def _check_last_line(self) -> None:
        """Checks that the progress ends with what the table says."""
        rows, bar = self.core.rows(), self._conductor.bar
        of_table = Progress(len(rows), lambda: 1, enabled=False, metric=self.core.sweep.metric)
        of_table.kept(len(rows), rows)
        shown, expected = (
            [part for part in one.line().split(" · ") if "elapsed" not in part]
            for one in (bar, of_table)
        )
        assert shown == expected

    def _end(self) -> None:
        if self.trouble.way == "killed in writing":
            self.lines.breaks = True
            return
        if self.trouble.way == "interrupted":
            self._conductor.interrupt()
        raise KilledError

    def _hand_out(self) -> None:
        while len(self._events) < self.workers:
            trial = self._conductor.next_trial()
            if trial is None:
                return
            assert trial.key not in self.lines.done, "a trial with a line is trained again"
            self._begin(_Work(trial, 0))

    def _begin(self, work: _Work) -> None:
        self._conductor.started(work.trial.key, Place("worker", "node"))
        work.told = 0
        self._go_on(work)

    def _go_on(self, work: _Work) -> None:
        seconds = self.rng.choice((0.1, 1, 1, 5)) * self.rng.random()
        heapq.heappush(self._events, (self._now + seconds, next(self._ties), work))

    def _hear_of(self, work: _Work) -> None:
        """A worker tells of some epochs, of a trial's end, or no more."""
        trial, key = work.trial, work.trial.key
        errors, ending = self.nature.training(trial)
        if self.rng.random() < self.trouble.deaths and ending != "dies":
            self._die(work, counts=work.deaths < self.max_failures)
            return
        first, told = work.told, work.told
        while told < len(errors):
            told += 1
            if self._pause_at(told) or self.rng.random() < 0.7:
                break
        points = [[e, errors[e - 1], 0.0] for e in range(first + 1, told + 1)]
        work.told = told
        if told < len(errors) or (points and self.rng.random() < 0.5) or ending == "dies":
            if self._conductor.reported(key, points):
                return
            if told < len(errors) or points:
                self._go_on(work)
                return
            self._die(work, counts=True)
            return
        value = errors[-1] if errors else None
        how = "failed" if ending == "fails" else status(value)
        failed = how == "failed"
        self._conductor.ended(
            key,
            Ended(how, None if failed else value, len(errors) or None, 1.0, points,
                  "ValueError: no" if failed else None),
        )  # fmt: skip

    def _die(self, work: _Work, counts: bool) -> None:
        """The process of a trial dies, which is tried again, unless it died too often."""
        self.deaths += 1
        work.deaths += counts
        key = work.trial.key
        if work.deaths > self.max_failures:
            self._conductor.gave_up(key, "WorkerDied: it always does", None)
            return
        self._conductor.died(key)
        if key in self.core.running:
            self._begin(work)


def table(rows: Sequence[Row]) -> list[str]:
    """All that is promised to be the same, to the last bit; NaN equals itself here."""
    timed = {"start_s": None, "runtime_s": None, "worker": None, "node": None}
    return [repr(replace(row, **timed)) for row in rows]


def on_record(lines: Sequence[Row], retry_failed: bool) -> list[Row]:
    """What a resume goes on with: of each trial its last line."""
    again = ("interrupted", "failed") if retry_failed else ("interrupted",)
    last = {row.key: row for row in lines}
    return [row for row in last.values() if row.status not in again]
