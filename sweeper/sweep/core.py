"""Decides what happens next in a sweep, from the trials' numbers and results alone.

Nothing here uses Ray, a clock, threads or files. An executor reports events (a worker is free,
trial 7 reports epoch 3, it ended, its process died) and is told what to do: which trial to start,
which to stop, which row to write. Events may come in any order that workers bring about: the
decisions, and so the table, are the same.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeper.record.lines import thinned
from sweeper.record.rows import Key, Row, Trial
from sweeper.record.settled import settle, tell
from sweeper.record.sweep_definition import Sweep
from sweeper.search.asha import Verdicts
from sweeper.search.known import Known
from sweeper.space.checks import Config
from sweeper.sweep.knowledge import Knowledge
from sweeper.worker.reports import Point, never

_AHEAD = 16  # configurations that are computed before a worker asks for them
_AT_ONCE = 4  # … in one batch: none is there before the last one is


@dataclass(frozen=True)
class Question:
    """A question to the searcher: the configuration of a trial, and what may be known for it.

    None stands for a trial in the same batch of questions, just before.
    """

    trial: int
    known: Sequence[Known | None]


class Core:
    """The state of a sweep, and all decisions that follow from it.

    Args:
        sweep: the settings that affect the table; its lag is chosen.
        lines: rows of an earlier run of this sweep, for trials that are not run again.
    """

    def __init__(self, sweep: Sweep, lines: Iterable[Row] = ()) -> None:
        self.sweep = sweep
        self.num_trials = sweep.num_trials
        self.lines: dict[Key, Row] = {}  # as they were trained, verdicts not applied
        self.running: dict[Key, Trial] = {}
        self.curves: dict[Key, list[Point]] = {}
        self._again: deque[Trial] = deque()
        self._configs: dict[int, Config] = {}
        self._next = Key(0, 0)
        self._open = 0
        self.verdicts = Verdicts(sweep.scheduler, sweep.metric) if sweep.scheduler else None
        self._knowledge = Knowledge(
            sweep, self.lines, self.curves, self._configs.get, self.verdicts
        )
        self.epochs_trained = 0  # by all trials, epochs beyond a verdict included
        self._unsettled: dict[Key, None] = {}  # ended trials whose row may still change
        for row in sorted(lines, key=lambda row: row.key):
            self._configs.setdefault(row.trial, row.config)
            self.epochs_trained += row.epochs or 0
            self._add(row)

    # Which trial comes next

    def next_trial(self) -> Trial | None:
        """Returns the trial for a free worker; None if there is none (yet)."""
        if self._again:
            trial = self._again.popleft()
        else:
            key = self._skip()
            config = None if key is None else self._config(key.trial)
            if key is None or config is None:
                return None
            trial = self.sweep.trial(key.trial, key.replicate, config)
            self._next = self._after(key)
        self.running[trial.key] = trial
        self.curves.setdefault(trial.key, [])  # it may have reported something before
        return trial

    def unfinished(self) -> list[Trial]:
        """Returns the trials that were handed out and have not ended."""
        return [*self.running.values(), *self._again]

    @property
    def is_over(self) -> bool:
        """True if all trials have ended."""
        return not self.running and not self.has_more

    @property
    def has_more(self) -> bool:
        """True if there are trials that have not been handed out yet."""
        return bool(self._again) or self._skip() is not None

    def questions(self) -> list[Question]:
        """Returns the next configurations to be computed, as far ahead as results allow.

        `answer` them before you ask for more. Empty if there are none, or none yet.
        """
        if not self.sweep.searcher.looks_back:
            return []  # its configurations are drawn when they are needed
        wanted = self._skip()
        most = 0 if wanted is None else min(self.num_trials, wanted.trial + _AHEAD)
        found: list[Question] = []
        for trial in range(self._first_open(), most):
            if trial not in self._configs:
                known = self._knowledge.before(trial, {question.trial for question in found})
                if known is None or len(found) == _AT_ONCE:
                    break
                found.append(Question(trial, known))
        return found

    def _first_open(self) -> int:
        """Returns the first trial whose configuration is not known."""
        while self._open in self._configs:
            self._open += 1
        return self._open

    def answer(self, trial: int, config: Config | None) -> None:
        """Takes the searcher's choice for a trial: a configuration, or None to end the sweep
        before this trial.
        """
        if config is None:
            self.num_trials = min(self.num_trials, trial)
        else:
            self._configs[trial] = config

    def _config(self, trial: int) -> Config | None:
        if trial not in self._configs and not self.sweep.searcher.looks_back:
            sweep = self.sweep
            return sweep.searcher.config(sweep.space, sweep.seed, trial, ())
        return self._configs.get(trial)

    def _skip(self) -> Key | None:
        """Returns the next trial that has not ended and does not run; None if there is none."""
        while self._next.trial < self.num_trials:
            if self._next not in self.lines:
                return self._next
            self._next = self._after(self._next)
        return None

    def _after(self, key: Key) -> Key:
        last = key.replicate + 1 >= self.sweep.replicates
        return Key(key.trial + 1, 0) if last else Key(key.trial, key.replicate + 1)

    # What trials do

    def reported(self, key: Key, points: Iterable[Point]) -> None:
        """Takes a trial's new points of its curve, as in a `Row`.

        A trial whose process died begins anew: until it has come as far again, its earlier reports
        stand, since other trials may have been judged by them.
        """
        if key not in self.running:
            return
        curve = self.curves[key]
        for point in points:
            curve[int(point[0]) - 1 :] = [point, *curve[int(point[0]) :]]
            self.epochs_trained += 1
            if self.verdicts is not None:
                self.verdicts.reported(key.trial, int(point[0]), point[1])

    def should_stop(self, key: Key) -> bool:
        """Checks if a trial has nothing more to train: it has its verdict, or has ended."""
        if key not in self.running:
            return True
        return self.verdicts is not None and self.verdicts.stopped_at(key.trial) is not None

    def ended(self, row: Row) -> Row:
        """Returns the line of a trial that has ended, by itself, by its verdict or for good.

        Once the verdict is out, epochs beyond it are cut off.
        """
        self.running.pop(row.key, None)
        self.curves.pop(row.key, None)
        self.epochs_trained += max(0, (row.epochs or 0) - len(row.curve))  # not reported
        scheduler = self.sweep.scheduler
        return self._add(thinned(row, scheduler.is_rung if scheduler else never))

    def _add(self, row: Row) -> Row:
        if self.verdicts is not None and row.status != "interrupted":
            tell(self.verdicts, row)
            if self.verdicts.stopped_at(row.trial) is not None:
                row = settle(row, self.verdicts)
        self.lines[row.key] = row
        self._unsettled[row.key] = None
        return row

    def not_started(self, trial: Trial) -> None:
        """Hands out a trial again that a worker could not take."""
        self.running.pop(trial.key, None)
        self._again.append(trial)

    # The outcome

    def row(self, key: Key) -> Row | None:
        """Returns a trial's row of the table once it has ended, else None; see `record.settled`."""
        line = self.lines.get(key)
        return line if line is None or self.verdicts is None else settle(line, self.verdicts)

    def newly_settled(self) -> list[Row]:
        """Returns the rows that have become final since the last call: of trials that have ended,
        and whose verdicts are out.
        """
        rows = [row for key in self._unsettled if (row := self.row(key)) is not None]
        found = [row for row in rows if row.status != "interrupted"]
        for row in found:
            del self._unsettled[row.key]
        return found

    def rows(self) -> list[Row]:
        """Returns the table so far, in the order of trials."""
        return [row for key in sorted(self.lines) if (row := self.row(key)) is not None]
