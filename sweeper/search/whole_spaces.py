"""Lists all configurations of a space that has few enough of them."""

import copy
from collections.abc import Iterator
from typing import Any

from sweeper.space.checks import Config
from sweeper.space.combinations import TooManyError, combinations, finite_values
from sweeper.space.conditions import law_in, laws
from sweeper.space.space import Space

_MOST_TRIED = 1_000_000


def every_config(space: Space, most: int) -> Iterator[Config]:
    """Yields each configuration of a space that has at most `most` of them, in order; else none."""
    if space.count(most) is None:
        return
    values: dict[int, list[Any]] = {}
    for value in space.entries.values():
        values |= {id(law): finite_values(law, max(most, 10_000)) or [] for law in laws(value)}
    every = combinations(
        space.entries, space.order, space.constraints, lambda _, law: values[id(law)], _MOST_TRIED
    )
    try:
        for positions in every:
            config: Config = {}
            for name, position in zip(space.order, positions, strict=True):
                if position >= 0:
                    config[name] = values[id(law_in(space.entries[name], config))][position]
            yield space.in_order(copy.deepcopy(config))
    except TooManyError:  # the ones found are as good
        return
