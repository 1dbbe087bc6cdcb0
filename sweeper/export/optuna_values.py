"""A hyperparameter as Optuna has it: a distribution in which every value of the sweep is itself."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.record.columns import as_json
from sweeper.space.changes import is_logarithmic
from sweeper.space.conditions import laws
from sweeper.space.distributions import has_ints, is_discrete, is_distribution, quantile, support

MOST_CHOICES = 1_000  # Optuna writes all of them with each trial
_TAIL = 0.001  # of a law without bounds, which Optuna has not


@dataclass(frozen=True)
class Counterpart:
    """Optuna's form of a hyperparameter.

    Attributes:
        distribution: of Optuna.
        value: makes Optuna's value of one in a configuration: itself, or a text of JSON.
    """

    distribution: Any
    value: Callable[[Any], Any]


def counterpart(recorded: Any, values: Sequence[Any]) -> Counterpart | None:
    """Returns a hyperparameter's form; None if there is none with at most 1,000 choices.

    Args:
        recorded: its law, constant or `When`, as the record tells it; None if that can't be read.
        values: all that it has in the sweep.
    """
    every = [] if recorded is None else list(laws(recorded))
    choices = [
        choice
        for law in every
        if not is_distribution(law)
        for choice in (law if isinstance(law, list | tuple) else [law])
    ]
    free = [law for law in every if is_distribution(law)]
    known = [*choices, *values]
    categories = _categories(known) if every and not free else None
    return categories or _numbers(free, known) or _categories(known)


def _numbers(free: list[Any], known: list[Any]) -> Counterpart | None:
    """A range that holds all that is known; None if that is not numbers, or has none."""
    from optuna.distributions import FloatDistribution, IntDistribution

    if not all(type(value) in (int, float) for value in known):
        return None
    is_whole = all(type(value) is int for value in known) and all(map(_has_ints, free))
    try:
        ends = [end for law in free for end in _ends(law)]
        low, high = min([*known, *ends]), max([*known, *ends])
        log = len(free) == 1 and low > 0 and is_logarithmic(free[0])
        range_: Any
        if is_whole:
            range_ = IntDistribution(int(low), int(high), log=log)
        else:
            range_ = FloatDistribution(low, high, log=log)
        back = [range_.to_external_repr(range_.to_internal_repr(value)) for value in known]
    except Exception:  # of a hostile text; SciPy raises nearly anything
        return None
    is_finite = math.isfinite(range_.low) and math.isfinite(range_.high)
    return Counterpart(range_, lambda value: value) if is_finite and back == known else None


def _has_ints(law: Any) -> bool:
    return is_discrete(law) and has_ints(law)


def _ends(law: Any) -> list[float]:
    """The lowest and the highest value; almost, if there is none."""
    pairs = zip(support(law), (_TAIL, 1 - _TAIL), strict=True)
    return [end if math.isfinite(end) else quantile(law, u) for end, u in pairs]


def _categories(known: list[Any]) -> Counterpart | None:
    """All that is known as choices: themselves, or in JSON where Optuna can't tell them apart."""
    from optuna.distributions import CategoricalDistribution

    distinct = {as_json(value): value for value in known}
    if not 0 < len(distinct) <= MOST_CHOICES:
        return None
    choices = list(distinct.values())
    plain = all(value is None or type(value) in (bool, int, float, str) for value in choices)
    if plain and len(set(choices)) == len(choices):
        return Counterpart(CategoricalDistribution(choices), lambda value: value)
    return Counterpart(CategoricalDistribution(list(distinct)), as_json)
