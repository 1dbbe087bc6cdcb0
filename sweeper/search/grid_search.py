"""Grid search."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sweeper.search.arguments import initial_faults, plain_configs, trials_text
from sweeper.search.known import Known
from sweeper.space.checks import Config
from sweeper.space.grids import grid_axes, grid_config, num_grid
from sweeper.space.space import Space


@dataclass(frozen=True)
class GridSearch:
    """Grid search: the full product of all axes, the last hyperparameter varying fastest.

    Lists are taken as they are. A distribution needs `points` ≥ 1, one number for all or a dict
    with one per hyperparameter: evenly spaced quantiles, both ends included where the support is
    bounded (so `uniform` gives `linspace`, `loguniform` gives `geomspace`), the middles of
    equal-probability parts where it is not. `initial_configs` are complete configurations that run
    first, in addition to the grid. A hyperparameter with a condition is varied only where the
    condition holds; configurations that break a constraint are left out.

    Example:
        >>> space = {"x": stats.uniform(0, 4), "y": ["a"]}
        >>> sweeper.preview(space, sweeper.GridSearch(points=3)).configs
        [{'x': 0.0, 'y': 'a'}, {'x': 2.0, 'y': 'a'}, {'x': 4.0, 'y': 'a'}]
    """

    points: int | Mapping[str, int] | None = None
    initial_configs: Sequence[Config] = ()

    looks_back: ClassVar[bool] = False
    lag: ClassVar[int | None] = None

    def faults(self, space: Space) -> list[str]:
        """Lists what is wrong with this searcher, one sentence each; empty if nothing."""
        faults = initial_faults(self.initial_configs, space)
        try:
            num_grid(space, self.points)
        except ValueError as error:
            faults.append(str(error))
        return faults

    def num_configs(self, space: Space) -> int:
        """Returns the number of trials of this searcher."""
        return len(self.initial_configs) + num_grid(space, self.points)

    def config(self, space: Space, seed: int, trial: int, known: Sequence[Known] = ()) -> Config:
        """Returns the configuration of a trial; `seed` and `known` are not used."""
        if trial < len(self.initial_configs):
            return plain_configs(self.initial_configs, space)[trial]
        return grid_config(space, self.points, trial - len(self.initial_configs))

    def describe(self, space: Space) -> str:
        """Returns one line such as `3 × 4 = 12 trials`."""
        total, made = trials_text(self.num_configs(space)), num_grid(space, self.points)
        lengths = [len(values) for values in grid_axes(space, self.points).values()]
        factors = [n for n in lengths if n > 1]
        text = f"{made:,}"
        if math.prod(lengths) == made and len(factors) > 1:
            text = " × ".join(map(str, factors))
        initial = f"{len(self.initial_configs)} + " if self.initial_configs else ""
        return f"{initial}{text} = {total}" if initial or "×" in text else total
