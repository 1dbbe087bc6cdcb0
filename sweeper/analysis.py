"""Numbers drawn from the results of a sweep: frames in, frames out."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeper.results import Results


def incumbents(results: Results) -> pd.DataFrame:
    """The incumbent after each ended trial: `trials`, `seconds`, `validation_error`, `trial`."""
    raise NotImplementedError


def expected_best(results: Results, confidence: float = 0.9) -> pd.DataFrame:
    """The expected best of n trials: `trials`, `expected`, `low`, `high`, `chance_none`."""
    raise NotImplementedError


def promise(results: Results) -> dict[str, Any]:
    """What the second half of the trials brought.

    Keys: `trials`, `half`, `expected_half`, `expected`, `gain`, `low`, `high`, `sentence`.
    """
    raise NotImplementedError


def chance_of_top(n: int, fraction: float) -> float:
    """The probability that n random trials hit the best fraction of the space at least once."""
    raise NotImplementedError


def trials_for_top(fraction: float, probability: float) -> int:
    """How many random trials hit the best fraction of the space with this probability."""
    raise NotImplementedError


@dataclass(frozen=True)
class ParallelUse:
    """How busy the workers were.

    Attributes:
        busy_fraction: busy worker-seconds / (workers × wall), NaN if no trial has ended.
        wall_s: from the first start to the last end.
        workers: one row a worker: `worker`, `node`, `trials`, `busy_s`, `idle_s`, `longest_gap_s`.
        slowest: the five slowest trials: `trial`, `replicate`, `runtime_s`, `worker`, `status`.
    """

    busy_fraction: float
    wall_s: float
    workers: pd.DataFrame
    slowest: pd.DataFrame


def parallel_use(results: Results) -> ParallelUse:
    """How busy the workers were, and which trials were the slowest."""
    raise NotImplementedError
