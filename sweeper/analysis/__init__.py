"""Numbers drawn from the results of a sweep: frames in, frames out."""

from sweeper.analysis.best_so_far import (
    ParallelUse,
    chance_of_top,
    expected_best,
    incumbents,
    parallel_use,
    promise,
    trials_for_top,
)

__all__ = [
    "ParallelUse",
    "chance_of_top",
    "expected_best",
    "incumbents",
    "parallel_use",
    "promise",
    "trials_for_top",
]
