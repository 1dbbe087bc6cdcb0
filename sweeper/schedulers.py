"""How long each trial trains, and how Tune hands trials to warm workers."""

from collections import deque
from collections.abc import Iterable
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
    """Hands Tune finished trials, one after another; Tune draws nothing itself."""

    def __init__(self, trials: Iterable[dict[str, Any]]) -> None:
        super().__init__()
        self._trials = deque(trials)
        self._running = 0

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given, to restore it; here nothing is to be restored

    def again(self, trial: dict[str, Any]) -> None:
        """Puts a trial back, to be handed out as if for the first time."""
        self._trials.append(trial)

    def suggest(self, trial_id: str) -> Any:
        """The next trial; None while all are handed out, as one may come back; then FINISHED."""
        if self._trials:
            self._running += 1
            return self._trials.popleft()
        return None if self._running else Searcher.FINISHED

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Counts; there is nothing to learn from, since the trials are fixed beforehand."""
        self._running -= 1

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the sweep's folder is the record."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the sweep's folder is the record."""
