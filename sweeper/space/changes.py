"""Suggests other distributions, as text, for one of the space: wider, narrower, logarithmic.

Functions return None where there is no such text: the family has no such bounds, or the end is a
natural one.
"""

import math
from typing import Any

from sweeper.space.distributions import quantile, support
from sweeper.space.rounded import Rounded
from sweeper.space.text import read_value, to_text

_LOGARITHMIC = ("loguniform", "reciprocal")
_LINEAR = ("uniform", "Uniform")


def family(distribution: Any) -> str:
    """The name of a distribution's family, such as `loguniform` or `Normal`."""
    old = getattr(distribution, "dist", None)
    return str(getattr(old, "name", type(distribution).__name__))


def is_logarithmic(distribution: Any) -> bool:
    """Checks that values spread evenly over orders of magnitude rather than over distances.

    True if the median lies at the geometric mean of the quartiles, not at the arithmetic one.
    """
    lower, median, upper = (float(quantile(distribution, u)) for u in (0.25, 0.5, 0.75))
    if not 0 < lower < upper < math.inf:
        return False
    arithmetic, geometric = (lower + upper) / 2, math.sqrt(lower * upper)
    return abs(median - geometric) < 0.25 * abs(median - arithmetic)


def wider(distribution: Any, upwards: bool) -> tuple[str, float] | None:
    """Returns a distribution that reaches further, and how far; shifted if it has no bounds.

    A logarithmic range grows by a factor of ten, or by the root of its ratio if it spans less than
    two decades; a linear one by half, but neither below 0 nor, within [0, 1], to 1.
    """
    if isinstance(distribution, Rounded):
        found = wider(distribution.base, upwards)
        if found is None:
            return None
        text = str(_rounded(distribution, found[0]))
        return text, support(read_value(text))[upwards]
    low, high = support(distribution)
    name = family(distribution)
    if name in ("norm", "Normal", "StandardNormal"):
        middle, edge = (
            quantile(distribution, 0.5),
            quantile(distribution, 0.95 if upwards else 0.05),
        )
        scale = abs(edge - middle) / 1.6448536
        new = "Normal(mu={}, sigma={})" if name != "norm" else "norm({}, {})"
        return new.format(_plain(edge), _plain(scale)), float(edge)
    if name in _LOGARITHMIC:
        factor = min(10.0, max(2.0, math.sqrt(high / low)))
        low, high, end = _moved(low / factor, high * factor, low, high, upwards)
    elif name in _LINEAR:
        below = low / 2 if low > 0 else low - (high - low) / 2
        above = high + ((1 - high) if low >= 0 and high <= 1 else high - low) / 2
        low, high, end = _moved(0 if low == 0 else below, above, low, high, upwards)
    elif name == "randint" and low == int(low):
        below = low // 2 if low > 0 else low - (high - low) // 2
        above = high + max(1, (high - low) // 2)
        low, high, end = _moved(low if low in (0, 1) else below, above, low, high, upwards)
    else:
        return None
    return None if end is None else (_between(name, low, high), end)


def narrower(distribution: Any, bound: float, upper: bool) -> str | None:
    """Returns the distribution cut off above or below a bound."""
    if isinstance(distribution, Rounded):
        return _rounded(distribution, narrower(distribution.base, bound, upper))
    low, high = support(distribution)
    name = family(distribution)
    if name not in (*_LOGARITHMIC, *_LINEAR, "randint") or not low < bound < high:
        return None
    return _between(name, low, bound) if upper else _between(name, bound, high)


def logarithmic(distribution: Any) -> str | None:
    """Returns the range on a logarithmic axis; None unless linear, positive, over a decade."""
    if isinstance(distribution, Rounded):
        return _rounded(distribution, logarithmic(distribution.base))
    low, high = support(distribution)
    if not 0 < 10 * low < high < math.inf or is_logarithmic(distribution):
        return None
    return _between("loguniform", low, high)


def _rounded(old: Rounded, text: str | None) -> str | None:
    """Returns the text for another base, rounded as the old distribution was."""
    to = "" if old.step == 1 else f", to={old.step}"
    return text and f"rounded({text}{to})"


def _moved(
    below: float, above: float, low: float, high: float, upwards: bool
) -> tuple[float, float, float | None]:
    """Returns the new ends, and the one that moved; None if neither did."""
    if upwards:
        return low, above, above if above > high else None
    return below, high, below if below < low else None


def _between(name: str, low: float, high: float) -> str:
    if name in _LOGARITHMIC:
        return f"loguniform({_plain(low)}, {_plain(high)})"
    if name == "randint":
        return f"randint({math.ceil(low)}, {math.floor(high) + 1})"
    if name == "Uniform":
        return f"Uniform(a={_plain(low)}, b={_plain(high)})"
    return f"uniform({_plain(low)}, {_plain(high - low)})"


def _plain(number: float) -> str:
    """Formats a number with four digits and no trailing point: 10, 0.0001, 2.5."""
    return to_text(float(f"{number:.4g}")).removesuffix(".0")  # type: ignore[union-attr]
