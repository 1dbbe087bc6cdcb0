"""`sweeper.preview`: shows what a sweep would try, at no cost, without Ray and torch."""

import html
import math
import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.faults import int_fault, refuse
from sweeper.record.sweep_definition import Sweep
from sweeper.search.searcher import Searcher, check_search, first_configs
from sweeper.space.changes import is_logarithmic
from sweeper.space.checks import Config, ConfigSpace, check_seed, subscript
from sweeper.space.conditions import ABSENT, laws
from sweeper.space.config_space import sample
from sweeper.space.distributions import is_distribution, support
from sweeper.space.space import Space
from sweeper.sweep.traps import traps
from sweeper.terminal import short

if TYPE_CHECKING:
    import pandas as pd

_DRAWS = 1000
_COLUMNS = 80
_BINS = 24
_BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, eq=False)
class Preview:
    """A preview of what a sweep would try. Made by `sweeper.preview`, printed by `print`.

    Attributes:
        space: the space that is searched.
        plan: how many trials there will be, and how they come about.
        num_trials: the number of trials, replicates not counted.
        configs: the first configurations.
        drawn: random configurations, for the histograms.
        warnings: likely mistakes, one sentence each.
    """

    space: Space
    plan: str
    num_trials: int
    configs: list[Config]
    drawn: list[Config]
    warnings: list[str]

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """Returns the first configurations, a row per trial; empty where a name is absent."""
        import pandas as pd

        from sweeper.record.columns import column

        columns = {
            name: column([config.get(name, ABSENT) for config in self.configs])
            for name in self.space.entries
        }
        return pd.DataFrame(columns).rename_axis("trial")

    @property
    def histograms(self) -> str:
        """Returns a line of up to 80 columns per hyperparameter: its range and how it is drawn."""
        width = min(24, max(len(name) for name in self.space.entries))
        return "\n".join(_line(name, value, self.drawn, width) for name, value in self._entries())

    def _entries(self) -> Iterable[tuple[str, Any]]:
        return self.space.entries.items()

    def __str__(self) -> str:
        first = self.frame.astype("object")
        for name in self.space.entries:
            values = [config.get(name, "") for config in self.configs]
            first[name] = [short(_text(value), 24) for value in values]
        first.columns = [short(name, 40) for name in self.space.entries]
        parts = [self.plan, first.to_string(line_width=_COLUMNS), self.histograms]
        if self.space.constraints:
            parts.append("\n".join(["constraints", *map(_wrapped, self.space.constraints)]))
        if self.warnings:
            parts.append("\n".join(["Is this what you mean?", *map(_wrapped, self.warnings)]))
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        """Returns the preview as notebooks show it; pandas escapes what is in the table."""
        notes = "".join(f"<li>{html.escape(text)}</li>" for text in self.warnings)
        asked = f"<p>Is this what you mean?</p><ul>{notes}</ul>" if notes else ""
        table: str = self.frame.to_html(border=0, max_rows=len(self.configs))
        histograms = f"<pre>{html.escape(self.histograms)}</pre>"
        return f"<p>{html.escape(self.plan)}</p>{table}{histograms}{asked}"


def preview(
    config_space: ConfigSpace | Space,
    searcher: Searcher,
    *,
    seed: int = Sweep.seed,
    constraints: Iterable[str] = (),
    most: int = 10,
) -> Preview:
    """Shows what a sweep would try: its first configurations, how each hyperparameter is drawn, the
    number of trials, and likely mistakes.

    >>> space = {"lr": stats.loguniform(1e-4, 1), "depth": [2, 4, 8]}
    >>> print(sweeper.preview(space, sweeper.RandomSearch(num_trials=64), most=2))
    64 trials
    <BLANKLINE>
              lr depth
    trial
    0     0.8977     8
    1    0.04274     4
    <BLANKLINE>
    lr         0.0001 ▆▆▇▇█▇▇▆▇▇▇▆▆█▇▅▇▇▆▇▅▇▅▆ 1           log
    depth  2 32%, 4 34%, 8 34%

    Args:
        config_space: As for `sweeper.run`.
        searcher: As for `sweeper.run`; one that learns is shown before it knows anything.
        seed: The sweep's seed.
        constraints: As for `sweeper.run`.
        most: The number of configurations to show; at least 1.

    Raises:
        TypeError, ValueError: an input is wrong; all faults are in one message.
    """
    check_seed(seed)
    refuse(int_fault("most", most, 1))
    space = check_search(config_space, searcher, constraints)
    drawn = sample(space, seed, _DRAWS)
    never = [
        f"config_space{subscript(name)}: its condition held in none of {len(drawn):,} random "
        "configurations. Is a value in it misspelt?"
        for name in space.entries
        if not any(name in config for config in drawn)
    ]
    return Preview(
        space=space,
        plan=searcher.describe(space),
        num_trials=searcher.num_configs(space),
        configs=first_configs(searcher, space, seed, most),
        drawn=drawn,
        warnings=[*never, *traps(space, searcher)],
    )


