"""Decides what a searcher knows of earlier trials: a function of trials' numbers, not of time."""

import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import fmean

from sweeper.record.rows import Key, Row
from sweeper.record.sweep_definition import Sweep
from sweeper.search.asha import Verdicts
from sweeper.search.known import Known
from sweeper.space.checks import Config
from sweeper.worker.reports import Point

Curve = Sequence[Point]


class Knowledge:
    """The knowledge of each trial about those before it, given once all of it is there.

    With the lag L, trial i knows trial j wholly if i − j ≥ L, else only its configuration. If
    trials are stopped early, it knows what L virtual workers would have shown by the time one of
    them is free for it, if every epoch took one unit of time: as much as an asynchronous search on
    L workers would know, but a function of the trials' numbers and curves alone.

    On LCBench's surrogate (9 data sets, 3 seeds, 60 trials, L = 8) that is worth 1.4 ± 0.4 points
    of error after 20 whole trainings, and 0.8 ± 0.5 after 60 trials, beside knowing of trial j the
    first ⌊(i − j) / L⌋ × `grace_epochs` epochs.

    Args:
        sweep: the settings that affect the table; its lag is chosen.
        lines: the rows of the trials that have ended, by trial and replicate.
        curves: the learning curves of running trials.
        config_of: returns the configuration of a trial, None if it is not known yet.
        verdicts: the verdicts of early stopping, if there are any.
    """

    def __init__(
        self,
        sweep: Sweep,
        lines: Mapping[Key, Row],
        curves: Mapping[Key, Curve],
        config_of: Callable[[int], Config | None],
        verdicts: Verdicts | None,
    ) -> None:
        self._sweep = sweep
        self._loss = sweep.metric.loss
        self._lines = lines
        self._curves = curves
        self._config_of = config_of
        self._verdicts = verdicts
        self._starts: list[int] = []  # starts of trials on the virtual workers
        self._last: list[int | None] = [None] * (sweep.lag or 0)  # trial on each of them
        self._wholly: dict[int, Known] = {}  # trials that have ended

    def before(self, trial: int, asked: Collection[int] = ()) -> list[Known | None] | None:
        """Returns what a trial knows of each one before it; None if some of that is still to come.

        The entries of trials that are being `asked` for, whose configurations come just before
        this one's, are None.
        """
        found: list[Known | None] = []
        for earlier in range(trial):
            config = {} if earlier in asked else self._config_of(earlier)
            known = None if config is None else self._of(earlier, config, trial)
            if known is None:
                return None
            found.append(None if earlier in asked else known)
        return found

    def _of(self, earlier: int, config: Config, trial: int) -> Known | None:
        """Returns what a trial knows of an earlier one; None if that is still to come."""
        lag = self._sweep.lag
        if lag is None:
            return Known(config)
        if self._sweep.scheduler is None or self._verdicts is None:
            return self._whole(earlier, config) if trial - earlier >= lag else Known(config)
        start = self._start(trial)
        if start is None:
            return None
        return self._part(earlier, config, start - self._starts[earlier], self._verdicts)

    def _start(self, trial: int) -> int | None:
        """Returns when a trial starts on the virtual workers; None if that is not certain yet."""
        while len(self._starts) <= trial:
            free = [(0, False) if last is None else self._end(last) for last in self._last]
            first = min(free)
            time, is_uncertain = first
            if is_uncertain:
                return None
            self._last[free.index(first)] = len(self._starts)
            self._starts.append(time)
        return self._starts[trial]

    def _end(self, trial: int) -> tuple[int, bool]:
        """Returns the earliest end of a trial on the virtual workers, and if it may be later."""
        assert self._verdicts is not None
        start, row = self._starts[trial], self._ended(trial)
        rung = self._verdicts.stopped_at(trial)
        open_rung = self._verdicts.open_at(trial)
        if rung is not None:
            return start + rung, False
        if open_rung is not None:
            return start + open_rung, True
        if row is not None:
            return start + (row.epochs or 1), False
        return start + len(self._curves.get(Key(trial, 0), [])), True

    def _ended(self, trial: int) -> Row | None:
        row = self._lines.get(Key(trial, 0))
        return None if row is None or row.status == "interrupted" else row

    def _whole(self, trial: int, config: Config) -> Known | None:
        if trial not in self._wholly:
            known = self._mean(trial, config)
            if known is None:
                return None
            self._wholly[trial] = known
        return self._wholly[trial]

    def _mean(self, trial: int, config: Config) -> Known | None:
        """Returns what all replicates of a trial have shown; None if one has not ended."""
        rows = [self._lines.get(Key(trial, r)) for r in range(self._sweep.replicates)]
        ended = [row for row in rows if row is not None and row.status != "interrupted"]
        if len(ended) < len(rows):
            return None
        finished = [row for row in ended if row.status == "finished"]
        chosen = finished or ended[:1]
        losses = [self._loss(row.value) for row in chosen if row.value is not None]
        loss = fmean(losses) if losses else None
        return Known(config, self._means([row.curve for row in chosen]), loss, chosen[0].status)

    def _part(self, trial: int, config: Config, most: int, verdicts: Verdicts) -> Known | None:
        """Returns the first `most` epochs, and the end if it comes by then."""
        row = self._ended(trial)
        curve = row.curve if row is not None else self._curves.get(Key(trial, 0), [])
        rung = verdicts.stopped_at(trial)
        if rung is not None and rung <= most:
            points = self._points(curve, rung)
            return Known(config, points, points[-1][1], "stopped")
        open_rung = verdicts.open_at(trial)
        if open_rung is not None and open_rung <= most:
            return None
        points = self._points(curve, most)
        # Its end shows one epoch later: after its last epoch it may still be about to go on.
        if row is not None and rung is None and (row.epochs or 0) < most:
            loss = None if row.value is None else self._loss(row.value)
            return Known(config, points, loss, row.status)
        return Known(config, points) if row is not None or len(curve) >= most else None

    def _points(self, curve: Curve, most: float = math.inf) -> tuple[tuple[int, float], ...]:
        """Returns the epochs up to `most` and their losses."""
        shown = itertools.takewhile(lambda point: point[0] <= most, curve)
        return tuple((int(epoch), self._loss(value)) for epoch, value, *_ in shown)

    def _means(self, curves: Sequence[Curve]) -> tuple[tuple[int, float], ...]:
        """Returns the mean curve as far as all curves go."""
        length = min(map(len, curves))
        rows = zip(*(self._points(curve[:length]) for curve in curves), strict=True)
        return tuple((row[0][0], fmean(loss for _, loss in row)) for row in rows)
