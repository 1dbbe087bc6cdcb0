"""Lists where the values of each hyperparameter lie, in a few lines before a sweep runs."""

import math
from collections.abc import Mapping
from typing import Any

from sweeper.search.searcher import Searcher
from sweeper.space.changes import is_logarithmic
from sweeper.space.conditions import ABSENT, When, laws
from sweeper.space.distributions import is_distribution, quantile, support
from sweeper.space.space import Space
from sweeper.sweep.traps import traps
from sweeper.terminal import short

_COLUMNS = 80
_CHOICES = 6  # that are listed
_MOST_TRAPS = 3  # warnings that are shown; `sweeper.preview` shows all


def what_is_tried(space: Space, searcher: Searcher) -> list[str]:
    """Returns lines that say where the values lie, and name likely mistakes."""
    asked = traps(space, searcher)[:_MOST_TRAPS]
    return [*ranges(space.entries), *(f"Is this what you mean? {text}" for text in asked)]


def ranges(entries: Mapping[str, Any], most: int = 10) -> list[str]:
    """Returns a line for each hyperparameter, such as `dropout  0.5 … 1.4`; constants come last.

    Args:
        entries: the space's entries, checked.
        most: the largest number of lines; the rest is counted.
    """
    varying = [name for name, value in entries.items() if not _is_constant(value)]
    names = [*varying, *(name for name in entries if name not in varying)]
    width = min(24, max(len(name) for name in names))
    lines = [f"  {short(name, width):<{width}}  {range_text(entries[name])}" for name in names]
    if len(lines) > most:
        lines[most - 1 :] = [f"  … and {len(lines) - most + 1:,} more"]
    return [short(line, _COLUMNS) for line in lines]


def range_text(value: Any) -> str:
    """Returns the range, the choices or the constant of one hyperparameter."""
    texts = list(dict.fromkeys(map(_law_text, laws(value))))
    text = " or ".join(texts)
    if isinstance(value, When):
        text += f", if {value.condition}" if len(texts) == 1 and _may_be_absent(value) else ""
    return text


def _law_text(law: Any) -> str:
    if is_distribution(law):
        low, high = support(law)
        about, digits = "", 6
        if not (math.isfinite(low) and math.isfinite(high)):
            about, digits = "about ", 3
            low = low if math.isfinite(low) else quantile(law, 0.001)
            high = high if math.isfinite(high) else quantile(law, 0.999)
        axis = ", log" if low > 0 and is_logarithmic(law) else ""
        return f"{about}{low:.{digits}g} … {high:.{digits}g}{axis}"
    if isinstance(law, list | tuple):
        shown = ", ".join(map(_plain, law[:_CHOICES]))
        return shown + (f", … {len(law):,} in all" if len(law) > _CHOICES else "")
    return f"always {_plain(law)}"


def _is_constant(value: Any) -> bool:
    return not any(
        is_distribution(law) or (isinstance(law, list | tuple) and len(law) > 1)
        for law in laws(value)
    )


def _may_be_absent(value: Any) -> bool:
    while isinstance(value, When):
        value = value.otherwise
    return value is ABSENT


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else short(str(value), 24)
