"""Every combination of given values in a space with conditions and constraints, each once."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sweeper.space.conditions import ABSENT, law_in
from sweeper.space.distributions import is_discrete, is_distribution, quantile, support
from sweeper.space.expressions import Expression, parse

Values = Callable[[str, Any], Sequence[Any]]  # the values of a hyperparameter that has this law


class TooManyError(ValueError):
    """More combinations would have to be tried than are allowed."""


def combinations(
    entries: Mapping[str, Any],
    order: Sequence[str],
    constraints: Sequence[str],
    values: Values,
    most: int,
) -> Iterator[list[int]]:
    """Yields the positions of each configuration's values, -1 where one is absent; the last name
    varies fastest. It is the same list each time: copy it.

    A constraint is checked as soon as its names have values, so that whole branches that break it
    are skipped.

    Args:
        entries: of the space.
        order: its names, each after those that its conditions look at.
        constraints: of the space.
        values: what each hyperparameter tries, by its law.
        most: how many values may be tried in all.

    Raises:
        TooManyError: there are more.
    """
    due = _due(order, constraints)
    config: dict[str, Any] = {}
    positions = [-1] * len(order)
    stack: list[Iterator[tuple[int, Any]]] = []

    def descend() -> None:
        name = order[len(stack)]
        law = law_in(entries[name], config)
        stack.append(iter([(-1, ABSENT)] if law is ABSENT else enumerate(values(name, law))))

    descend()
    tried = 0
    while stack:
        depth = len(stack) - 1
        config.pop(order[depth], None)
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        tried += 1
        if tried > most:
            raise TooManyError(f"more than {most:,} values to try")
        positions[depth], value = step
        if value is not ABSENT:
            config[order[depth]] = value
        if any(set(c.names) <= config.keys() and not c.holds(config) for c in due[depth]):
            continue
        if len(stack) == len(order):
            yield positions
        else:
            descend()


def _due(order: Sequence[str], constraints: Sequence[str]) -> list[list[Expression]]:
    """Returns, for each name, the constraints that can be checked once it has its value."""
    found: list[list[Expression]] = [[] for _ in order]
    for text in constraints:
        constraint = parse(text, True)
        found[max(map(order.index, constraint.names))].append(constraint)
    return found


def finite_values(law: Any, most: int) -> list[Any] | None:
    """Returns the different values of a law or constant; None if there are more than `most`."""
    if isinstance(law, list | tuple):
        distinct = list({repr(value): value for value in law}.values())
        return distinct if len(distinct) <= most else None
    if not is_distribution(law):
        return [law]
    low, high = support(law)
    if low == high:
        return [quantile(law, 0.5)]
    if not is_discrete(law):
        return None
    table = getattr(law, "pk", getattr(getattr(law, "dist", None), "pk", None))
    if table is not None:  # in the middle of each step
        middles = np.cumsum(table) - np.asarray(table) / 2
        found = list(dict.fromkeys(quantile(law, u) for u in middles[np.asarray(table) > 0]))
        return found if len(found) <= most else None
    step = getattr(law, "step", 1)
    if not (math.isfinite(low) and (high - low) / step < most):
        return None
    lattice = [_of_lattice(law, low + step * i) for i in range(round((high - low) / step) + 1)]
    return [value for value in lattice if float(law.pmf(value)) > 0]


def _of_lattice(law: Any, value: float) -> int | float:
    """Returns a point of a discrete law's lattice in its own type."""
    if hasattr(law, "nearest"):
        return law.nearest(value)
    return int(value) if value.is_integer() else value
