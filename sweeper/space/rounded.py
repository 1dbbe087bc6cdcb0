"""Rounds a distribution to multiples of a step: whole numbers on a logarithmic axis, tenths."""

import math
from decimal import Decimal
from typing import Any

import numpy as np

from sweeper.space.distributions import describe, is_distribution, quantile_function, support

_LARGEST = 1e300  # well within what a float can be


class Rounded:
    """A distribution of the multiples of a step. Made by `sweeper.rounded`.

    Like a discrete distribution of scipy.stats it has `ppf`, `cdf`, `pmf` (which take arrays) and
    `support`.

    Attributes:
        base: the distribution that is rounded.
        step: the distance between two values; an int if it is whole.
    """

    def __init__(self, base: Any, step: int | float) -> None:
        self.base, self.step = base, step
        try:
            low, high = support(base)
        except Exception:  # the distribution is one that `check_config_space` will refuse
            low = high = math.nan
        # The multiples within the base's support, whose ends may be rounded; infinite ends stay.
        low, high = low / step, high / step
        self._low = math.ceil(low - 1e-9 * max(1, abs(low))) if math.isfinite(low) else low
        self._high = math.floor(high + 1e-9 * max(1, abs(high))) if math.isfinite(high) else high

    def support(self) -> tuple[float, float]:
        """Returns the lowest and the highest value, both inclusive."""
        return self._at(self._low), self._at(self._high)

    def ppf(self, u: Any) -> Any:
        """Returns the value at probability u."""
        with np.errstate(all="ignore"):
            raw = np.asarray(quantile_function(self.base)(u), dtype=float)
            multiples = np.clip(np.floor(raw / self.step + 0.5), self._low, self._high)
        return np.vectorize(self._at, otypes=[float])(multiples)[()]

    def cdf(self, x: Any) -> Any:
        """Returns the probability of a value up to x."""
        with np.errstate(all="ignore"):
            multiples = np.floor(np.asarray(x, dtype=float) / self.step + 1e-9)
            edges = np.nextafter((multiples + 0.5) * self.step, -math.inf)
            inside = np.asarray(self.base.cdf(edges), dtype=float)
        inside = np.where(multiples >= self._high, 1.0, inside)
        return np.where(multiples < self._low, 0.0, inside)[()]

    def pmf(self, x: Any) -> Any:
        """Returns the probability of exactly x; 0 if x is no multiple of the step."""
        x = np.asarray(x, dtype=float)
        with np.errstate(all="ignore"):
            multiples = np.round(x / self.step)
            apart = np.abs(x - multiples * self.step) > 1e-9 * np.maximum(self.step, np.abs(x))
        chance = self.cdf(multiples * self.step) - self.cdf((multiples - 1) * self.step)
        return np.where(apart, 0.0, chance)[()]

    def nearest(self, value: float) -> int | float:
        """Returns the nearest multiple of the step, in its own type."""
        return self._at(round(value / self.step))

    def _at(self, multiple: float) -> int | float:
        """Returns a multiple of the step without float noise: 3 × 0.1 is 0.3."""
        if not math.isfinite(multiple):
            return multiple
        if isinstance(self.step, int):
            return int(multiple) * self.step
        return float(Decimal(int(multiple)) * Decimal(repr(self.step)))

    def __repr__(self) -> str:
        to = "" if self.step == 1 else f", to={self.step}"
        return f"rounded({describe(self.base)}{to})"


def rounded(distribution: Any, to: int | float = 1) -> Rounded:
    """Rounds a distribution to multiples of `to`, half up, within its support.

    >>> space = {"n": sweeper.rounded(stats.loguniform(16, 512)),
    ...          "dropout": sweeper.rounded(stats.uniform(0, 0.5), to=0.1)}
    >>> sweeper.preview(space, sweeper.RandomSearch(num_trials=2)).configs
    [{'n': 151, 'dropout': 0.3}, {'n': 72, 'dropout': 0.1}]

    Values are ints where the step is whole, else floats: 0.3, not 0.30000000000000004. The two ends
    of a uniform distribution come half as often as the rest, since only half as wide a range is
    rounded to them.

    Raises:
        TypeError: the first argument is not a distribution, or the second not a number.
        ValueError: the step is not positive and finite, the support holds no multiple of it, or
            ends beyond 1e300.
    """
    if not is_distribution(distribution) or not hasattr(distribution, "support"):
        raise TypeError(
            f"rounded(…) needs a distribution of scipy.stats, but got {distribution!r} "
            f"({type(distribution).__name__}). Write rounded(stats.loguniform(16, 512))."
        )
    if isinstance(to, np.generic):
        to = to.item()
    if isinstance(to, bool) or not isinstance(to, int | float):
        raise TypeError(f"to must be a number, but got {to!r} ({type(to).__name__}). Write to=0.1.")
    if not 0 < to < math.inf:
        raise ValueError(f"to must be positive and finite, but got {to!r}. Write to=0.1.")
    step = int(to) if float(to).is_integer() else to
    made = Rounded(distribution, step)
    if made._low > made._high:
        low, high = support(distribution)
        raise ValueError(
            f"the support of a rounded distribution must hold a multiple of {step}, but got "
            f"[{low:g}, {high:g}]. Choose a smaller step."
        )
    ends = [end for end in (made._low, made._high) if math.isfinite(end)]
    if any(abs(end) * step > _LARGEST for end in ends):
        raise ValueError(
            f"the support of a rounded distribution must end below {_LARGEST:g}, but {made!r} goes "
            "further. Choose a smaller end."
        )
    return made
