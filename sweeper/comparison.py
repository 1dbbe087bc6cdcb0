"""Sweeps side by side: which searcher or space gets further with the same budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sweeper.results import Results


@dataclass(frozen=True)
class Comparison:
    """Any-time curves of several sweeps, and whether their difference is more than noise.

    Attributes:
        curves: `sweep` (a label), `budget`, `mean`, `low`, `high`: the best validation error so
            far; sweeps that differ in their seeds alone are repetitions of one label.
        finals: one row a sweep: `sweep`, `folder`, `seed`, `trials`, `best` at the common budget.
        budget: `trials`, `epochs` or `seconds`.
        limit: the common budget, that of the smallest sweep.
        sentence: what the rank test says.
    """

    curves: pd.DataFrame
    finals: pd.DataFrame
    budget: str
    limit: float
    sentence: str


def compare(sweeps: Sequence[Results | str | Path], budget: str = "trials") -> Comparison:
    """The sweeps side by side at the same budget.

    Args:
        sweeps: results or folders of sweeps.
        budget: `trials`, `epochs` or `seconds`.
    """
    raise NotImplementedError
