"""Sobol search: points that fill the space evenly."""

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import ClassVar

import numpy as np

from sweeper.search.arguments import plain_configs, search_faults, trials_text
from sweeper.search.known import Known
from sweeper.search.sequences import LazyList, fulfilling
from sweeper.space.checks import Config
from sweeper.space.space import Space

_BITS = 30
_PLACES = np.arange(_BITS - 1, -1, -1)
_BLOCK = 64  # points that are made together


@dataclass(frozen=True)
class SobolSearch:
    """Sobol search: `num_trials` ≥ 1 points that fill the space more evenly than random ones.

    It maps a scrambled Sobol sequence through each quantile function, lists in equal parts; best
    with a power of two trials. A longer search has the same first trials, and one more
    hyperparameter at the end of the space changes none of the other values. Points that break a
    constraint are skipped. `initial_configs` are complete configurations that take the place of the
    first points.

    Example:
        >>> space = {"n": stats.randint(0, 100)}
        >>> sweeper.preview(space, sweeper.SobolSearch(num_trials=4)).configs
        [{'n': 70}, {'n': 24}, {'n': 27}, {'n': 78}]

    Source: Sobol, "On the distribution of points in a cube", 1967; scrambled as in Matoušek, "On
    the L2-discrepancy for anchored boxes", 1998.
    """

    num_trials: int
    initial_configs: Sequence[Config] = ()

    looks_back: ClassVar[bool] = False
    lag: ClassVar[int | None] = None

    def faults(self, space: Space) -> list[str]:
        """Lists what is wrong with this searcher, one sentence each; empty if nothing."""
        return search_faults("SobolSearch", self.num_trials, self.initial_configs, space)

    def num_configs(self, space: Space) -> int:
        """Returns the number of trials of this searcher."""
        return self.num_trials

    def config(self, space: Space, seed: int, trial: int, known: Sequence[Known] = ()) -> Config:
        """Returns the configuration of a trial; `known` is not used."""
        if trial < len(self.initial_configs):
            return plain_configs(self.initial_configs, space)[trial]
        return sobol_config(space, seed, trial)

    def describe(self, space: Space) -> str:
        """Returns one line such as `16 trials`."""
        return trials_text(self.num_trials)


def sobol_config(space: Space, seed: int, number: int) -> Config:
    """Returns the configuration at a point of the sequence, without points that break a constraint.

    Raises:
        ValueError: next to no point fulfils the constraints.
    """
    if not space.constraints:
        return space.at(sobol_point(space, seed, number))
    return copy.deepcopy(_fulfilling_points(space, seed)[number])


@lru_cache(maxsize=8)
def _fulfilling_points(space: Space, seed: int) -> LazyList[Config]:
    points = (space.at(sobol_point(space, seed, number)) for number in count())
    return LazyList(fulfilling(points, space.fulfils))


def sobol_point(space: Space, seed: int, number: int) -> dict[str, float]:
    """Returns a probability 0 < u < 1 for each hyperparameter, at a point of the sequence."""
    if not space.tuned:
        return {}
    matrices, shifts = _scrambling(space, seed)
    bits = _plain_bits(len(space.tuned), number // _BLOCK)[number % _BLOCK]
    scrambled = (np.einsum("dij,dj->di", matrices, bits) + shifts) % 2
    whole = scrambled @ (1 << _PLACES)
    # The middles of 2**30 equal parts, so that u is never 0 or 1.
    return dict(zip(space.tuned, ((whole + 0.5) * 2.0**-_BITS).tolist(), strict=True))


@lru_cache(maxsize=8)
def _plain_bits(dimensions: int, block: int) -> np.ndarray:
    """Returns `(64, d, 30)` bits of consecutive points without scrambling, the highest first."""
    from scipy.stats import qmc

    plain = qmc.Sobol(dimensions, scramble=False, bits=_BITS)
    if block:
        plain.fast_forward(block * _BLOCK)
    numbers = (plain.random(_BLOCK) * 2**_BITS).astype(np.int64)
    return (numbers[:, :, None] >> _PLACES) & 1


@lru_cache(maxsize=8)
def _scrambling(space: Space, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns a matrix and a shift for each hyperparameter, by name: `(d, 30, 30)`, `(d, 30)`.

    scipy's own scrambling draws them all from one stream, in which one hyperparameter more would
    change the values of all the others.
    """
    matrices, shifts = [], []
    for name in space.tuned:
        digest = hashlib.sha256(b"sobol:" + name.encode("utf-8", "surrogatepass")).digest()
        rng = np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
        matrix = np.tril(rng.integers(2, size=(_BITS, _BITS)), -1) + np.eye(_BITS, dtype=np.int64)
        matrices.append(matrix)
        shifts.append(rng.integers(2, size=_BITS))
    return np.array(matrices), np.array(shifts)
