"""The best configurations trained again with fresh seeds, free of the winner's luck."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from sweeper.cluster.resources import Resources
from sweeper.faults import int_fault, refuse
from sweeper.record.objective_changes import check_objective
from sweeper.record.results import Results, check_results
from sweeper.record.sweep_definition import Sweep
from sweeper.search.metric import Metric
from sweeper.search.random_search import RandomSearch
from sweeper.space.config_space import trial_seed
from sweeper.space.space import Space
from sweeper.sweep.execution import Execution
from sweeper.sweep.sweep import printer, run_sweep
from sweeper.worker.objective import Objective, objective_faults

_FRESH = 2**52  # no sweep has so many trials: seeds made with it were never used


def confirm(
    results: Results,
    objective: Objective,
    *,
    top: int = 3,
    replicates: int = 5,
    num_workers: int | None = None,
    data: Any = None,
    address: str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """The best `top` configurations, trained again `replicates` times each with fresh seeds.

    One row a configuration, best first: `trial`, the hyperparameters, the metric (the fresh
    mean), `standard_error`, `count`, and `selected_with`, the value that made it one of the best.
    That one is too good on average, since the luckiest are chosen (the winner's curse);
    the fresh mean is not. The trials are kept in a folder `confirm-…` inside the sweep's own, one
    for each choice of configurations; calling this again with more replicates adds to them.

    Args:
        results: of the sweep.
        objective: as it was in the sweep.
        top: how many of the best, at least 1.
        replicates: at least 2, which a standard error needs.
        num_workers, data, address, progress: as those of `sweeper.run`.

    Raises:
        TypeError: `results` are none.
        ValueError: an argument is wrong, or the objective computes with other values than in the
            sweep; all faults are in one message.
        LookupError: no configuration has finished, in the sweep or again; names the exception.
        Exception: whatever `sweeper.run` raises.
    """
    refuse(int_fault("top", top, 1), int_fault("replicates", replicates, 2))
    check_results(results)
    _ = results.best_row  # or nothing is there to confirm
    metric = results.metric
    best = results.summary.dropna(subset=metric.name)
    best = _best_first(best, metric).head(top)
    configs = {row.trial: row.config for row in results.rows}
    chosen = [configs[trial] for trial in best["trial"]]
    names = [name for name in results.sweep["config_space"] if any(name in c for c in chosen)]
    sweep = Sweep(
        objective,
        Space({name: [config[name] for config in chosen if name in config] for name in names}),
        RandomSearch(len(chosen), initial_configs=chosen),
        metric=metric,
        seed=trial_seed(results.sweep["seed"], _FRESH),
        replicates=replicates,
        resources=Resources(**results.sweep["resources"]),
        data_given=data is not None,
        fresh=results.sweep.get("fresh", False),
    )
    execution = Execution(
        num_workers=num_workers,
        folder=results.folder,
        name=f"confirm-{_digest(list(best['trial']))}",
        resume=True,
        address=address,
        progress=progress,
    )
    refuse(*objective_faults(objective, data is not None), *execution.faults())
    check_objective(results.sweep, objective, printer(progress))
    fresh = run_sweep(sweep, execution, data)
    _ = fresh.best_row if not fresh.summary["count"].any() else None  # which says why
    table = fresh.summary.assign(trial=list(best["trial"]))
    table["selected_with"] = list(best[metric.name])
    return _best_first(table, metric).reset_index(drop=True)


def _best_first(table: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    return table.iloc[np.argsort(metric.loss(table[metric.name].to_numpy()), kind="stable")]


def _digest(trials: list[int]) -> str:
    """A short name for some trials in their order."""
    return hashlib.sha256(" ".join(map(str, trials)).encode()).hexdigest()[:8]
