"""Numbers computed from the results of a sweep, mostly as frames.

Besides the functions here: `analysis.importance.importance`, `analysis.advice.advice`,
`analysis.certainty.winner`, and `sweeper.compare` for several sweeps.
"""

from sweeper.analysis import advice, certainty, importance
from sweeper.analysis.best_so_far import (
    chance_of_top,
    expected_best,
    incumbents,
    promise,
    trials_for_top,
)
from sweeper.analysis.busy_workers import ParallelUse, parallel_use
from sweeper.analysis.epochs_spent import EpochsSpent, epochs

__all__ = [
    "EpochsSpent",
    "ParallelUse",
    "advice",
    "certainty",
    "chance_of_top",
    "epochs",
    "expected_best",
    "importance",
    "incumbents",
    "parallel_use",
    "promise",
    "trials_for_top",
]
