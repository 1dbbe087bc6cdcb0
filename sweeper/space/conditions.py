"""Hyperparameters that exist only under a condition: `when`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.space.expressions import parse

MOST_NAMES = 1_000  # of hyperparameters in one space


class _Absent:
    """Marks that there is no value at all, which None could not: None may be a value."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"  # one object, also in another process


ABSENT = _Absent()


@dataclass(frozen=True)
class When:
    """A law or constant under a condition. Made by `sweeper.when`.

    Attributes:
        condition: a text about other hyperparameters.
        law: the distribution, list or constant if the condition holds.
        otherwise: the same, or another `When`, if it does not hold; ABSENT for nothing.
    """

    condition: str
    law: Any
    otherwise: Any = ABSENT


def when(condition: str, law: Any, otherwise: Any = ABSENT) -> When:
    """Gives a hyperparameter a law only where a condition on other hyperparameters holds.

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

    Where the condition does not hold and there is no `otherwise`, the configuration lacks the name.
    A condition that has to look at a name the configuration lacks is false, so conditions may rest
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
    """Yields every law or constant that a hyperparameter may have."""
    while isinstance(value, When):
        yield value.law
        value = value.otherwise
    if value is not ABSENT:
        yield value


def law_in(value: Any, config: Mapping[str, Any]) -> Any:
    """Returns a hyperparameter's law or constant in a configuration; ABSENT if it has none."""
    while isinstance(value, When):
        value = value.law if parse(value.condition).holds(config) else value.otherwise
    return value


def parents(value: Any) -> list[str]:
    """Returns the names that a hyperparameter's conditions look at, each once."""
    found: dict[str, None] = {}
    while isinstance(value, When):
        found |= dict.fromkeys(parse(value.condition).names)
        value = value.otherwise
    return list(found)
