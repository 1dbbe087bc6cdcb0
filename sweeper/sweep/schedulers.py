"""How Tune gets the trials, and gives them to warm workers, where each trains to its end."""

import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher


class ToTheEnd(FIFOScheduler):
    """Every trial runs to its end, on whichever warm worker is free.

    Tune's own FIFO scheduler, told to reuse workers, picks a trial whose worker is still starting,
    gives it a free worker and kills the starting one: of 16 workers 6 ever ran. Choosing nothing
    leaves the choice to Tune's controller, which serves trials without a worker first.
    """

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        """None: the controller chooses."""
        return None


class HandOver(Searcher):
    """Hands Tune trials that are drawn already, one after another.

    Args:
        trials: the configurations.
        limit: how many may be handed out and not ended, asked again at each step of Tune: Tune's
            own `max_concurrent_trials` can't change, as nodes come and go.
    """

    def __init__(
        self, trials: Iterable[dict[str, Any]], limit: Callable[[], int] = lambda: sys.maxsize
    ) -> None:
        super().__init__()
        self._trials = deque(trials)
        self._limit = limit
        self._running: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given, to restore it; here nothing is to be restored

    def again(self, trial: dict[str, Any]) -> None:
        """Puts a trial back, to be handed out as if for the first time."""
        self._trials.append(trial)

    def suggest(self, trial_id: str) -> Any:
        """The next trial, None at the limit or as one may come back, FINISHED in the end."""
        if self._trials and len(self._running) < self._limit():
            self._running.add(trial_id)
            return self._trials.popleft()
        return None if self._trials or self._running else Searcher.FINISHED

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Counts; there is nothing to learn from, since the trials are fixed beforehand."""
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the sweep's folder is the record."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the sweep's folder is the record."""
