"""Which configurations are tried: random draws or a full grid, pure functions of their inputs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.faults import int_fault
from sweeper.space.checks import Config, ConfigSpace, check_config_space
from sweeper.space.config_space import draw, grid, grid_axes


@dataclass(frozen=True)
class RandomSearch:
    """Random search: `num_trials` ≥ 1 independent draws from the configuration space.

    Trial `i` draws the same configuration whatever `num_trials` is, so that raising it continues
    a search. `initial_configs` are complete configurations that take the place of the first draws,
    at most `num_trials` of them.

    Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012.
    """

    num_trials: int
    initial_configs: Sequence[Config] = ()

    def faults(self, config_space: ConfigSpace) -> list[str]:
        """What is wrong with this searcher, one sentence a fault; empty if nothing is."""
        faults = _initial_faults(self.initial_configs, config_space)
        wrong = int_fault("RandomSearch(num_trials=…)", self.num_trials, 1)
        if wrong:
            faults.append(wrong)
        elif not faults and len(self.initial_configs) > self.num_trials:
            faults.append(
                f"RandomSearch(num_trials={self.num_trials}) leaves out some of its "
                f"{len(self.initial_configs)} initial_configs. Raise num_trials, or give fewer."
            )
        return faults

    def num_configs(self, config_space: ConfigSpace) -> int:
        """How many trials this searcher makes."""
        return self.num_trials

    def configs(self, config_space: ConfigSpace, seed: int) -> list[Config]:
        """The configurations in the order of their trials."""
        first = plain_configs(self.initial_configs)
        return first + [draw(config_space, seed, i) for i in range(len(first), self.num_trials)]

    def describe(self, config_space: ConfigSpace) -> str:
        """One line such as `16 trials`."""
        return _trials(self.num_trials)


@dataclass(frozen=True)
class GridSearch:
    """Grid search: the full product of all axes, the last hyperparameter varying fastest.

    Lists are axes as they are. A distribution needs `points` ≥ 1, one number for all or a dict
    with one per hyperparameter: evenly spaced quantiles, both ends included where the support is
    bounded (so `uniform` gives `linspace`, `loguniform` gives `geomspace`), the middles of
    equal-probability parts where it is not. `initial_configs` are complete configurations that
    run first, in addition to the grid.
    """

    points: int | Mapping[str, int] | None = None
    initial_configs: Sequence[Config] = ()

    def faults(self, config_space: ConfigSpace) -> list[str]:
        """What is wrong with this searcher, one sentence a fault; empty if nothing is."""
        faults = _initial_faults(self.initial_configs, config_space)
        try:
            grid_axes(config_space, self.points)
        except ValueError as error:
            faults.append(str(error))
        return faults

    def num_configs(self, config_space: ConfigSpace) -> int:
        """How many trials this searcher makes."""
        return len(self.initial_configs) + math.prod(self._lengths(config_space))

    def configs(self, config_space: ConfigSpace, seed: int) -> list[Config]:
        """The configurations in the order of their trials; `seed` changes nothing."""
        first = plain_configs(self.initial_configs)
        return first + list(grid(grid_axes(config_space, self.points)))

    def describe(self, config_space: ConfigSpace) -> str:
        """One line such as `3 × 4 = 12 trials`."""
        lengths = [n for n in self._lengths(config_space) if n > 1] or [1]
        product = " × ".join(map(str, lengths))
        initial = f"{len(self.initial_configs)} + " if self.initial_configs else ""
        total = _trials(self.num_configs(config_space))
        return f"{initial}{product} = {total}" if len(lengths) > 1 or initial else total

    def _lengths(self, config_space: ConfigSpace) -> list[int]:
        return [len(axis) for axis in grid_axes(config_space, self.points).values()]


Searcher = RandomSearch | GridSearch


def check_search(config_space: ConfigSpace, searcher: Searcher) -> dict:
    """The checked configuration space, once searcher and space are known to fit together.

    Raises:
        TypeError: the space is no mapping, or the searcher is none of sweeper's.
        ValueError: all faults of the space, or else all faults of the searcher, in one message.
    """
    if not isinstance(searcher, RandomSearch | GridSearch):
        raise TypeError(
            "searcher must be sweeper.RandomSearch(num_trials=…) or sweeper.GridSearch(points=…), "
            f"but got {searcher!r} ({type(searcher).__name__})."
        )
    space = check_config_space(config_space)
    faults = searcher.faults(space)
    if faults:
        raise ValueError("\n".join(faults))
    return space


def _initial_faults(initial_configs: Sequence[Config], config_space: ConfigSpace) -> list[str]:
    if not isinstance(initial_configs, list | tuple):
        kind = type(initial_configs).__name__
        return [f"initial_configs must be a list of configurations, but got a {kind}."]
    faults = []
    for i, config in enumerate(initial_configs):
        where = f"initial_configs[{i}]"
        if not isinstance(config, Mapping):
            faults.append(f"{where}: must be a dict, but got {config!r} ({type(config).__name__}).")
            continue
        missing = [name for name in config_space if name not in config]
        unknown = [name for name in config if name not in config_space]
        if missing:
            faults.append(f"{where}: lacks {missing}; give every hyperparameter a value.")
        if unknown:
            faults.append(
                f"{where}: has {unknown}, which the configuration space does not; "
                f"its hyperparameters are {list(config_space)}."
            )
        known = {name: [value] for name, value in config.items() if name in config_space}
        try:
            if known:
                check_config_space(known)
        except ValueError as error:
            faults.append(f"{where}: {error}")
    return faults


def plain_configs(initial_configs: Sequence[Config]) -> list[Config]:
    """The configurations, with NumPy scalars as plain Python ones."""
    return [
        {name: values[0] for name, values in check_config_space(choices).items()}
        for choices in ({name: [config[name]] for name in config} for config in initial_configs)
    ]


def _trials(n: int) -> str:
    return "1 trial" if n == 1 else f"{n:,} trials"
