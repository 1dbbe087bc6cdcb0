"""The interface of every searcher, and the check that one fits a space."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from sweeper.faults import refuse
from sweeper.search.bayesian_search import BayesianSearch
from sweeper.search.grid_search import GridSearch
from sweeper.search.known import Known
from sweeper.search.random_search import RandomSearch
from sweeper.search.sobol_search import SobolSearch
from sweeper.space.checks import Config, ConfigSpace
from sweeper.space.space import Space, check_space

SEARCHERS = (RandomSearch, GridSearch, SobolSearch, BayesianSearch)


class Searcher(Protocol):
    """Chooses configurations: a pure function of seed, trial and the results of earlier trials."""

    @property
    def initial_configs(self) -> Sequence[Config]:
        """The complete configurations that are tried first."""

    @property
    def looks_back(self) -> bool:
        """True if `known` matters; if not, it may be empty."""

    @property
    def lag(self) -> int | None:
        """The least difference in number at which a trial is known; None if not chosen yet."""

    def faults(self, space: Space) -> list[str]:
        """Lists what is wrong with this searcher, one sentence each; empty if nothing."""

    def num_configs(self, space: Space) -> int:
        """Returns the number of trials of this searcher."""

    def config(self, space: Space, seed: int, trial: int, known: Sequence[Known] = ()) -> Config:
        """Returns the configuration of a trial, a copy the caller may modify.

        Args:
            space: the space, checked as by `check_space`.
            seed: the sweep's seed.
            trial: the trial's number, from 0.
            known: at place j what is known of trial j, for all j < trial; may be empty unless
                `looks_back`.
        """

    def describe(self, space: Space) -> str:
        """Returns one line such as `16 trials`."""


def check_search(
    config_space: ConfigSpace | Space, searcher: Searcher, constraints: Iterable[str] = ()
) -> Space:
    """Returns the checked configuration space, if the searcher fits it.

    Raises:
        TypeError: the space is not a mapping, or the searcher is not one of sweeper's.
        ValueError: all faults of the space, or else all faults of constraints and searcher, in one
            message.
    """
    if not isinstance(searcher, SEARCHERS):
        raise TypeError(
            f"searcher must be {_names()}, but got {searcher!r} ({type(searcher).__name__})."
        )
    try:
        space = check_space(config_space, constraints)
    except ValueError as error:
        try:
            unconstrained = check_space(config_space)
        except ValueError:  # the searcher can be judged only with a space
            raise error from None
        refuse(str(error), *searcher.faults(unconstrained))
        raise
    refuse(*searcher.faults(space))
    return space


def first_configs(
    searcher: Searcher, space: Space, seed: int, n: int | None = None
) -> list[Config]:
    """Returns the first n configurations, or all, as far as they are known before any result.

    A searcher that looks back chooses them as if no trial had shown anything yet.
    """
    total = searcher.num_configs(space)
    known: list[Known] = []
    for trial in range(total if n is None else min(n, total)):
        known.append(Known(searcher.config(space, seed, trial, tuple(known))))
    return [trial.config for trial in known]


def _names() -> str:
    *names, last = (f"sweeper.{kind.__name__}(…)" for kind in SEARCHERS)
    return f"{', '.join(names)} or {last}"
