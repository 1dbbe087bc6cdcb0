"""How often a trial is tried again: deaths of a worker before its trial began count apart."""

from collections import Counter
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

# Nodes may go while a worker starts on them; but one that dies of its imports always will.
SPARE_STARTS = 5


class Attempts(Callback):
    """Grants each trial `max_failures` deaths while it ran, and a few before it began.

    Tune knows one limit a trial, of all its failures, so that limit follows what has happened. It
    is to be started with `max_failures + SPARE_STARTS`.
    """

    def __init__(self, max_failures: int) -> None:
        self._max_failures = max_failures
        self._began: Counter[str] = Counter()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given, to restore it; here nothing is to be restored

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """From here on a death counts: all before it but those of earlier attempts are free."""
        before_start = trial.run_metadata.num_failures - self._began[trial.trial_id]
        self._began[trial.trial_id] += 1
        trial.max_failures = self._max_failures + before_start

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Until it begins again, the spare starts are there."""
        trial.max_failures = self._max_failures + SPARE_STARTS
