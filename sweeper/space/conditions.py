"""Hyperparameters that are there under a condition only: `when`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.space.expressions import parse

MOST_NAMES = 1_000  # of hyperparameters in one space


class _Absent:
    """Stands for no value at all, which None would not."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"  # one object, also in another process


ABSENT = _Absent()


@dataclass(frozen=True)
class When:
    """A law or constant under a condition. Made by `sweeper.when`.

    Attributes:
        condition: on other hyperparameters.
        law: distribution, list or constant if it holds.
        otherwise: the same, or another `When`, if it does not; ABSENT for nothing.
    """

    condition: str
    law: Any
    otherwise: Any = ABSENT


def when(condition: str, law: Any, otherwise: Any = ABSENT) -> When:
    """A hyperparameter that has a law only where a condition on other ones holds.

    >>> space = {
    ...     "optimizer": ["sgd", "adam"],
    ...     "momentum": sweeper.when("optimizer == 'sgd'", [0.5, 0.9]),
    ...     "lr": sweeper.when("optimizer == 'sgd'", 0.1, otherwise=0.001),
    ... }
    >>> for config in sweeper.preview(space, sweeper.GridSearch()).configs:
    ...     print(config)
    {'optimizer': 'sgd', 'momentum': 0.5, 'lr': 0.1}
    {'optimizer': 'sgd', 'momentum': 0.9, 'lr': 0.1}
    {'optimizer': 'adam', 'lr': 0.001}

    Where it does not hold and nothing is given in its place, the configuration lacks the name. A
    condition that has to look at a name the configuration lacks is false, so conditions may rest
    on hyperparameters that have conditions of their own. In text the second of these is
    `[0.5, 0.9] if optimizer == "sgd"`, the third one has an `else`.

    Args:
        condition: in Python's grammar: names of other hyperparameters, literals, comparisons, `in`,
            `and`, `or`, `not`. It is read, never evaluated as Python; a comparison of unlike types
            is false.
        law: A distribution of scipy.stats, a list to choose from, or a constant.
        otherwise: The same, or another `when`, for where the condition does not hold.
    """
    return When(condition, law, otherwise)


def laws(value: Any) -> Iterator[Any]:
    """Every law or constant that a hyperparameter may have."""
    while isinstance(value, When):
        yield value.law
        value = value.otherwise
    if value is not ABSENT:
        yield value


def law_in(value: Any, config: Mapping[str, Any]) -> Any:
    """The law or constant of a hyperparameter in a configuration; ABSENT if it has none."""
    while isinstance(value, When):
        value = value.law if parse(value.condition).holds(config) else value.otherwise
    return value


def parents(value: Any) -> list[str]:
    """The names that a hyperparameter's conditions look at, each once."""
    found: dict[str, None] = {}
    while isinstance(value, When):
        found |= dict.fromkeys(parse(value.condition).names)
        value = value.otherwise
    return list(found)
