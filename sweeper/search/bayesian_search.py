"""Bayesian search: a model of the validation error chooses what to try next."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from sweeper.faults import int_fault
from sweeper.search.arguments import plain_configs, search_faults, trials_text
from sweeper.search.known import Known
from sweeper.search.model_axes import model_axes
from sweeper.search.outlook import outlook, tempered
from sweeper.search.replacements import first_that_may_come
from sweeper.search.sequences import key
from sweeper.search.sobol_search import sobol_config
from sweeper.space.checks import Config
from sweeper.space.space import Space

_FIRST = 10  # trials without a model
_MIN_KNOWN = 4  # trials that a model needs
_MOST_FOR_GP = 250  # trials; the time it takes grows with the cube of their number
_MODELS = ("auto", "gp", "tpe")
_MOST_LAG = 1_000_000


@dataclass(frozen=True)
class BayesianSearch:
    """Bayesian search: chooses each configuration by a model of the earlier trials' results.

    The first 10 trials, and those before which fewer than 4 are known, are those of `SobolSearch`.
    The model sees each value as its quantile, so that the space is uniform whatever its
    distributions; equally likely whole numbers and numeric lists as steps, other lists as
    categories; an absent hyperparameter at a fixed value. Failed and diverged trials count as bad
    as the worst of the others, trials not known yet as running, stopped ones by their last known
    error. No configuration comes twice, and the search ends when there are no others.

    Trial i is chosen by a fresh sampler, seeded by (seed, i), from what is known of the trials
    before it by number, so that the table depends neither on the number of workers nor on time.

    Args:
        num_trials: the number of trials, at least 1.
        model: "gp", a Gaussian process with expected improvement (for tens to hundreds of trials);
            "tpe", a tree-structured Parzen estimator; "auto", "gp" for the first 250 trials and
            "tpe" then; or a function of a seed that returns one of Optuna's samplers.
        lag: how many trials earlier by number a trial must be to be known; None for twice the
            number of workers at the start.
        initial_configs: complete configurations that take the place of the first trials.

    Example:
        >>> def objective(config):
        ...     return (config["x"] - 2) ** 2
        >>> searcher = sweeper.BayesianSearch(num_trials=14, lag=1)
        >>> space = {"x": stats.uniform(0, 4)}
        >>> sweeper.run(objective, space, searcher, address="inline").best_error < 0.01
        True

    Sources: Jones et al., "Efficient Global Optimization of Expensive Black-Box Functions", 1998;
    Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; both as in Optuna,
    Akiba et al., KDD 2019.
    """

    num_trials: int
    model: str | Callable[[int], Any] = "auto"
    lag: int | None = None
    initial_configs: Sequence[Config] = ()

    looks_back: ClassVar[bool] = True

    def faults(self, space: Space) -> list[str]:
        """Lists what is wrong with this searcher, one sentence each; empty if nothing."""
        faults = search_faults("BayesianSearch", self.num_trials, self.initial_configs, space)
        if not callable(self.model) and self.model not in _MODELS:
            faults.append(
                f"model must be one of {list(_MODELS)} or a function of a seed that returns an "
                f"Optuna sampler, but got {self.model!r} ({type(self.model).__name__})."
            )
        elif callable(self.model):
            faults += _faults_of_maker(self.model)
        if self.lag is not None and (wrong := int_fault("lag", self.lag, 1)):
            faults.append(f"{wrong} None means twice the number of workers.")
        elif self.lag is not None and self.lag > _MOST_LAG:
            faults.append(f"lag must be at most {_MOST_LAG:,}, but got {self.lag!r} (int).")
        return faults

    def num_configs(self, space: Space) -> int:
        """Returns the number of trials of this searcher."""
        count = space.count(self.num_trials)
        return self.num_trials if count is None else count

    def config(self, space: Space, seed: int, trial: int, known: Sequence[Known] = ()) -> Config:
        """Returns the configuration of a trial, from what is known of all trials before it.

        Raises:
            ValueError: `known` does not have one entry for each earlier trial.
        """
        if len(known) != trial:
            raise ValueError(f"known must have {trial} trials, but got {len(known)}.")
        if trial < len(self.initial_configs):
            return plain_configs(self.initial_configs, space)[trial]
        errors = outlook(known)
        own_seed = int(np.random.SeedSequence([seed, trial]).generate_state(1)[0])
        if trial < _FIRST or sum(error is not None for error in errors) < _MIN_KNOWN:
            config = sobol_config(space, seed, trial)
        else:
            sampler = self._sampler(trial, own_seed)
            config = space.at(_suggestion(sampler, space, known, errors))
        taken = {key(earlier.config) for earlier in known}
        return first_that_may_come(config, space, own_seed, taken)

    def describe(self, space: Space) -> str:
        """Returns one line such as `16 trials`."""
        return trials_text(self.num_configs(space), self.num_trials)

    def _sampler(self, trial: int, seed: int) -> Any:
        """Returns a fresh sampler, which keeps nothing between suggestions."""
        from optuna import samplers
        from optuna.exceptions import ExperimentalWarning

        if callable(self.model):
            return self.model(seed)
        if self.model == "tpe" or (self.model == "auto" and trial >= _MOST_FOR_GP):
            return samplers.TPESampler(seed=seed, n_startup_trials=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # as Optuna 4 calls it
            return samplers.GPSampler(seed=seed, n_startup_trials=0)


def _faults_of_maker(model: Callable[[int], Any]) -> list[str]:
    """Lists the faults of a function that should make samplers, found by calling it once."""
    from optuna.samplers import BaseSampler

    rule = "model must be a function of a seed that returns an Optuna sampler, but"
    try:
        made = model(0)
    except Exception as error:  # the user's own
        return [f"{rule} model(0) raised {type(error).__name__}: {error}."]
    if isinstance(made, BaseSampler):
        return []
    return [f"{rule} model(0) returned {made!r} ({type(made).__name__})."]


def _suggestion(
    sampler: Any, space: Space, known: Sequence[Known], errors: Sequence[float | None]
) -> Mapping[str, float]:
    """Returns the probability of each hyperparameter that a sampler asks for."""
    import optuna

    axes = model_axes(space)
    told = {name: axis.distribution() for name, axis in axes.items()}
    heights = iter(tempered([error for error in errors if error is not None]))
    with quiet_optuna():
        study = optuna.create_study(sampler=sampler)
        for earlier, error in zip(known, errors, strict=True):
            u = _probabilities(space, earlier.config)
            study.add_trial(
                optuna.trial.create_trial(
                    params={name: axis.seen(u[name]) for name, axis in axes.items()},
                    distributions=told,
                    value=None if error is None else next(heights),
                    state=optuna.trial.TrialState.RUNNING
                    if error is None
                    else optuna.trial.TrialState.COMPLETE,
                )
            )
        asked = study.ask(told).params
    return {name: axis.probability(asked[name]) for name, axis in axes.items()}


def _probabilities(space: Space, config: Config) -> Mapping[str, float]:
    """Returns `space.u_of`, which takes a millisecond, computed once for each configuration."""
    found = _found(space)
    text = key(config)
    if text not in found:
        found[text] = space.u_of(config)
    return found[text]


@lru_cache(maxsize=4)
def _found(space: Space) -> dict[str, dict[str, float]]:
    return {}


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Silences what Optuna prints about each new study."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)
