"""Reads what is needed of a distribution of one number, in SciPy's old or new style."""

import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import stats

_MOST_SUMMED = 1_000_000
_MOST_SLOW = 10_000  # of a family that takes 0.1 ms for each value
# Beyond these sizes of its parameters SciPy takes hours over a distribution, or ends the process.
_LEAST_SHAPE, _MOST_SHAPE = 1e-9, 1e9
_MOST_OF = {"irwinhall": 10_000, "hypergeom": 1e6, "nhypergeom": 1e5}  # which SciPy adds up
# Of abs(…): up to this size SciPy finds a quantile within a second; narrower ones it gets wrong.
_MOST_FOLDED, _NARROWEST_FOLDED = 1e30, 1e-3
_OF_BOUNDS = ("loguniform", "reciprocal", "truncnorm", "truncexpon", "randint")  # of any size
SMALLEST, LARGEST = 2.0**-53, 1 - 2.0**-53  # probabilities inside of the open interval (0, 1)
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def is_distribution(value: Any) -> bool:
    """True for an object with a quantile function."""
    return not isinstance(value, type) and quantile_function(value) is not None


def quantile_function(value: Any) -> Any:
    """Returns the quantile function: `ppf` (old style), `icdf` (new style), or None."""
    return getattr(value, "ppf", getattr(value, "icdf", None))


def is_discrete(distribution: Any) -> bool:
    """True if single values have probability; they need not be integers."""
    if hasattr(distribution, "ppf"):  # old style, where only discrete ones have a pmf
        return hasattr(distribution, "pmf")
    # New style, where all have a pmf, which recurses without end in truncated ones (SciPy 1.17).
    family = distribution if isinstance(distribution, type) else type(distribution)
    return any(kind.__name__ == "DiscreteDistribution" for kind in family.__mro__)


def support(distribution: Any) -> tuple[float, float]:
    """Returns the lowest and the highest value that a distribution can take, both inclusive."""
    low, high = distribution.support()
    return float(low), float(high)


def quantile(distribution: Any, u: float) -> int | float:
    """Returns the value at probability u, 0 <= u <= 1 with both bounds inclusive.

    It lies in the closed support, and is an int if the distribution is discrete and the value a
    whole number (but not if it was rounded to parts of 1), else a float.
    """
    low, high = support(distribution)
    if 0 < u < 1:
        # Clipped, since rounding can lead outside: loguniform(0.1, 1).ppf(1 - 2**-53) may exceed 1.
        value = min(max(float(_raw_quantile(distribution, u)), low), high)
    else:
        value = low if u <= 0 else high  # not ppf(0), which for discrete ones is below the support
    if value.is_integer() and is_discrete(distribution) and has_ints(distribution):
        return int(value)
    return value


def _raw_quantile(distribution: Any, u: float) -> Any:
    try:
        return quantile_function(distribution)(u)
    except RuntimeError:
        # SciPy's search gives up where rounding makes a cdf fall: one in 30 values of skellam.
        if not isinstance(getattr(distribution, "dist", None), stats.rv_discrete):
            raise
    _, loc, _ = distribution.dist._parse_args(*distribution.args, **distribution.kwds)
    low = high = 0
    step = 1
    while distribution.cdf(low + loc) >= u:
        low, step = low - step, 2 * step
    step = 1
    while distribution.cdf(high + loc) < u:
        high, step = high + step, 2 * step
    while high - low > 1:  # the value is above low, and at most high
        middle = (low + high) // 2
        low, high = (low, middle) if distribution.cdf(middle + loc) >= u else (middle, high)
    return high + loc


def reach(distribution: Any) -> float:
    """Returns the value up to which probabilities can be computed: infinity, unless SciPy adds
    them up value by value, which takes any amount of memory and time for a wide distribution.
    """
    distribution = getattr(distribution, "base", distribution)
    family = getattr(distribution, "dist", None)
    if not isinstance(family, stats.rv_discrete) or type(family)._cdf is not stats.rv_discrete._cdf:
        return math.inf
    return support(distribution)[0] + (
        _MOST_SLOW if family.name.startswith("nchypergeom") else _MOST_SUMMED
    )


