"""Trains a few configurations again and again, each time the one that tells most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sweeper.search.known import Known
from sweeper.search.ranking import PRACTICAL, Ranking, rank
from sweeper.search.sequences import key
from sweeper.space.checks import Config
from sweeper.space.config_space import uniform_draw
from sweeper.space.space import Space


class SearchOver(Exception):  # noqa: N818 (it is no error)
    """Raised by a searcher that is asked for a trial after its last one."""


@dataclass(frozen=True)
class TopTwo:
    """Trains each of `initial_configs` `first` times, then most often those that may be the best.

    Each further training takes, with a probability of one half, the configuration with the best
    mean, else one of the others, by their probability to be the best: top-two Thompson sampling
    (Russo, "Simple Bayesian algorithms for best-arm identification", 2016) with the empirical best
    as leader (Jourdan et al., "Top two algorithms revisited", NeurIPS 2022). OCBA (Chen et al.
    2000) shares out a number that is fixed beforehand; this goes on until the best is known.

    It ends once, with the probability `until`, no other is better than the leader by more than half
    of what another seed changes. Configurations that fail more often than they finish are left out.

    Args:
        num_trials: the largest number of trainings.
        initial_configs: the configurations, all different.
        until: the probability, below 1.
        first: how often each is trained to begin with, at least 2.
    """

    num_trials: int
    initial_configs: Sequence[Config]
    until: float = 0.95
    first: int = 2

    looks_back: ClassVar[bool] = True
    lag: ClassVar[int | None] = None

    def faults(self, space: Space) -> list[str]:
        """Returns no faults: `sweeper.confirm` checks its arguments."""
        return []

    def num_configs(self, space: Space) -> int:
        """Returns the largest number of trials that this searcher makes."""
        return self.num_trials

    def config(self, space: Space, seed: int, trial: int, known: Sequence[Known] = ()) -> Config:
        """Returns the configuration of a trial, from what is known of all trials before it.

        Raises:
            SearchOver: enough is known.
        """
        place = trial % len(self.initial_configs)
        if trial >= self.first * len(self.initial_configs):
            losses, failures = self._shown(space, known)
            racing = [i for i, n in enumerate(failures) if n <= len(losses[i])]
            if not racing:
                raise SearchOver
            place = racing[self._choice([losses[i] for i in racing], seed, trial)]
        return space.in_order(dict(self.initial_configs[place]))

    def describe(self, space: Space) -> str:
        """Returns one line such as `3 configurations, at most 60 trainings`."""
        return f"{len(self.initial_configs)} configurations, at most {self.num_trials:,} trainings"

    def _shown(self, space: Space, known: Sequence[Known]) -> tuple[list[list[float]], list[int]]:
        """Returns the losses of each configuration, and how many of its trainings have failed."""
        ordered = [space.in_order(dict(config)) for config in self.initial_configs]
        places = {key(config): place for place, config in enumerate(ordered)}
        losses: list[list[float]] = [[] for _ in places]
        failures = [0] * len(places)
        for earlier in known:
            place = places[key(space.in_order(earlier.config))]
            if earlier.status == "finished" and earlier.error is not None and not earlier.is_bad:
                losses[place].append(earlier.error)
            elif earlier.status != "running":
                failures[place] += 1
        return losses, failures

    def _choice(self, losses: list[list[float]], seed: int, trial: int) -> int:
        """Chooses the configuration to be trained next, given the losses of each."""
        found = _ranked(losses)
        if found is None:
            return trial % len(losses)
        leader = int(np.argmin([np.mean(of_one) for of_one in losses]))
        if found.none_better_by(leader, PRACTICAL * found.noise[leader]) >= self.until:
            raise SearchOver
        chances = found.probability.copy()
        chances[leader] = 0
        if uniform_draw(seed, "leader or challenger", trial) < 0.5 or not chances.any():
            return leader
        reached = np.cumsum(chances) / chances.sum()
        return int(np.searchsorted(reached, uniform_draw(seed, "challenger", trial)))


def _ranked(losses: list[list[float]]) -> Ranking | None:
    """Ranks configurations; None if one has shown nothing, or nothing is known of the noise."""
    if not all(losses):
        return None
    means = np.array([np.mean(of_one) for of_one in losses])
    variances = np.array([np.var(of_one, ddof=len(of_one) > 1) for of_one in losses])
    return rank(means, variances, np.array([len(of_one) for of_one in losses]))
