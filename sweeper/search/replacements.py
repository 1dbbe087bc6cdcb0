"""Replaces a configuration that may not come by the first one near it that may."""

from collections.abc import Collection, Iterator

import numpy as np

from sweeper.search.sequences import key
from sweeper.search.whole_spaces import every_config
from sweeper.space.checks import Config
from sweeper.space.config_space import draw
from sweeper.space.distributions import LARGEST, SMALLEST
from sweeper.space.space import Space

_STEPS = 500  # steps away from the configuration, longer and longer
_DRAWS = 100
_MOST_LOOKED_AT = 10_000  # configurations of a small space


def first_that_may_come(config: Config, space: Space, seed: int, taken: Collection[str]) -> Config:
    """Returns the configuration, or one near it if it was there before or breaks a constraint.

    In a space that is used up it returns one that was there before.

    Args:
        config: a configuration of the space.
        space: the space with its constraints.
        seed: the seed of all randomness in it.
        taken: the `key` of each configuration that was there before.
    """
    used = None
    for candidate in _candidates(config, space, seed):
        if space.fulfils(candidate):
            if key(candidate) not in taken:
                return candidate
            used = used or candidate
    return used or config


def _candidates(config: Config, space: Space, seed: int) -> Iterator[Config]:
    yield config
    if not space.tuned:
        return
    rng = np.random.default_rng(seed)
    middle = np.array(list(space.u_of(config).values()))
    for width in np.geomspace(0.01, 1, _STEPS):
        u = np.clip(middle + width * rng.normal(size=len(middle)), SMALLEST, LARGEST)
        yield space.at(dict(zip(space.tuned, u.tolist(), strict=True)))
    for attempt in range(_DRAWS):
        yield draw(space, seed, attempt)
    yield from every_config(space, _MOST_LOOKED_AT)