def _line(name: str, value: Any, drawn: list[Config], width: int) -> str:
    """Formats one hyperparameter: its name, its range with a histogram or its choices, and its
    condition.
    """
    values = [config[name] for config in drawn if name in config]
    label = f"{short(name, width):<{width}}  "
    if not values:
        return f"{label}absent in all {len(drawn):,} draws"
    share = "" if len(values) == len(drawn) else f"  in {_percent(len(values) / len(drawn))}"
    every = list(laws(value))
    if all(type(one) in (int, float) for one in values) and any(map(is_distribution, every)):
        shown = _histogram(values, *_range(values, every))
    else:
        counts = Counter(map(_text, values)).most_common()
        texts = [
            short(text, 20) + (f" {_percent(n / len(values))}" if len(counts) > 1 else "")
            for text, n in (counts if len(counts) > 6 else sorted(counts, key=_first(every)))
        ]
        shown = ", ".join(texts[:6]) + (f", … {len(texts)} in all" if len(texts) > 6 else "")
    return label + short(shown, _COLUMNS - len(label) - len(share)) + share


def _first(every: list[Any]) -> Any:
    """Returns a key that sorts choices as they stand in the space."""
    flat = [entry for law in every for entry in (law if isinstance(law, list | tuple) else [law])]
    places = {_text(entry): place for place, entry in reversed(list(enumerate(flat)))}
    return lambda pair: places.get(pair[0], len(places))


def _range(values: list[float], every: list[Any]) -> tuple[float, float, bool]:
    """Returns the ends of the histogram, those of the laws where they are finite, and if its
    axis is logarithmic.
    """
    distributions = list(filter(is_distribution, every))
    low, high = min(values), max(values)
    for ends in map(support, distributions):
        low, high = (
            (min(low, ends[0]), max(high, ends[1]))
            if all(map(math.isfinite, ends))
            else (low, high)
        )
    return low, high, low > 0 and all(map(is_logarithmic, distributions))


def _histogram(values: list[float], low: float, high: float, logarithmic: bool) -> str:
    """Returns the lowest value, a block for each part of the range, and the highest value."""
    if not low < high:
        return _number(low)
    numbers, ends = np.array(values, dtype=float), np.array([low, high])
    distinct = np.unique(numbers)
    bins = len(distinct) if len(distinct) <= _BINS and _is_even(distinct) else _BINS
    if logarithmic:
        numbers, ends = np.log(numbers), np.log(ends)
    with np.errstate(all="ignore"):
        spread = (numbers - ends[0]) / (ends[1] - ends[0])
    which = np.clip(np.nan_to_num(spread) * bins, 0, bins - 1).astype(int)
    counts = np.bincount(which, minlength=bins)
    blocks = "".join(_BLOCKS[math.ceil(8 * n / counts.max())] for n in counts)
    return f"{low:>10.5g} {blocks} {high:<10.5g}{'  log' * logarithmic}".rstrip()


def _is_even(distinct: np.ndarray) -> bool:
    """Checks if values are equally far apart, so that each has a block of its own."""
    steps = np.diff(distinct)
    return bool(np.allclose(steps, steps[:1]))


def _number(value: float) -> str:
    return f"{value:.4g}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 or share == 0 else "<1%"


def _text(value: Any) -> str:
    return _number(value) if isinstance(value, float) else str(value)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _COLUMNS, initial_indent="- ", subsequent_indent="  ")
