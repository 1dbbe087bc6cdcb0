"""Full grids over a configuration space."""

import array
import copy
import functools
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.space.checks import Config, ConfigSpace, fault, is_int, subscript
from sweeper.space.combinations import TooManyError, combinations
from sweeper.space.conditions import ABSENT, law_in, laws
from sweeper.space.distributions import is_discrete, is_distribution, quantile, support
from sweeper.space.space import Space

_MOST_POINTS = 10_000  # points of a distribution in a grid

Points = int | Mapping[str, int] | None
MOST_COMBINATIONS = 10_000_000  # combinations tried in a grid with conditions or constraints


def grid_axes(config_space: ConfigSpace | Space, points: Points) -> dict[str, list]:
    """Returns the grid values of each hyperparameter; with conditions those of all its laws.

    Args:
        config_space: as returned by `check_space` or `check_config_space`.
        points: the number of values per distribution, or a dict with one number per name; at least
            1.

    Raises:
        ValueError: points are missing, no int >= 1, or for a name that is no distribution of the
            space; lists all faults, one a line.
    """
    axes = _axes_of_laws(config_space, points)
    return {
        name: of_laws[0] if len(of_laws) == 1 else _distinct(of_laws)
        for name, of_laws in axes.items()
    }


def num_grid(space: Space, points: Points) -> int:
    """Counts the configurations of a grid: a product where there is no condition or constraint.

    Raises:
        ValueError: as `grid_axes`; or conditions and constraints leave more than 10 million
            combinations to try.
    """
    return _grid(space, points).size


def grid_config(space: Space, points: Points, index: int) -> Config:
    """Returns one configuration of a grid, 0 <= index < `num_grid`, a copy; the last hyperparameter
    varies fastest. Takes the same time for every index.

    Raises:
        ValueError: as `num_grid`.
        IndexError: the grid has no such configuration.
    """
    grid = _grid(space, points)
    if not 0 <= index < grid.size:
        raise IndexError(f"index must be from 0 to {grid.size - 1}, but got {index}.")
    return grid.config(space, index)


@dataclass(frozen=True)
class _Grid:
    """The values by name and law; with conditions or constraints also the positions of each
    configuration among them, one after another in the space's `order`.
    """

    axes: dict[str, dict[int, list]]
    size: int
    positions: array.array | None

    def config(self, space: Space, index: int) -> Config:
        if self.positions is None:
            found: Config = {}
            for name in reversed(space.order):
                (values,) = self.axes[name].values()
                index, at = divmod(index, len(values))
                found[name] = copy.deepcopy(values[at])
            return space.in_order(found)
        config: Config = {}
        width = len(space.order)
        places = self.positions[index * width : (index + 1) * width]
        for name, at in zip(space.order, places, strict=True):
            law = law_in(space.entries[name], config)
            if law is not ABSENT:
                config[name] = copy.deepcopy(self.axes[name][id(law)][at])
        return space.in_order(config)


def _grid(space: Space, points: Points) -> _Grid:
    counts = tuple(points.items()) if isinstance(points, Mapping) else points
    entries = [count for _, count in counts] if isinstance(counts, tuple) else [counts]
    if all(count is None or is_int(count) for count in entries):
        return _kept(space, counts)
    return _made(space, counts)  # which tells what is wrong


def _made(space: Space, counts: Any) -> _Grid:
    points = dict(counts) if isinstance(counts, tuple) else counts
    of_laws = _axes_of_laws(space, points)
    axes = {
        name: dict(zip(map(id, laws(value)), of_laws[name], strict=True))
        for name, value in space.entries.items()
    }
    size = math.prod(len(axis) for (axis, *_) in of_laws.values())
    if not space.has_conditions and not space.constraints:
        return _Grid(axes, size, None)
    too_many = (
        "a grid with conditions or constraints may have at most "
        f"{MOST_COMBINATIONS:,} combinations, and this one has more. Use fewer points, or "
        "RandomSearch."
    )
    if size > MOST_COMBINATIONS and not space.has_conditions:
        raise ValueError(too_many)
    positions = array.array("i")
    every = combinations(
        space.entries,
        space.order,
        space.constraints,
        lambda name, law: axes[name][id(law)],
        MOST_COMBINATIONS,
    )
    try:
        for places in every:
            positions.extend(places)
    except TooManyError:
        raise ValueError(too_many) from None
    if not positions:
        raise ValueError(
            f"constraints: none of the grid's configurations fulfils {list(space.constraints)}. "
            "Loosen them, or use more points."
        )
    return _Grid(axes, len(positions) // len(space.order), positions)


def _distinct(axes: list[list]) -> list:
    return list({repr(value): value for value in itertools.chain(*axes)}.values())


_kept = functools.lru_cache(maxsize=4)(_made)


def _axes_of_laws(config_space: ConfigSpace | Space, points: Points) -> dict[str, list[list]]:
    """Returns the axis of each law of each hyperparameter."""
    entries = config_space.entries if isinstance(config_space, Space) else config_space
    distributions = [n for n, value in entries.items() if any(map(is_distribution, laws(value)))]
    counts: Mapping[str, Any] = (
        points if isinstance(points, Mapping) else dict.fromkeys(distributions, points)
    )
    axes: dict[str, list[list]] = {}
    faults: list[str] = []
    for name, value in entries.items():
        try:
            axes[name] = [axis(name, law, counts.get(name)) for law in laws(value)]
        except ValueError as error:
            faults.append(str(error))
    for name in counts:
        if name not in distributions:
            cure = f"The distributions are {', '.join(map(repr, distributions)) or 'none'}."
            rule = "must be the name of a distribution"
            faults.append(fault(f"points{subscript(name)}", rule, name, cure))
    if faults:
        raise ValueError("\n".join(faults))
    return axes


def axis(name: str, value: Any, points: int | None) -> list:
    """Returns the grid values of one hyperparameter.

    A list or tuple is taken as it is, a constant is one value. A distribution gives `points` evenly
    spaced quantiles, both ends included if both are finite, else the middles of equal-probability
    parts; one point is the median; discrete values come once each.

    Raises:
        ValueError: the value is a distribution and `points` no int >= 1.
    """
    if isinstance(value, list | tuple):
        return list(value)
    if not is_distribution(value):
        return [value]
    if points is None or not is_int(points) or not 1 <= points <= _MOST_POINTS:
        cure = f"Write points=5 (--points 5), or points={{{name!r}: 5}} (--points {name}=5)."
        rule = f"a grid needs the points of a distribution, an int from 1 to {_MOST_POINTS:,}"
        raise ValueError(fault(f"config_space{subscript(name)}", rule, points, cure))
    if points > 1 and all(map(math.isfinite, support(value))):
        probabilities = np.linspace(0, 1, points)
    else:
        probabilities = (np.arange(points) + 0.5) / points
    values = [quantile(value, u) for u in probabilities.tolist()]
    return list(dict.fromkeys(values)) if is_discrete(value) else values


def grid(axes: Mapping[str, list]) -> Iterator[Config]:
    """Yields every configuration of a grid, each a copy; the last name varies fastest."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, copy.deepcopy(values), strict=True))
