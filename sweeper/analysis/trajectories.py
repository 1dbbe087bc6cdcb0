"""The curve of one sweep, to be compared: what it had found at each budget spent."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.analysis.axes import configurations
from sweeper.analysis.draws import is_in_any_order, stops_early
from sweeper.record.results import Results

_RESAMPLES = 400
_MOST_NUMBERS = 2_000_000


@dataclass(frozen=True)
class Trajectory:
    """One sweep: its trials in the order of ending.

    Attributes:
        label: the label that repetitions of it share.
        folder, seed: identify the sweep.
        spent: the budget that was spent when each ended; never decreases.
        losses: values of the metric turned so that low is good; infinite if a trial has not
            finished.
        any_order: True if its trials might as well have come in another order.
        stops: True if trials may be stopped early.
    """

    label: str
    folder: str
    seed: Any
    spent: np.ndarray
    losses: np.ndarray
    any_order: bool
    stops: bool

    def best_at(self, points: np.ndarray) -> np.ndarray:
        """Returns the best loss within each budget; infinite where nothing has finished."""
        return _best_at(self.spent, self.losses, points)

    def reordered(self, points: np.ndarray, rng: np.random.Generator, again: bool) -> np.ndarray:
        """Returns best losses within each budget for random trial orders, `(orders, points)`.

        Args:
            points: the budgets.
            rng: draws the orders.
            again: True to draw trials with replacement.
        """
        num = len(self.losses)
        costs = np.diff(self.spent, prepend=0.0)  # for seconds the time until the next one ended
        curves = []
        for _ in range(min(_RESAMPLES, max(50, _MOST_NUMBERS // num))):
            order = rng.integers(num, size=num) if again else rng.permutation(num)
            curves.append(_best_at(np.cumsum(costs[order]), self.losses[order], points))
        return np.array(curves)


def trajectory(results: Results, label: str, budget: str) -> Trajectory:
    """Returns a sweep's course by `trials` that ended, `epochs` that they trained, or `seconds`.

    Epochs are those of all trials, stopped and failed ones too.
    """
    spent, losses = _spent(results, budget)
    seed, folder = results.sweep.get("seed"), str(results.folder)
    any_order, stops = is_in_any_order(results), stops_early(results)
    return Trajectory(label, folder, seed, spent, losses, any_order, stops)


def _spent(results: Results, budget: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the budget spent when each configuration had ended, and their losses."""
    table = configurations(results).sort_values(["end_s", "trial"], kind="stable")
    if budget == "seconds":
        table = table[table["end_s"].notna()]
        spent = table["end_s"]
    elif budget == "epochs":
        spent = table["epochs"].cumsum()
    else:  # replicates are trials too
        spent = table["trial"].map(results.frame.groupby("trial").size()).cumsum()
    return spent.to_numpy(dtype=float), table["loss"].fillna(np.inf).to_numpy()


def _best_at(spent: np.ndarray, losses: np.ndarray, points: np.ndarray) -> np.ndarray:
    best = np.concatenate([[np.inf], np.minimum.accumulate(losses)])
    return best[np.searchsorted(spent, points * (1 + 1e-12), side="right")]
