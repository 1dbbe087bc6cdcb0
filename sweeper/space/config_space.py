"""Configurations from a configuration space: at random (`draw`) or as a full grid (`grid`)."""

import copy
import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sweeper.space.checks import (
    Config,
    ConfigSpace,
    fault,
    is_distribution,
    is_int,
    quantile_function,
    subscript,
)

# Distributions


def is_discrete(distribution: Any) -> bool:
    """True if single values have probability; they need not be integers."""
    if hasattr(distribution, "ppf"):  # old style, where only discrete ones have a pmf
        return hasattr(distribution, "pmf")
    # New style, where all have one, and it recurses without end in truncated ones (SciPy 1.17).
    return any(kind.__name__ == "DiscreteDistribution" for kind in type(distribution).__mro__)


def support(distribution: Any) -> tuple[float, float]:
    """The lowest and the highest value that a distribution can take, both inclusive."""
    low, high = distribution.support()
    return float(low), float(high)


def quantile(distribution: Any, u: float) -> int | float:
    """The value at probability u, 0 <= u <= 1 with both bounds inclusive.

    It lies in the closed support, and is an int if the distribution is discrete and the value a
    whole number, else a float.
    """
    low, high = support(distribution)
    if 0 < u < 1:
        # Clipped, since rounding can lead outside: loguniform(0.1, 1).ppf(1 - 2**-53) may exceed 1.
        value = min(max(float(quantile_function(distribution)(u)), low), high)
    else:
        value = low if u <= 0 else high  # not ppf(0), which for discrete ones is below the support
    return int(value) if value.is_integer() and is_discrete(distribution) else value


# Random configurations. Each value is a pure function of (seed, name, trial): a counter-based
# generator (Philox, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") is keyed by
# seed and name and counts trials, so more trials or hyperparameters change nothing there was.


def uniform_draw(seed: int, name: str, trial: int) -> float:
    """A number u with 0 < u < 1, both bounds exclusive, for one hyperparameter of one trial."""
    raw = _random_word(seed, b"hyperparameter:" + name.encode("utf-8", "surrogatepass"), trial)
    # The middles of 2**52 equal parts: 52 bits and the half fill the 53 of a float, so u is exact
    # and never 0 or 1, where many a distribution is infinite.
    return ((raw >> 12) + 0.5) * 2.0**-52


def draw(config_space: ConfigSpace, seed: int, trial: int) -> Config:
    """The random configuration of a trial (counted from 0), a copy the caller may modify."""
    config = {}
    for name, value in config_space.items():
        if is_distribution(value):
            config[name] = quantile(value, uniform_draw(seed, name, trial))
        elif isinstance(value, list | tuple):
            index = int(uniform_draw(seed, name, trial) * len(value))
            config[name] = copy.deepcopy(value[index])
        else:
            config[name] = copy.deepcopy(value)
    return config


def trial_seed(seed: int, trial: int, replicate: int = 0) -> int:
    """The seed of one trial, 0 <= trial_seed < 2**32."""
    return _random_word(seed, b"trial_seed", trial, replicate) >> 32


def _random_word(seed: int, purpose: bytes, *counter: int) -> int:
    """64 random bits."""
    key = [seed, int.from_bytes(hashlib.sha256(purpose).digest()[:8], "big")]
    counters = np.array((*counter, 0, 0, 0)[:4], dtype=np.uint64)
    return int(np.random.Philox(key=np.array(key, dtype=np.uint64), counter=counters).random_raw())


# Grids


def grid_axes(config_space: ConfigSpace, points: int | Mapping[str, int] | None) -> dict[str, list]:
    """The values of each hyperparameter in a grid.

    Args:
        config_space: as returned by `check_config_space`.
        points: how many values of each distribution, or of each by name; at least 1.

    Raises:
        ValueError: points are missing, no int >= 1, or for a name that is no distribution of the
            space; lists all faults, one a line.
    """
    distributions = [name for name, value in config_space.items() if is_distribution(value)]
    counts: Mapping[str, Any] = (
        points if isinstance(points, Mapping) else dict.fromkeys(distributions, points)
    )
    axes, faults = {}, []
    for name, value in config_space.items():
        try:
            axes[name] = axis(name, value, counts.get(name))
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
    """The grid values of one hyperparameter.

    A list or tuple as it is; a constant alone; of a distribution `points` evenly spaced quantiles,
    both ends included if both are finite, else the middles of equal-probability parts; one point
    is the median; discrete values come once each.

    Raises:
        ValueError: the value is a distribution and `points` no int >= 1.
    """
    if isinstance(value, list | tuple):
        return list(value)
    if not is_distribution(value):
        return [value]
    if points is None or not is_int(points) or points < 1:
        cure = f"Write points=5, or points={{{name!r}: 5}}."
        rule = "a grid needs the points of a distribution, an int >= 1"
        raise ValueError(fault(f"config_space{subscript(name)}", rule, points, cure))
    if points > 1 and all(map(math.isfinite, support(value))):
        probabilities = np.linspace(0, 1, points)
    else:
        probabilities = (np.arange(points) + 0.5) / points
    values = [quantile(value, u) for u in probabilities.tolist()]
    return list(dict.fromkeys(values)) if is_discrete(value) else values


def grid(axes: Mapping[str, list]) -> Iterator[Config]:
    """Every configuration of a grid, the last hyperparameter varying fastest, each a copy."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, copy.deepcopy(values), strict=True))
