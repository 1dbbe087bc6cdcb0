"""Decides when a sweep ends before all its trials have: signals, limits, failures."""

import math
import time
from collections import Counter
from collections.abc import Callable

from sweeper.record.rows import Key, Row
from sweeper.sweep.core import Core
from sweeper.sweep.interrupts import Interrupts
from sweeper.sweep.limits import LimitReached, Limits


class Stops:
    """The reason to end the sweep, once there is one; the first one counts.

    Args:
        core: the state of the sweep.
        limits: the limits of the sweep.
        interrupts: the signals that end it.
        num_workers: the number of trials that run at once.
        say: gets a message when the first trials fail alike.
    """

    def __init__(
        self,
        core: Core,
        limits: Limits,
        interrupts: Interrupts,
        num_workers: int,
        say: Callable[[str], None],
    ) -> None:
        self._core = core
        self._metric = core.sweep.metric
        self._limits = limits
        self._interrupts = interrupts
        self._deadline = math.inf
        self._failures = Counter(
            row.exception for row in core.lines.values() if row.status == "failed"
        )
        self._say = say
        self._said_of_epochs = False
        self._say_at = max(2, num_workers)
        self._most_alike = max(limits.first_failures or 0, 2 * num_workers)
        self._best = math.inf  # the best of the trials before `_judged`, for `patience`
        self._judged = self._in_vain = 0
        self.reason: BaseException | None = None
        self.told: str | None = None  # the exception whose traceback has been printed
        self.reported()  # what is on record may be enough
        for trial in sorted({key.trial for key in core.lines}):
            self._compare(trial)

    def stop(self, reason: BaseException) -> None:
        """Ends the sweep at the next step."""
        self.reason = self.reason or reason

    def began(self) -> None:
        """Notes that a trial starts; the first one starts the clock."""
        if self._limits.time_budget_s is not None:
            self._deadline = min(self._deadline, time.monotonic() + self._limits.time_budget_s)

    def look(self) -> BaseException | None:
        """Returns the reason to end the sweep now, such as a signal or the time; None to go on."""
        if self._interrupts.reason is not None:
            self.stop(self._interrupts.reason)
        if time.monotonic() > self._deadline:
            self.stop(LimitReached(f"its time budget of {self._limits.time_budget_s:g} s"))
        return self.reason

    def reported(self) -> None:
        """Notes that a trial has trained some more."""
        most = self._limits.total_epochs
        if most is not None and self._core.epochs_trained >= most:
            self.stop(LimitReached(f"{self._core.epochs_trained:,} epochs (total_epochs={most:,})"))

    def ended(self, row: Row) -> None:
        """Notes that a trial has its line."""
        self.reported()
        if row.status == "finished" and not row.curve:
            self._say_if_epochs_are_needed()
        if row.status == "failed" and row.exception:
            self._failures[row.exception] += 1
            if self._failures[row.exception] == len(self._core.lines):
                self._first_failed_alike(row, len(self._core.lines))
        self._compare(row.trial)

    def _compare(self, trial: int) -> None:
        """Ends the sweep if this trial has reached the target, or too many were no better."""
        target = self._limits.target
        loss = None if target is None else self._loss(trial)
        if target is not None and loss is not None and loss <= self._metric.loss(target):
            got = self._metric.loss(loss)
            self.stop(LimitReached(f"trial {trial} got {got:.4g} (target={target:g})"))
        if self._limits.patience is not None:
            self._judge(self._limits.patience)

    def _say_if_epochs_are_needed(self) -> None:
        needs = ["ASHA"] if self._core.sweep.scheduler else []
        if self._limits.total_epochs is not None and not self._core.epochs_trained:
            needs.append("total_epochs")
        if needs and not self._said_of_epochs:
            self._said_of_epochs = True
            self._say(
                f"A trial ended without having reported an epoch, so {' and '.join(needs)} can do "
                f"nothing for it. Yield {self._metric.name} after each epoch, call sweeper.report, "
                "or train with HPOTrainer."
            )

    def _first_failed_alike(self, row: Row, alike: int) -> None:
        told = (row.traceback or row.exception or "").rstrip()
        if alike == self._say_at:
            self._say(f"The first {alike} trials failed alike:\n{told}")
            self.told = row.exception
        if self._limits.first_failures is not None and alike >= self._most_alike:
            error = ValueError(
                f"The first {alike} trials all failed alike, so the sweep ended: {row.exception}\n"
                "Correct the objective, then go on with retry_failed (--retry-failed). To "
                "train the rest all the same, set Limits(first_failures=None), in YAML "
                "first_failures: null."
            )
            error.add_note(told)
            self.stop(error)

    def _judge(self, patience: int) -> None:
        """Goes over the trials in their order, up to the first that has not ended."""
        while self._judged < self._core.num_trials:
            loss = self._loss(self._judged)
            if loss is None:
                return
            self._in_vain = 0 if loss < self._best else self._in_vain + 1
            self._best = min(self._best, loss)
            self._judged += 1
            if self._in_vain >= patience:
                self.stop(LimitReached(f"{patience:,} trials without a better one (patience)"))

    def _loss(self, trial: int) -> float | None:
        """Returns a trial's loss, the mean of its replicates; infinite if one of them did not
        finish, None if one has not ended.
        """
        rows = [self._core.row(Key(trial, r)) for r in range(self._core.sweep.replicates)]
        ended = [row for row in rows if row is not None and row.status != "interrupted"]
        if len(ended) < len(rows):
            return None
        values = [row.value for row in ended if row.status == "finished"]
        numbers = [self._metric.loss(value) for value in values if value is not None]
        return sum(numbers) / len(numbers) if len(numbers) == len(rows) else math.inf
