"""Random search."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import ClassVar

from sweeper.search.arguments import plain_configs, search_faults, trials_text
from sweeper.search.known import Known
from sweeper.search.sequences import LazyList, distinct, key
from sweeper.search.whole_spaces import every_config
from sweeper.space.checks import Config
from sweeper.space.config_space import draw
from sweeper.space.space import Space

_MOST_LEFT = 100_000  # configurations that are searched for those never drawn


@dataclass(frozen=True)
class RandomSearch:
    """Random search: `num_trials` ≥ 1 independent draws from the configuration space.

    Trial `i` draws the same configuration whatever `num_trials` is, so that raising it continues a
    search. `initial_configs` are complete configurations that take the place of the first draws, at
    most `num_trials` of them. With `unique=True` no configuration comes twice: a repeated draw is
    skipped, and the search ends when the space has no more.

    Example:
        >>> space = {"n": stats.randint(0, 100), "optimizer": ["sgd", "adam"]}
        >>> sweeper.preview(space, sweeper.RandomSearch(num_trials=2)).configs
        [{'n': 64, 'optimizer': 'sgd'}, {'n': 43, 'optimizer': 'sgd'}]

    Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012.
    """

    num_trials: int
    initial_configs: Sequence[Config] = ()
    unique: bool = False

    looks_back: ClassVar[bool] = False
    lag: ClassVar[int | None] = None

    def faults(self, space: Space) -> list[str]:
        """Lists what is wrong with this searcher, one sentence each; empty if nothing."""
        faults = search_faults("RandomSearch", self.num_trials, self.initial_configs, space)
        if not isinstance(self.unique, bool):
            kind = type(self.unique).__name__
            faults.append(f"unique must be True or False, but got {self.unique!r} ({kind}).")
        return faults

    def num_configs(self, space: Space) -> int:
        """Returns the number of trials of this searcher."""
        count = space.count(self.num_trials) if self.unique else None
        return self.num_trials if count is None else count

    def config(self, space: Space, seed: int, trial: int, known: Sequence[Known] = ()) -> Config:
        """Returns the configuration of a trial; `known` is not used."""
        if trial < len(self.initial_configs):
            return plain_configs(self.initial_configs, space)[trial]
        if not self.unique:
            return draw(space, seed, trial)
        first = tuple(key(config) for config in plain_configs(self.initial_configs, space))
        return copy.deepcopy(_distinct_draws(space, seed, first)[trial - len(first)])

    def describe(self, space: Space) -> str:
        """Returns one line such as `16 trials`."""
        return trials_text(self.num_configs(space), self.num_trials)


@lru_cache(maxsize=8)
def _distinct_draws(space: Space, seed: int, first: tuple[str, ...]) -> LazyList[Config]:
    """Returns the draws from trial `len(first)` on, each once, without the first ones."""
    return LazyList(_distinct(space, seed, first))


def _distinct(space: Space, seed: int, first: tuple[str, ...]) -> Iterator[Config]:
    found = list(first)
    for config in distinct((draw(space, seed, trial) for trial in count(len(first))), first):
        found.append(key(config))
        yield config
    # The rest is drawn too rarely to wait for it.
    yield from distinct(every_config(space, _MOST_LEFT), found)