def is_too_wide(distribution: Any) -> bool:
    """Checks for values beyond its `reach`; if it has no end, for a millionth of them or more."""
    end = reach(distribution)
    high = math.inf if end == math.inf else support(distribution)[1]
    if math.isfinite(high) or end == math.inf:
        return high > end and end != math.inf
    with np.errstate(all="ignore"):
        return not float(getattr(distribution, "base", distribution).cdf(end)) >= 1 - 1e-6


def is_too_extreme(family: Any, arguments: Iterable[Any], options: Mapping[str, Any]) -> bool:
    """Checks whether parameters are so large that SciPy can't compute the family's distribution.

    Args:
        family: of scipy.stats.
        arguments: the positional ones.
        options: the keyword ones.
    """
    if isinstance(family, stats.rv_continuous | stats.rv_discrete):
        if family.name in _OF_BOUNDS:
            return False
        most = _MOST_OF.get(family.name, _MOST_SHAPE)
        named = [value for name, value in options.items() if name not in ("loc", "scale")]
        shapes = [*list(arguments)[: getattr(family, "numargs", 0)], *named]
    elif isinstance(family, type) and is_discrete(family):
        most, shapes = _MOST_SHAPE, list(options.values())
    else:
        return False
    sizes = [abs(value) for value in shapes if isinstance(value, int | float)]
    return any(size > most or 0 < size < _LEAST_SHAPE for size in sizes if size != math.inf)


def _folded(distribution: Any) -> Iterator[Any]:
    """Yields what abs(…) is taken of in a distribution."""
    while (inner := getattr(distribution, "_dist", None)) is not None:
        if type(distribution).__name__ == "FoldedDistribution":
            yield inner
        distribution = inner


def is_folded_too_far(distribution: Any) -> bool:
    """Checks for abs(…) of numbers so large, or so close together for their size, that SciPy takes
    seconds to find each quantile, and finds a wrong one.
    """
    for inner in _folded(distribution):
        with np.errstate(all="ignore"):
            low, high = inner.icdf(0.001), inner.icdf(0.999)
            ends = [end for end in inner.support() if np.isfinite(end)]
            size = np.max(np.abs([low, high, *ends]))
        if not (size <= _MOST_FOLDED and high - low >= _NARROWEST_FOLDED * size):
            return True
    return False


def has_ints(distribution: Any) -> bool:
    """Checks that whole numbers of a discrete distribution are ints: not in steps such as 0.5."""
    return isinstance(getattr(distribution, "step", 1), int)


def probability(distribution: Any, value: float) -> float:
    """Returns the probability u of a value, 0 < u < 1: `quantile` leads back to the value.

    For a discrete distribution it is in the middle of the value's step. Beyond the support, or so
    far out that u would be 0 or 1, it is the nearest u inside.
    """
    u = _middle(distribution, value)
    if not math.isfinite(u) or (is_discrete(distribution) and quantile(distribution, u) != value):
        u = (_lowest(distribution, value, True) + _lowest(distribution, value, False)) / 2
    return min(max(u, SMALLEST), LARGEST)


def _middle(distribution: Any, value: float) -> float:
    """Returns u from the cumulative distribution, NaN where there is none."""
    try:
        with np.errstate(all="ignore"):
            u = float(distribution.cdf(value))
            return u - float(distribution.pmf(value)) / 2 if is_discrete(distribution) else u
    except Exception:  # a user's own distribution needs nothing but a quantile function
        return math.nan


def _lowest(distribution: Any, value: float, inclusive: bool) -> float:
    """Finds by bisection the lowest u whose quantile reaches the value, or exceeds it."""
    low, high = SMALLEST, LARGEST
    for _ in range(60):
        middle = (low + high) / 2
        found = quantile(distribution, middle)
        if found > value or (inclusive and found == value):
            high = middle
        else:
            low = middle
    return high


def describe(value: Any) -> str:
    """Returns a short text of any value on one line, for messages."""
    family = getattr(value, "dist", None)
    if isinstance(family, stats.rv_continuous | stats.rv_discrete):
        arguments = [_short.repr(argument) for argument in value.args]
        arguments += [f"{name}={_short.repr(argument)}" for name, argument in value.kwds.items()]
        return f"{family.name}({', '.join(arguments)})"
    with np.printoptions(legacy="1.25"):  # prints np.float64(0.5) as 0.5
        return " ".join(_short.repr(value).split())
