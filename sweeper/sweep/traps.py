"""Warns of mistakes that are often made in a configuration space.

A false alarm is worse than silence, so each warning needs evidence in the numbers themselves.
"""

import math
import re
from typing import Any

from scipy import stats

from sweeper.search.grid_search import GridSearch
from sweeper.search.random_search import RandomSearch
from sweeper.search.searcher import Searcher
from sweeper.search.sobol_search import SobolSearch
from sweeper.space.changes import family, is_logarithmic
from sweeper.space.checks import subscript
from sweeper.space.conditions import laws
from sweeper.space.distributions import describe, is_discrete, is_distribution, quantile, support
from sweeper.space.grids import grid_axes
from sweeper.space.space import Space

MANY_AXES = 7
_RATE = re.compile(r"(?!log)(.*[._])?(lr|learning_rate|weight_decay|wd)")
_COUNT = re.compile(r"(num|n)_.*|(.*[._])?(batch_size|hidden_size)")


def traps(space: Space, searcher: Searcher) -> list[str]:
    """Lists likely mistakes, one sentence each; empty if there are none."""
    found = []
    for name, value in space.entries.items():
        for law in filter(is_distribution, laws(value)):
            base = getattr(law, "base", law)  # the base of a rounded one
            said = [_width(base), _linear(name, base), _negative(name, law), *_randint(base)]
            found += [f"config_space{subscript(name)}: {text}" for text in said if text]
    return [*found, *_many_axes(space, searcher), *_few_configs(space, searcher)]


def _width(law: Any) -> str | None:
    """Warns of `uniform(1e-4, 1)`, whose second number is a width."""
    if not _is_old(law, stats.uniform) or len(law.args) != 2:
        return None
    low, width = map(float, law.args)
    high = low + width
    longer = _digits(high) > max(_digits(low), _digits(width))
    powers = all(map(_is_power_of_2, (low, width))) and not _is_power_of_2(high)
    beyond_1 = 0 < low < width <= 1 < high  # two parts of 1, but their sum is not
    if not (beyond_1 or (0 < 10 * low <= width and (longer or powers))):
        return None
    return (
        f"{describe(law)} is [{_plain(low)}, {_plain(high)}], since its second number is a width. "
        f"For [{_plain(low)}, {_plain(width)}] write "
        f"stats.uniform({_plain(low)}, {_plain(width - low)}); if it is meant so, "
        f"stats.uniform(loc={_plain(low)}, scale={_plain(width)})."
    )


def _linear(name: str, law: Any) -> str | None:
    """Warns of a linear axis over decades, where nearly all draws lie in the last one."""
    low, high = support(law)
    decades = 2 if _RATE.fullmatch(name) else 3
    if not 0 < 10**decades * low < high < math.inf or is_discrete(law):
        return None
    tenth = quantile(law, 0.1)
    if is_logarithmic(law) or tenth < 10 * low:
        return None
    return (
        f"{describe(law)} spans {math.log10(high / low):.1f} decades on a linear axis: 9 of 10 "
        f"draws lie above {_plain(tenth)}. Write stats.loguniform({_plain(low)}, {_plain(high)})."
    )


def _negative(name: str, law: Any) -> str | None:
    """Warns of an unbounded distribution for a value that must be positive."""
    if not (_RATE.fullmatch(name) or _COUNT.fullmatch(name)) or support(law)[0] > -math.inf:
        return None
    if quantile(law, 0.001) > 0:
        return None
    share = next(u / 1000 for u in range(1000, 0, -1) if u == 1 or quantile(law, u / 1000) <= 0)
    return (
        f"{describe(law)} has no lower end: {max(share, 0.001):.1%} of its draws are not positive. "
        "Write stats.loguniform(low, high), or stats.truncate(stats.Normal(…), lb=…)."
    )


def _randint(law: Any) -> list[str]:
    """Warns of a top that looks inclusive but isn't, and of a third number, which shifts."""
    if not _is_old(law, stats.randint):
        return []
    named = dict(zip(("low", "high", "loc"), law.args, strict=False)) | law.kwds
    low, high = support(law)
    if named.get("loc", 0) != 0:
        return [
            f"{describe(law)} ranges from {_plain(low)} to {_plain(high)}: the third number shifts "
            "both ends. For steps write a list, such as list(range(0, 100, 10))."
        ]
    top = high + 1
    is_round = (_is_power_of_2(top) and top >= 8 and _is_power_of_2(low)) or (
        top % 10 == 0 and (low == 1 or (low % 10 == 0 and low > 0))
    )
    if not is_round:
        return []
    return [
        f"{describe(law)} is {_plain(low)} to {_plain(high)}: its top is left out. For "
        f"{_plain(top)} as well write stats.randint({_plain(low)}, {_plain(top + 1)})."
    ]


def _many_axes(space: Space, searcher: Searcher) -> list[str]:
    if not isinstance(searcher, GridSearch):
        return []
    axes = [len(axis) for axis in grid_axes(space, searcher.points).values() if len(axis) > 1]
    if len(axes) < MANY_AXES:
        return []
    return [
        f"A grid of {len(axes)} axes takes {searcher.num_configs(space):,} trials for at most "
        f"{max(axes)} values of each; RandomSearch tries another one of each in every trial."
    ]


def _few_configs(space: Space, searcher: Searcher) -> list[str]:
    if not isinstance(searcher, RandomSearch | SobolSearch) or getattr(searcher, "unique", False):
        return []
    trials = searcher.num_configs(space)
    count = space.count(min(trials, 1_000_000))
    if count == 1 and trials > 1:
        return [
            f"All hyperparameters are constants, so that {trials:,} trials try the same. Write "
            "lists or distributions, or one trial and replicates=… (--replicates)."
        ]
    if count is None or count >= trials:
        return []
    return [
        f"There are only {count:,} different configurations for {trials:,} trials, so that some "
        "come again. GridSearch tries each once, RandomSearch(unique=True) none twice."
    ]


def _is_old(law: Any, kind: Any) -> bool:
    return hasattr(law, "args") and family(law) == kind.name


def _digits(number: float) -> int:
    """Counts a number's digits, without zeros at its ends."""
    return len(f"{abs(number):.12g}".partition("e")[0].replace(".", "").strip("0"))


def _is_power_of_2(number: float) -> bool:
    return number >= 1 and math.frexp(number)[0] == 0.5


def _plain(number: float) -> str:
    return f"{number:.6g}"
