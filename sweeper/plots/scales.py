"""Where the values of a hyperparameter lie on an axis, and how they are written there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.analysis.axes import key, number, read_recorded, the_law
from sweeper.record.results import Results
from sweeper.space.changes import is_logarithmic
from sweeper.space.conditions import ABSENT as ABSENT
from sweeper.space.distributions import is_distribution, quantile

MOST_CHOICES = 12  # of numbers: more are laid out as numbers, not one beside the other


@dataclass(frozen=True)
class Scale:
    """The scale of one hyperparameter's axis.

    Attributes:
        name: of the hyperparameter.
        logarithmic: whether its scale is; only of numbers.
        labels: what is written at 0, 1, … where values are categories, else empty.
        keys: the categories themselves, as JSON.
    """

    name: str
    logarithmic: bool = False
    labels: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def positions(self, values: Sequence[Any]) -> np.ndarray:
        """Where values lie: numbers at themselves, categories at 0, 1, …, absent ones at NaN."""
        if self.keys:
            places = {key: float(place) for place, key in enumerate(self.keys)}
            found = [math.nan if v is ABSENT else places.get(_key(v), math.nan) for v in values]
        else:
            found = [number(v) for v in values]
        return np.array(found, dtype="float64")

    def text(self, position: float) -> str:
        """What is written at a position."""
        return self.labels[int(position)] if self.labels else f"{position:.4g}"


def values_of(results: Results, name: str) -> list[Any]:
    """A hyperparameter's value in each row, `ABSENT` where its configuration has none."""
    return [row.config.get(name, ABSENT) for row in results.rows]


def tuned(results: Results) -> list[str]:
    """The hyperparameters that took more than one value, or all if none did."""
    names = list(results.sweep["config_space"])
    several = [name for name in names if len(_seen(results, name)) > 1]
    return several or names


def _seen(results: Results, name: str) -> set[str]:
    return {_key(value) for value in values_of(results, name) if value is not ABSENT}


def scale_of(results: Results, name: str) -> Scale:
    """The scale of a hyperparameter: from its distribution, else from the values observed."""
    space = the_law(read_recorded(results.sweep["config_space"].get(name)))
    values = [value for value in values_of(results, name) if value is not ABSENT]
    few = isinstance(space, list | tuple) and len(space) <= MOST_CHOICES
    if few or any(math.isnan(number(value)) and not isinstance(value, float) for value in values):
        return _scale_of_categories(name, space, values)
    numbers = np.array([number(value) for value in values])
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) and numbers.min() <= 0:
        return Scale(name)
    if is_distribution(space):
        return Scale(name, _is_logarithmic(space))
    return Scale(name, _are_logarithmic(np.unique(numbers)))


def label(value: Any, most: int = 40) -> str:
    """A value as a person writes it, with at most `most` characters."""
    if value is ABSENT:
        return "–"
    if isinstance(value, str):
        return shorten(value, most)
    return shorten(f"{value:.4g}" if isinstance(value, float) else repr(value), most)


def shorten(text: str, most: int) -> str:
    """The text on one line, its middle cut if it has more than `most` characters."""
    line = " ".join(text[: 10 * most].split())
    tail = most // 3
    return line if len(line) <= most else f"{line[: most - tail - 1]}…{line[-tail:]}"


def round_ticks(low: float, high: float) -> list[float]:
    """Three to seven multiples of 1, 2 or 5 times a power of ten from low to high, low < high."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def markup(text: Any, most: int = 40) -> str:
    """Text that plotly shows as it is, though it reads its own markup and templates in texts."""
    line = shorten(str(text), most)
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("{", "&#123;")):
        line = line.replace(sign, entity)
    return line


def _scale_of_categories(name: str, space: Any, values: list[Any]) -> Scale:
    """Numbers in their order, other categories in that of the space, then of their text."""
    choices = list(space) if isinstance(space, list | tuple) else []
    if not any(math.isnan(number(choice)) for choice in choices):
        choices = sorted(choices)
    seen = {_key(value): value for value in values}
    ordered = {_key(choice): choice for choice in choices if _key(choice) in seen}
    ordered |= {key: seen[key] for key in sorted(seen) if key not in ordered}
    return Scale(name, False, tuple(label(value, 24) for value in ordered.values()), tuple(ordered))


def _is_logarithmic(distribution: Any) -> bool:
    """Whether a distribution spreads over at least one order of magnitude, and evenly so."""
    try:
        low, high = (float(quantile(distribution, u)) for u in (0.01, 0.99))
        return 0 < 10 * low <= high < math.inf and is_logarithmic(distribution)
    except Exception:  # SciPy raises nearly anything
        return False


def _skew(quarters: np.ndarray) -> float:
    """How far the median lies from the middle of the quartiles, as part of their distance."""
    low, middle, high = quarters
    return abs(middle - (low + high) / 2) / max(high - low, 1e-300)


def _are_logarithmic(numbers: np.ndarray) -> bool:
    """Whether different positive numbers in order rise by about equal factors, at least 20 in all.

    By thirds of them, so it holds for 1, 2, 4, … as for random draws.
    """
    if len(numbers) < 3 or numbers[-1] < 20 * numbers[0]:
        return False
    quarters = np.quantile(numbers, (0.25, 0.5, 0.75), method="nearest")
    return _skew(np.log(quarters)) < _skew(quarters)


def _key(value: Any) -> str:
    return "" if value is ABSENT else key(value)
