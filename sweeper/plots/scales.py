"""Places the values of a hyperparameter on an axis, and formats them there."""

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

MOST_CHOICES = 12  # numbers: more are placed by value, not side by side


@dataclass(frozen=True)
class Scale:
    """The scale of one hyperparameter's axis.

    Attributes:
        name: the hyperparameter's name.
        logarithmic: True for a logarithmic scale; only for numbers.
        labels: the texts at 0, 1, … if values are categories, else empty.
        keys: the categories themselves, as JSON.
    """

    name: str
    logarithmic: bool = False
    labels: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def positions(self, values: Sequence[Any]) -> np.ndarray:
        """Returns positions of values: numbers themselves, categories 0, 1, …, absent ones NaN."""
        if self.keys:
            places = {key: float(place) for place, key in enumerate(self.keys)}
            found = [math.nan if v is ABSENT else places.get(_key(v), math.nan) for v in values]
        else:
            found = [number(v) for v in values]
        return np.array(found, dtype="float64")

    def text(self, position: float) -> str:
        """Returns the text at a position."""
        return self.labels[int(position)] if self.labels else f"{position:.4g}"


def values_of(results: Results, name: str) -> list[Any]:
    """Returns a hyperparameter's value in each row, `ABSENT` if its configuration has none."""
    return [row.config.get(name, ABSENT) for row in results.rows]


def tuned(results: Results) -> list[str]:
    """Returns the hyperparameters that took more than one value, or all if none did."""
    names = list(results.sweep["config_space"])
    several = [name for name in names if len(_seen(results, name)) > 1]
    return several or names


def _seen(results: Results, name: str) -> set[str]:
    return {_key(value) for value in values_of(results, name) if value is not ABSENT}


def scale_of(results: Results, name: str) -> Scale:
    """Returns a hyperparameter's scale: from its distribution, else from the values observed."""
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
    """Formats a value as a person writes it, with at most `most` characters."""
    if value is ABSENT:
        return "–"
    if isinstance(value, str):
        return shorten(value, most)
    return shorten(f"{value:.4g}" if isinstance(value, float) else repr(value), most)


def shorten(text: str, most: int) -> str:
    """Returns the text on one line, its middle cut if it has more than `most` characters."""
    line = " ".join(text[: 10 * most].split())
    tail = most // 3
    return line if len(line) <= most else f"{line[: most - tail - 1]}…{line[-tail:]}"


def round_ticks(low: float, high: float) -> list[float]:
    """Returns three to seven multiples of 1, 2 or 5 × 10^k from low to high, low < high; the two
    themselves if nothing lies between them.
    """
    raw = high / 5 - low / 5  # their difference may be larger than any float
    if raw < 1e-300:
        return [low, high]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def markup(text: Any, most: int = 40) -> str:
    """Escapes text so that plotly shows it as it is, not as markup or a template."""
    line = shorten(str(text), most)
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("{", "&#123;")):
        line = line.replace(sign, entity)
    return line


def _scale_of_categories(name: str, space: Any, values: list[Any]) -> Scale:
    """Sorts numbers by value, other categories as in the space, then by their text."""
    choices = list(space) if isinstance(space, list | tuple) else []
    if not any(math.isnan(number(choice)) for choice in choices):
        choices = sorted(choices)
    seen = {_key(value): value for value in values}
    ordered = {_key(choice): choice for choice in choices if _key(choice) in seen}
    ordered |= {key: seen[key] for key in sorted(seen) if key not in ordered}
    return Scale(name, False, tuple(label(value, 24) for value in ordered.values()), tuple(ordered))


def _is_logarithmic(distribution: Any) -> bool:
    """Checks if a distribution spreads evenly over at least one order of magnitude."""
    try:
        low, high = (float(quantile(distribution, u)) for u in (0.01, 0.99))
        return 0 < 10 * low <= high < math.inf and is_logarithmic(distribution)
    except Exception:  # SciPy raises nearly any exception
        return False


def _skew(quarters: np.ndarray) -> float:
    """Returns the median's distance from the middle of the quartiles, as part of their distance."""
    low, middle, high = quarters
    return abs(middle - (low + high) / 2) / max(high - low, 1e-300)


def _are_logarithmic(numbers: np.ndarray) -> bool:
    """Checks if sorted different positive numbers rise by about equal factors, at least 20 in all.

    It compares thirds of them, so it works for 1, 2, 4, … and for random draws.
    """
    if len(numbers) < 3 or numbers[-1] < 20 * numbers[0]:
        return False
    quarters = np.quantile(numbers, (0.25, 0.5, 0.75), method="nearest")
    return _skew(np.log(quarters)) < _skew(quarters)


def _key(value: Any) -> str:
    return "" if value is ABSENT else key(value)
