"""What happens next in a sweep, decided from the trials' numbers and results alone.

Nothing here knows of Ray, of a clock, of threads or files. An executor tells events (a worker is
free, trial 7 reports epoch 3, it ended, its process died) and is answered what to do: which trial
to start, which to stop, which row to write. Executors may tell events in any order that workers
bring about: what is decided is the same, so that the table is.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeper.record.rows import Key, Row, Trial
from sweeper.record.settled import settle, tell
from sweeper.record.sweep_definition import Sweep
from sweeper.search.asha import Verdicts
from sweeper.search.known import Known
from sweeper.space.checks import Config
from sweeper.sweep.knowledge import Knowledge
from sweeper.worker.reports import Point

_AHEAD = 16  # configurations that are worked out before a worker asks for them
_AT_ONCE = 4  # … in one go: the first of them is waited for until the last is there


@dataclass(frozen=True)
class Question:
    """What a searcher is asked: the configuration of a trial, and what it may know for that.

    Nothing stands for a trial that is asked for in the same breath, just before.
    """

    trial: int
    known: Sequence[Known | None]


class Core:
    """The state of a sweep and what follows from it.

    Args:
        sweep: what sets the table; its lag is chosen.
        lines: rows of an earlier run of this sweep, of trials that are not run again.
    """

    def __init__(self, sweep: Sweep, lines: Iterable[Row] = ()) -> None:
        self.sweep = sweep
        self.num_trials = sweep.num_trials
        self.lines: dict[Key, Row] = {}  # as they were trained, verdicts left aside
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
        self.epochs_trained = 0  # by all trials, what was in vain included
        for row in sorted(lines, key=lambda row: row.key):
            self._configs.setdefault(row.trial, row.config)
            self.epochs_trained += row.epochs or 0
            self._add(row)

    # Which trial comes next

    def next_trial(self) -> Trial | None:
        """The trial that a free worker runs now; None if there is none (yet)."""
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
        self.curves.setdefault(trial.key, [])  # it may have shown something before
        return trial

    def unfinished(self) -> list[Trial]:
        """The trials that were handed out and have not ended."""
        return [*self.running.values(), *self._again]

    @property
    def is_over(self) -> bool:
        """Whether all trials have ended."""
        return not self.running and not self.has_more

    @property
    def has_more(self) -> bool:
        """Whether there are trials that have not been handed out yet."""
        return bool(self._again) or self._skip() is not None

    def questions(self) -> list[Question]:
        """The next configurations to be worked out, as far ahead as what is known allows.

        `answer` them before others are asked for. Empty if there are none, or none yet.
        """
        if not self.sweep.searcher.looks_back:
            return []  # its configurations are drawn as they are wanted
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
        """The first trial whose configuration is not known."""
        while self._open in self._configs:
            self._open += 1
        return self._open

    def answer(self, trial: int, config: Config | None) -> None:
        """Takes what the searcher has chosen for a trial: a configuration, or None for the end of
        the sweep before this trial.
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
        """The next trial that has not ended and does not run; None if there is none."""
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
        """A trial has trained so far: points of its curve, as in a `Row`.

        One whose process died begins anew: until it has come as far again, what it showed before
        stands, since other trials may have been judged by it.
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
        """Whether a trial has nothing more to train: it has its verdict, or has ended."""
        if key not in self.running:
            return True
        return self.verdicts is not None and self.verdicts.stopped_at(key.trial) is not None

    def ended(self, row: Row) -> Row:
        """The line of a trial that has ended, by itself, by its verdict or for good.

        Where the verdict is out, what was trained in vain is cut off.
        """
        self.running.pop(row.key, None)
        self.curves.pop(row.key, None)
        self.epochs_trained += max(0, (row.epochs or 0) - len(row.curve))  # not reported
        return self._add(row)

    def _add(self, row: Row) -> Row:
        if self.verdicts is not None and row.status != "interrupted":
            tell(self.verdicts, row)
            if self.verdicts.stopped_at(row.trial) is not None:
                row = settle(row, self.verdicts)
        self.lines[row.key] = row
        return row

    def not_started(self, trial: Trial) -> None:
        """A worker could not take the trial, which is handed out again."""
        self.running.pop(trial.key, None)
        self._again.append(trial)

    # What has come of it

    def row(self, key: Key) -> Row | None:
        """The row of the table for a trial that has ended, else None; see `record.settled`."""
        line = self.lines.get(key)
        return line if line is None or self.verdicts is None else settle(line, self.verdicts)

    def rows(self) -> list[Row]:
        """The table so far, in the order of trials."""
        return [row for key in sorted(self.lines) if (row := self.row(key)) is not None]
