"""In-order ASHA: early stopping that depends on the trials' numbers and values alone.

Source of asynchronous successive halving: Li et al., "A System for Massively Parallel
Hyperparameter Tuning", MLSys 2020 (ASHA). There a trial is compared with those that reached its
rung earlier in time, so that the order of completion matters; here with those that have lower
numbers.
"""

import itertools
import math
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from sweeper.faults import int_fault
from sweeper.search.metric import Metric


@dataclass(frozen=True)
class ASHA:
    """Stops trials early unless they are among the best at their rung.

    The rungs are the epochs `grace_epochs`, `grace_epochs` × `reduction_factor`, `grace_epochs` ×
    `reduction_factor`², and so on. A trial that reaches a rung is compared with the trials before
    it, by number, that reach it too, and goes on if it is among the best 1 / `reduction_factor` of
    them and itself; ties go on, as do the first `reduction_factor` − 1 at a rung, and NaN and
    infinities are last. No trial waits: until the verdict is
    out it trains on, and epochs beyond the rung at which it is stopped are cut off its row.

    Args:
        grace_epochs: the number of epochs that every trial trains, at least 1.
        reduction_factor: one in `reduction_factor` trials goes on at each rung, at least 2.
        max_epochs: the number of epochs of a whole trial, at least 1. No trial is stopped there,
            since there is nothing left to save; None if it is not known, or differs.

    Example:
        >>> scheduler = sweeper.ASHA(grace_epochs=3)
        >>> [epoch for epoch in range(1, 100) if scheduler.is_rung(epoch)]
        [3, 9, 27, 81]
    """

    grace_epochs: int = 1
    reduction_factor: int = 3
    max_epochs: int | None = None

    def faults(self) -> list[str]:
        """Lists the faults of these arguments, one sentence each; empty if there are none."""
        found = [
            int_fault("ASHA(grace_epochs=…)", self.grace_epochs, 1),
            int_fault("ASHA(reduction_factor=…)", self.reduction_factor, 2),
            None
            if self.max_epochs is None
            else int_fault("ASHA(max_epochs=…)", self.max_epochs, 1),
        ]
        faults = [fault for fault in found if fault]
        if not faults and self.max_epochs is not None and self.max_epochs <= self.grace_epochs:
            faults.append(
                f"ASHA(grace_epochs={self.grace_epochs}, max_epochs={self.max_epochs}): no rung is "
                "below max_epochs. Take fewer grace_epochs, or leave the scheduler out."
            )
        return faults

    def rungs(self, last: int) -> Iterator[int]:
        """Yields the epochs up to `last`, inclusive, at which trials are compared, in order."""
        if self.max_epochs is not None:
            last = min(last, self.max_epochs - 1)
        rungs = (self.grace_epochs * self.reduction_factor**k for k in itertools.count())
        return itertools.takewhile(lambda rung: rung <= last, rungs)

    def is_rung(self, epoch: int) -> bool:
        """Checks whether trials are compared at this epoch."""
        return epoch in self.rungs(epoch)

    def goes_on(self, better: int, others: int) -> bool:
        """Decides if a trial goes on at a rung: `others` before it reach it, `better` are better.

        The first `reduction_factor` - 1 trials at a rung go on: there is nothing to compare with.
        """
        among = others + 1
        return among < self.reduction_factor or better < max(1, among // self.reduction_factor)


@dataclass
class _Rung:
    """The state of one rung. All trials below `settled` are known here, and judged.

    Attributes:
        losses: the losses of the trials that have trained to this rung, by number.
        absent: trials that can never reach it.
        verdicts: True for each trial that goes on from here, False for each that is stopped.
        below: the sorted losses of the settled trials that reach it.
    """

    losses: dict[int, float] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)
    verdicts: dict[int, bool] = field(default_factory=dict)
    settled: int = 0
    below: list[float] = field(default_factory=list)


