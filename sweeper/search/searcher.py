"""What every searcher is, and whether one fits a space."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from sweeper.search.bayesian_search import BayesianSearch
from sweeper.search.grid_search import GridSearch
from sweeper.search.known import Known
from sweeper.search.random_search import RandomSearch
from sweeper.search.sobol_search import SobolSearch
from sweeper.space.checks import Config, ConfigSpace
from sweeper.space.space import Space, check_space

SEARCHERS = (RandomSearch, GridSearch, SobolSearch, BayesianSearch)


class Searcher(Protocol):
    """Chooses configurations: a pure function of seed, trial and what earlier trials have shown."""

    @property
    def initial_configs(self) -> Sequence[Config]:
        """Complete configurations that are tried first."""

    @property
    def looks_back(self) -> bool:
        """Whether `known` matters; if not, it may be empty."""

    @property
    def lag(self) -> int | None:
        """How many trials earlier by number a trial must be to be known; None if it is open."""

    def faults(self, space: Space) -> list[str]:
        """What is wrong with this searcher, one sentence a fault; empty if nothing is."""

    def num_configs(self, space: Space) -> int:
        """How many trials this searcher makes."""

    def config(self, space: Space, seed: int, trial: int, known: Sequence[Known] = ()) -> Config:
        """The configuration of a trial, a copy the caller may modify.

        Args:
            space: checked, as by `check_space`.
            seed: of the sweep.
            trial: its number, from 0.
            known: of trial j at place j, for all j < trial; may be empty unless `looks_back`.
        """

    def describe(self, space: Space) -> str:
        """One line such as `16 trials`."""


def check_search(
    config_space: ConfigSpace | Space, searcher: Searcher, constraints: Iterable[str] = ()
) -> Space:
    """The checked configuration space, once searcher and space are known to fit together.

    Raises:
        TypeError: the space is no mapping, or the searcher is none of sweeper's.
        ValueError: all faults of the space, or else all faults of the searcher, in one message.
    """
    if not isinstance(searcher, SEARCHERS):
        raise TypeError(
            f"searcher must be {_names()}, but got {searcher!r} ({type(searcher).__name__})."
        )
    space = check_space(config_space, constraints)
    faults = searcher.faults(space)
    if faults:
        raise ValueError("\n".join(faults))
    return space


def first_configs(
    searcher: Searcher, space: Space, seed: int, n: int | None = None
) -> list[Config]:
    """The first n configurations, or all of them, as far as they are known before any result.

    Those of a searcher that looks back are what it would choose if no trial had shown anything yet.
    """
    total = searcher.num_configs(space)
    known: list[Known] = []
    for trial in range(total if n is None else min(n, total)):
        known.append(Known(searcher.config(space, seed, trial, tuple(known))))
    return [trial.config for trial in known]


def _names() -> str:
    *names, last = (f"sweeper.{kind.__name__}(…)" for kind in SEARCHERS)
    return f"{', '.join(names)} or {last}"
