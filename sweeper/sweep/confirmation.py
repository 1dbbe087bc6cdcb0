"""Trains the best configurations again with fresh seeds, free of the winner's luck."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.analysis.certainty import Winner, winner_among
from sweeper.analysis.trained_again import as_replicates, best_means_first
from sweeper.cluster.resources import Resources
from sweeper.faults import refuse
from sweeper.live import printer
from sweeper.record import journal
from sweeper.record.objective_changes import check_objective
from sweeper.record.own_sweeps import check_folders
from sweeper.record.results import Results, check_results
from sweeper.record.sweep_definition import Sweep
from sweeper.record.sweep_folder import CONFIRMATION
from sweeper.search.random_search import RandomSearch
from sweeper.search.top_two import TopTwo
from sweeper.space.checks import Config
from sweeper.space.config_space import trial_seed
from sweeper.space.space import Space
from sweeper.sweep.confirmation_plan import EACH, FIRST, MOST_EACH, ConfirmationPlan
from sweeper.sweep.execution import Execution
from sweeper.sweep.sweep import run_sweep
from sweeper.worker.objective import Objective, objective_faults

_FRESH = 2**52  # no sweep has so many trials: seeds made with it were never used


def confirm(
    results: Results,
    objective: Objective,
    *,
    top: int = ConfirmationPlan.top,
    replicates: int | None = None,
    until: float | None = None,
    max_replicates: int | None = None,
    num_workers: int | None = None,
    data: Any = None,
    address: str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Trains the best `top` configurations again with fresh seeds, `replicates` times each or until
    the best one is known.

    Returns one row per configuration, best first: `trial`, the hyperparameters, the metric (the
    fresh mean), `standard_error`, `count`, `probability_best` (to be the best of them; NaN if
    nothing is known of the noise), and `selected_with`, the value that made it one of the best.
    That value is too good on average, since the luckiest are chosen (the winner's curse); the fresh
    mean is not.

    With `until`, replicates go to the configurations where they tell most
    (`sweeper.search.top_two`), until the best is known with that probability, or the others equal
    it for all practical purposes: they are better by at most half of what another seed changes.

    The trials are kept in a folder `confirm-…` inside the sweep's own, one for each choice of
    configurations; calling this again with more replicates, or another `until`, adds to them, and
    trains again what has failed (but not with `until`). Which configuration is trained next depends
    only on the trials before it: the table is the same for any number of workers with the same lag,
    and after any kill.

    Example:
        >>> fresh = sweeper.confirm(results, objective, top=2, replicates=3, address="inline")
        >>> fresh[["x", "validation_error", "count"]].to_dict("list")
        {'x': [2, 1], 'validation_error': [0.0, 1.0], 'count': [3, 3]}

    Args:
        results: the sweep's results.
        objective: the same as in the sweep.
        top: how many of the best to train, at least 1; with `until`, different ones.
        replicates: trainings of each, at least 2, which a standard error needs; None for 5, or what
            is on record if that is more. With `until`, the trainings that each gets before more go
            where they tell most; None for 2.
        until: a probability, at least 0.5 and below 1.
        max_replicates: with `until`, the largest number of trainings, over all configurations; None
            for 20 × `top`, or what is on record if that is more.
        num_workers, data, address, progress: as those of `sweeper.run`.

    Raises:
        TypeError: `results` are not results.
        ValueError: an argument is wrong, fewer trainings are asked for than are on record, or the
            objective computes with other values than in the sweep; all faults are in one message.
        LookupError: no configuration has finished, in the sweep or again; names the exception.
        Exception: whatever `sweeper.run` raises.
    """
    plan = ConfirmationPlan(top, replicates, until, max_replicates)
    execution = Execution(num_workers=num_workers, address=address, progress=progress)
    fresh = train_again(results, objective, plan, execution, data)
    table, sure = ranking(results, fresh)
    printer(progress)(sure.sentence)
    return table


