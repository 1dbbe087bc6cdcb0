"""Defines a sweep by all that affects its table: `sweep.json` stores it, a resume compares it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sweeper.cluster.resources import Resources
from sweeper.faults import int_fault, refuse
from sweeper.record.rows import Trial
from sweeper.search.asha import ASHA
from sweeper.search.metric import CURVE_COLUMNS, Metric
from sweeper.search.searcher import Searcher, check_search
from sweeper.space.checks import RESULT_COLUMNS, Config, ConfigSpace, check_seed
from sweeper.space.config_space import trial_seed
from sweeper.space.space import Space
from sweeper.worker.objective import Objective, faults_of_ours, objective_faults


@dataclass(frozen=True)
class Sweep:
    """All settings that affect a sweep's table. Made by `check_sweep`.

    Attributes:
        objective: takes a configuration, returns one metric or several.
        space: the configuration space with its constraints.
        searcher: chooses the configurations.
        scheduler: chooses how long each trial trains; None trains all to their end.
        metric: the metric that is optimised.
        seed: 0 ≤ seed < 2**32.
        replicates: the number of trainings of each configuration, each with another seed.
        resources: the CPUs and GPUs of each trial.
        data_given: True if the objective is given `data`.
        fresh: True if each trial has a new process.
        lag: How many trials earlier by number a trial must be to be known to the searcher; None if
            not chosen yet, or for searchers that don't use results.
    """

    objective: Objective
    space: Space
    searcher: Searcher
    scheduler: ASHA | None = None
    metric: Metric = Metric()
    seed: int = 0
    replicates: int = 1
    resources: Resources = Resources()
    data_given: bool = False
    fresh: bool = False
    lag: int | None = None

    @property
    def num_trials(self) -> int:
        """The number of configurations."""
        return self.searcher.num_configs(self.space)

    def trial(self, trial: int, replicate: int, config: Config) -> Trial:
        """Returns a trial with its seed, once its configuration is known."""
        return Trial(trial, replicate, trial_seed(self.seed, trial, replicate), config)

    def without_objective(self) -> "Sweep":
        """Returns a copy for a process that only chooses configurations."""
        return replace(self, objective=None)  # type: ignore[arg-type]

    def with_lag_for(self, num_workers: int) -> "Sweep":
        """Returns a copy with a lag, if it needs one and has none: twice the number of workers,
        so that trials of similar length don't wait for each other.
        """
        if not self.searcher.looks_back or self.lag is not None:
            return self
        return replace(self, lag=2 * num_workers)


def check_sweep(
    objective: Objective,
    config_space: ConfigSpace,
    searcher: Searcher,
    constraints: Iterable[str] = (),
    scheduler: ASHA | None = None,
    metric: Metric = Metric(),
    seed: int = Sweep.seed,
    replicates: int = Sweep.replicates,
    resources: Resources = Resources(),
    data_given: bool = False,
    fresh: bool = False,
) -> Sweep:
    """Returns the sweep, if nothing is wrong with it; arguments as those of `sweeper.run`.

    Raises:
        ValueError: the faults of all arguments in one message.
    """
    faults: list[str | None] = [*objective_faults(objective, data_given)]
    space = Space({})
    try:
        space = check_search(config_space, searcher, constraints)
    except (TypeError, ValueError) as error:
        faults.append(str(error))
    try:
        check_seed(seed)
    except (TypeError, ValueError) as error:
        faults.append(str(error))
    faults.append(int_fault("replicates", replicates, 1))
    faults += _scheduler_faults(scheduler, replicates)
    faults += _metric_faults(metric)
    faults += faults_of_ours(objective, config_space, metric.name)
    if not isinstance(fresh, bool):
        faults.append(f"fresh must be True or False, but got {fresh!r} ({type(fresh).__name__}).")
    if not isinstance(resources, Resources):
        faults.append(
            "resources must be sweeper.Resources(…), but got "
            f"{resources!r} ({type(resources).__name__})."
        )
    refuse(*faults)
    return Sweep(
        objective,
        space,
        searcher,
        scheduler,
        metric,
        int(seed),
        int(replicates),
        resources,
        data_given,
        fresh,
        searcher.lag,
    )


def _metric_faults(metric: Metric) -> list[str]:
    taken = (*(set(RESULT_COLUMNS) - {Metric.name}), *CURVE_COLUMNS)
    return metric.faults(taken)


def _scheduler_faults(scheduler: ASHA | None, replicates: int) -> list[str]:
    if scheduler is None:
        return []
    if not isinstance(scheduler, ASHA):
        return [
            "scheduler must be sweeper.ASHA(…) or None, but got "
            f"{scheduler!r} ({type(scheduler).__name__})."
        ]
    if replicates != 1:
        return [
            f"scheduler=ASHA(…) with replicates={replicates}: ASHA stops single trainings, so "
            "one replicate might be stopped and another not. Leave out one of them; "
            "sweeper.confirm (sweeper confirm FOLDER) trains the best configurations again with "
            "other seeds."
        ]
    return scheduler.faults()