class Verdicts:
    """Gives the verdicts of in-order ASHA, each as soon as nothing unknown can change it.

    It is told the trials' reports in any order, and gives the same verdicts for every order.
    """

    def __init__(self, scheduler: ASHA, metric: Metric = Metric()) -> None:
        self._scheduler = scheduler
        self._metric = metric
        self._rungs: dict[int, _Rung] = {}
        self._over: set[int] = set()  # trials that report nothing more
        self._heard: list[int] = []  # the trials with one, in order

    def reported(self, trial: int, epoch: int, value: float) -> None:
        """Takes a report of an epoch; one that is no rung, or was told before, changes nothing."""
        if not self._scheduler.is_rung(epoch):
            return
        rung = self._rungs.setdefault(epoch, _Rung())
        if trial in rung.losses:
            return
        self._hear(trial)
        rung.losses[trial] = self._metric.loss(value) if math.isfinite(value) else math.inf
        self._judge()

    def over(self, trial: int) -> None:
        """Marks a trial, all of whose reports were told, as one that trains no more."""
        self._hear(trial)
        self._over.add(trial)
        self._judge()

    def stopped_at(self, trial: int) -> int | None:
        """Returns the rung at which the trial is stopped; None if it is not, as far as is known."""
        for epoch in sorted(self._rungs):
            if self._rungs[epoch].verdicts.get(trial) is False:
                return epoch
        return None

    def open_at(self, trial: int) -> int | None:
        """Returns the rung that the trial has reached and whose verdict is still open; None if
        there is none.
        """
        for epoch in sorted(self._rungs):
            rung = self._rungs[epoch]
            if trial in rung.losses and trial not in rung.absent and trial not in rung.verdicts:
                return epoch
        return None

    def _hear(self, trial: int) -> None:
        at = bisect_left(self._heard, trial)
        if self._heard[at : at + 1] != [trial]:
            self._heard.insert(at, trial)

    def _judge(self) -> None:
        """Gives all verdicts that can be given; a lower rung's decide who reaches the next."""
        before = None
        for epoch in sorted(self._rungs):
            self._judge_rung(self._rungs[epoch], before)
            before = self._rungs[epoch]

    def _judge_rung(self, rung: _Rung, before: _Rung | None) -> None:
        """Goes over the trials that are not settled, counting those that come before each."""
        later: list[float] = []  # sorted losses of those after the first unknown trial
        unknown, following = 0, rung.settled
        for trial in self._heard[bisect_left(self._heard, rung.settled) :]:
            unknown += trial - following  # those between, not heard of yet
            following = trial + 1
            there = self._is_there(trial, rung, before)
            if there is None:
                unknown += 1
            elif there:
                loss = rung.losses[trial]
                if trial not in rung.verdicts:
                    last = loss == math.inf  # NaN and infinity, also among themselves
                    others = len(rung.below) + len(later)
                    better = bisect_left(rung.below, loss) + bisect_left(later, loss)
                    verdict = self._verdict(others if last else better, others, unknown, last)
                    if verdict is not None:
                        rung.verdicts[trial] = verdict
                insort(later if unknown else rung.below, loss)
            else:
                rung.absent.add(trial)
            if not unknown:
                rung.settled = trial + 1

    def _is_there(self, trial: int, rung: _Rung, before: _Rung | None) -> bool | None:
        """Checks whether a trial reaches a rung; None if that is not known yet."""
        if trial in rung.absent or (trial in self._over and trial not in rung.losses):
            return False
        came = True if before is None else before.verdicts.get(trial)
        if came is False or (before is not None and trial in before.absent):
            return False
        return True if came and trial in rung.losses else None

    def _verdict(self, better: int, others: int, unknown: int, last: bool) -> bool | None:
        """Returns True if it goes on, False if it is stopped, None if that may still change.

        Any number of the `unknown` trials may reach the rung, and any of these may be better. It is
        enough to look at the extremes: one more better trial never helps, one more worse trial
        never harms, unless there was nothing to compare with before.
        """
        if self._scheduler.goes_on(better + unknown, others + unknown):
            return True
        may_go_on = self._scheduler.goes_on(better, others) or (
            not last and self._scheduler.goes_on(better, others + unknown)
        )
        return None if may_go_on else False
