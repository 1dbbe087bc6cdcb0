"""Turns a configuration space into what a model sees: quantiles, steps and categories."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sweeper.space.combinations import finite_values
from sweeper.space.conditions import laws
from sweeper.space.distributions import (
    LARGEST,
    SMALLEST,
    is_discrete,
    is_distribution,
    quantile,
    support,
)
from sweeper.space.space import Space

_MOST_STEPS = 100  # more of them are as good as continuous
_TAIL = 0.005  # models like the ends, and for an unbounded law u = 1 - 2**-53 lies 8 sigma out


@dataclass(frozen=True)
class ModelAxis:
    """One hyperparameter as a model sees it.

    Attributes:
        steps: the number of values, if all have the same probability; 0 for quantiles from 0 to 1,
            on which random search is uniform whatever the law.
        ordered: True if neighbouring steps are alike; False for categories.
        low: the lowest quantile that a model may choose.
        high: the highest one.
    """

    steps: int = 0
    ordered: bool = True
    low: float = SMALLEST
    high: float = LARGEST

    def distribution(self) -> Any:
        """Returns Optuna's form of it."""
        from optuna import distributions

        if not self.steps:
            return distributions.FloatDistribution(self.low, self.high)
        if self.ordered:
            return distributions.IntDistribution(0, self.steps - 1)
        return distributions.CategoricalDistribution(tuple(range(self.steps)))

    def seen(self, u: float) -> int | float:
        """Returns what the model sees of a probability."""
        if self.steps:
            return min(int(u * self.steps), self.steps - 1)
        return min(max(u, self.low), self.high)

    def probability(self, seen: int | float) -> float:
        """Returns the probability of what the model chose."""
        return (seen + 0.5) / self.steps if self.steps else float(seen)


@lru_cache(maxsize=8)
def model_axes(space: Space) -> Mapping[str, ModelAxis]:
    """Returns the axis of each hyperparameter that is no constant."""
    return {name: _axis(space.entries[name]) for name in space.tuned}


def _axis(value: Any) -> ModelAxis:
    free = [law for law in laws(value) if is_distribution(law) or isinstance(law, list | tuple)]
    if len(free) == 1 and not is_distribution(free[0]):
        return ModelAxis(len(free[0]), _is_ascending(free[0]))
    if len(free) == 1 and (steps := _equal_steps(free[0])):
        return ModelAxis(steps)
    ends = [support(law) for law in free if is_distribution(law)]
    low = SMALLEST if all(math.isfinite(low) for low, _ in ends) else _TAIL
    high = LARGEST if all(math.isfinite(high) for _, high in ends) else 1 - _TAIL
    return ModelAxis(low=low, high=high)


def _is_ascending(choices: list | tuple) -> bool:
    """Checks for numbers in ascending or descending order."""
    if not all(type(choice) in (int, float) for choice in choices):
        return False
    return list(choices) in (sorted(set(choices)), sorted(set(choices), reverse=True))


def _equal_steps(distribution: Any) -> int:
    """Counts the values of a discrete distribution if they are equally likely, else 0."""
    if not is_discrete(distribution):
        return 0
    values = finite_values(distribution, _MOST_STEPS) or []
    middles = [quantile(distribution, (i + 0.5) / len(values)) for i in range(len(values))]
    edges = [quantile(distribution, (i + 0.999) / len(values)) for i in range(len(values))]
    return len(values) if middles == values == edges else 0