def train_again(
    results: Results,
    objective: Objective,
    plan: ConfirmationPlan,
    execution: Execution,
    data: Any = None,
) -> Results:
    """Trains the best configurations again, as `confirm` does, or goes on with it.

    Returns the fresh trainings as replicates of the sweep's trials, and raises what `confirm` does,
    but for a LookupError if none of them has finished.
    """
    refuse(*plan.faults())
    check_results(results)
    _ = results.best_row  # or there is nothing to confirm
    whole = results.folder.parent
    if results.folder.name.startswith(CONFIRMATION) and (whole / "sweep.json").exists():
        raise ValueError(
            f"{results.folder}: is a confirmation itself. Give the folder of its sweep, {whole}."
        )
    adaptive = plan.until is not None
    chosen = _chosen(results, plan.top, different=adaptive)
    name = f"{CONFIRMATION}{_digest(list(chosen))}" + ("-until" if adaptive else "")
    # Where nothing was learned from failures, each call trains again what has failed.
    again = execution.retry_failed or not adaptive
    execution = replace(
        execution, folder=results.folder, name=name, resume=True, retry_failed=again
    )
    refuse(*objective_faults(objective, data is not None), *execution.faults())
    check_folders(results.folder)
    each, most = _extent(plan, len(chosen), results.folder / name)
    configs = [*chosen.values()]
    searcher: RandomSearch | TopTwo = RandomSearch(len(chosen), configs)
    if plan.until is not None:
        searcher = TopTwo(most, configs, float(plan.until), each)
        each = 1  # each training is a trial
    sweep = _sweep(results, objective, searcher)
    sweep = replace(sweep, replicates=each, data_given=data is not None)
    check_objective(results.sweep, objective, printer(execution.progress))
    return as_replicates(run_sweep(sweep, execution, data), results)


def ranking(results: Results, fresh: Results) -> tuple[pd.DataFrame, Winner]:
    """Returns the table of `confirm`, and how sure its first row is.

    Args:
        results: the sweep's results.
        fresh: what `train_again` returned.

    Raises:
        LookupError: no training has finished.
    """
    _ = fresh.best_row if not fresh.summary["count"].any() else None  # the error says why
    sure = winner_among(fresh, results.folder)
    return _table(results, fresh, sure), sure


def _extent(plan: ConfirmationPlan, num_configs: int, folder: Path) -> tuple[int, int]:
    """Returns how often each configuration is trained (with `until`, to begin with), and the most
    trainings of all.

    Raises:
        ValueError: the record in the folder, with which this goes on, has more.
    """
    before: dict[str, Any] = {"replicates": 0, "num_trials": 0, "searcher": {}}
    if (folder / "sweep.json").exists():
        before = journal.read(folder).sweep
    each, most, wrong = plan.replicates or FIRST, 0, []
    if plan.until is None:
        each = plan.replicates or max(EACH, before["replicates"])
        if each < before["replicates"]:
            wrong.append(("replicates", f"at least {before['replicates']}", each))
    else:
        first = before["searcher"].get("first", each)
        if each != first:
            wrong.append(("replicates", f"{first}", each))
        most = plan.max_replicates or max(MOST_EACH * num_configs, before["num_trials"])
        if most < before["num_trials"]:
            wrong.append(("max_replicates", f"at least {before['num_trials']}", most))
    refuse(
        *(
            f"{name} must be {rule}, as in {folder}, with which this goes on, but got {value} "
            "(int). Change it, or remove that folder to begin anew."
            for name, rule, value in wrong
        )
    )
    return each, most


def _chosen(results: Results, top: int, different: bool) -> dict[int, Config]:
    """Returns the best configurations, each once if they are to be different, by the number of
    their trial, best first.
    """
    best = best_means_first(results.summary.dropna(subset=results.metric.name), results.metric)
    configs = {row.trial: row.config for row in results.rows}
    chosen: dict[int, Config] = {}
    for trial in best["trial"]:
        if len(chosen) < top and not (different and configs[trial] in chosen.values()):
            chosen[int(trial)] = configs[trial]
    return chosen


def _sweep(results: Results, objective: Objective, searcher: RandomSearch | TopTwo) -> Sweep:
    configs = searcher.initial_configs
    names = [name for name in results.sweep["config_space"] if any(name in c for c in configs)]
    return Sweep(
        objective,
        Space({name: [config[name] for config in configs if name in config] for name in names}),
        searcher,
        metric=results.metric,
        seed=trial_seed(results.sweep["seed"], _FRESH),
        resources=Resources(**results.sweep["resources"]),
        fresh=results.sweep.get("fresh", False),
    )


def _table(results: Results, fresh: Results, sure: Winner) -> pd.DataFrame:
    table, trials = fresh.summary, fresh.summary["trial"]
    known = sure.probability_best.set_index("trial")
    selected = results.summary.set_index("trial")[results.metric.name]
    table["standard_error"] = trials.map(known["standard_error"])
    table["probability_best"] = trials.map(known["probability"])
    table["selected_with"] = trials.map(selected)
    return best_means_first(table, results.metric).reset_index(drop=True)


def _digest(trials: list[int]) -> str:
    """Returns a short name for some trials in their order."""
    return hashlib.sha256(" ".join(map(str, trials)).encode()).hexdigest()[:8]
