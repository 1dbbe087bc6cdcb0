"""How much each hyperparameter matters for the validation error."""

from dataclasses import dataclass

import pandas as pd

from sweeper.results import Results


@dataclass(frozen=True)
class Importance:
    """Shares of the variance of the validation error, each between 0 and 1.

    Attributes:
        frame: `hyperparameter`, `importance`, `low`, `high`, most important first.
        pairs: `first`, `second`, `importance` beyond the two alone, most important first.
        evaluator: what computed it, such as `fANOVA`.
        trials_used: how many finished trials it rests on.
        trials: how many had finished; more than were used if there were very many.
    """

    frame: pd.DataFrame
    pairs: pd.DataFrame
    evaluator: str
    trials_used: int
    trials: int


def importance(results: Results, seed: int = 0) -> Importance:
    """How much of the variance of the validation error each hyperparameter explains.

    Raises:
        ValueError: too few finished trials to say.
    """
    raise NotImplementedError
