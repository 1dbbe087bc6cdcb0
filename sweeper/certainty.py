"""How sure it is that the best configuration is the best."""

from dataclasses import dataclass

import pandas as pd

from sweeper.results import Results


@dataclass(frozen=True)
class Winner:
    """The configuration of lowest mean validation error, and how sure that is.

    Attributes:
        trial: the winner's; None if no trial has finished.
        mean: its mean validation error over its finished replicates; NaN without a winner.
        standard_error: of that mean; NaN if nothing is known of the noise.
        probability_best: one row a configuration, best first: `trial`, `mean`, `standard_error`,
            `count`, `probability` (NaN if nothing is known of the noise).
        indistinguishable: the trials that can't be told from the winner at 5 %, without itself;
            empty if nothing is known of the noise.
        more_replicates: how many more of winner and runner-up would tell them apart with 80 %
            power; None if nothing is known of the noise, there is no runner-up, or they are equal.
        sentence: all this in words.
    """

    trial: int | None
    mean: float
    standard_error: float
    probability_best: pd.DataFrame
    indistinguishable: list[int]
    more_replicates: int | None
    sentence: str


def winner(results: Results, seed: int = 0, resamples: int = 10_000) -> Winner:
    """The winner of a sweep and how sure it is."""
    raise NotImplementedError
