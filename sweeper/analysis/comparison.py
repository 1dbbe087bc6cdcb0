"""Compares sweeps: which searcher or space gets further with the same budget."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from sweeper.analysis.draws import stops_early
from sweeper.analysis.repetitions import labels
from sweeper.analysis.trajectories import Trajectory, trajectory
from sweeper.analysis.verdict import sentence
from sweeper.faults import refuse
from sweeper.record.results import Results, load
from sweeper.search.metric import Metric
from sweeper.space.checks import check_seed

_BUDGETS = ("trials", "epochs", "seconds")
_CONFIDENCE = 0.9
_MOST_POINTS = 200


@dataclass(frozen=True)
class Comparison:
    """Any-time curves of several sweeps, and a test whether they differ by more than noise.

    Attributes:
        curves: `sweep` (a label), `budget`, `mean`, `low`, `high`: the best value of the metric so
            far; sweeps that differ only in their seeds are repetitions of one label. Each curve
            goes on as far as the shortest of its repetitions.
        finals: one row per sweep: `sweep`, `folder`, `seed`, `trials`, `best` at the common budget.
        budget: `trials`, `epochs` or `seconds`.
        limit: the common budget, that of the smallest sweep.
        sentence: the result of the rank test in words.
        metric: the metric that all of them optimised.
    """

    curves: pd.DataFrame
    finals: pd.DataFrame
    budget: str
    limit: float
    sentence: str
    metric: Metric = Metric()


@np.errstate(all="ignore")
def compare(
    sweeps: Sequence[Results | str | Path], budget: str | None = None, seed: int = 0
) -> Comparison:
    """Compares sweeps side by side, at the budget of the smallest.

    Sweeps with the same objective, space and searcher (whatever its `num_trials`) but other seeds
    are repetitions of one label. A label's `mean` is the mean of their best values so far, `low`
    and `high` are its 90 % interval by Student's t; all are NaN until each has a finished trial. A
    label with a single sweep has the mean over random orders of its trials, of those orders in
    which one has finished by then (NaN if fewer than half), and the range from 5 % to 95 % of a
    bootstrap of its trials. If the order matters, as with Sobol and Bayesian search and with early
    stopping, it has the values as reached, without a range. Any-time performance: Dive into Deep
    Learning, section 19.2.

    Labels with repetitions are compared by the Mann-Whitney U test of their best values, several
    with Holm's correction. If one has a single sweep, this test is impossible: the sentence then
    gives the test over the values of trials, which is about typical trials and not about the best
    ones.

    Example:
        >>> def objective(config):
        ...     return (config["x"] - 2) ** 2
        >>> options = {"address": "inline", "seed": 0}
        >>> one, other = (
        ...     sweeper.run(objective, {"x": stats.uniform(0, 4)}, searcher, **options)
        ...     for searcher in (sweeper.RandomSearch(4), sweeper.SobolSearch(4))
        ... )
        >>> sweeper.compare([one, other]).finals["sweep"].to_list()
        ['RandomSearch', 'SobolSearch']

    Args:
        sweeps: two or more results or folders of sweeps.
        budget: `trials` that ended, `epochs` that they trained (stopped and failed ones too), or
            `seconds` since the start. Without one, `epochs` if any sweep stops trials early, since
            its trials cost less than others, else `trials`.
        seed: the bootstrap's seed.

    Raises:
        ValueError: fewer than two sweeps, the same one twice, an unknown budget, a seed out of
            range, a sweep in which nothing ended, or sweeps of different metrics or modes.
        TypeError: `sweeps` is a single path or results, or holds anything else; `seed` is not an
            int.
        FileNotFoundError: a folder holds no sweep.
    """
    check_seed(seed)
    read, budget, metric = _read(sweeps, budget)
    limit = _shortest(read)
    groups = {label: [s for s in read if s.label == label] for label in _labels(read)}
    rng = np.random.default_rng(seed)
    curves = pd.concat(
        [
            _curve(label, group, _points(read, _shortest(group), limit, budget), rng)
            for label, group in groups.items()
        ],
        ignore_index=True,
    )
    rows = [
        (s.label, s.folder, s.seed, int((s.spent <= limit).sum()), s.best_at(np.array([limit]))[0])
        for s in read
    ]
    finals = pd.DataFrame(rows, columns=["sweep", "folder", "seed", "trials", "best"])
    return Comparison(
        curves=_turned_back(curves, metric),
        finals=finals.assign(best=metric.loss(finals["best"].replace(np.inf, np.nan))),
        budget=budget,
        limit=limit,
        sentence=sentence(groups, limit, budget, metric),
        metric=metric,
    )


def _turned_back(curves: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Turns curves of losses into curves of the metric."""
    low, high = metric.interval(curves["low"], curves["high"])
    return curves.assign(mean=metric.loss(curves["mean"]), low=low, high=high)


def _labels(read: list[Trajectory]) -> list[str]:
    return list(dict.fromkeys(sweep.label for sweep in read))


# Reading


def _read(sweeps: Any, budget: str | None) -> tuple[list[Trajectory], str, Metric]:
    example = "Write sweeper.compare(['runs/one', 'runs/other'])."
    if isinstance(sweeps, str | Path | Results):
        raise TypeError(f"compare needs a list of sweeps, but got one alone. {example}")
    if not isinstance(sweeps, Iterable):
        raise TypeError(
            f"compare needs a list of sweeps, but got {sweeps!r} ({type(sweeps).__name__}). "
            f"{example}"
        )
    found = list(sweeps)
    wrong = [s for s in found if not isinstance(s, str | Path | Results)]
    if wrong:
        kinds = ", ".join(sorted({type(s).__name__ for s in wrong}))
        raise TypeError(f"compare needs results or folders, but got {kinds}. {example}")
    faults = []
    if len(found) < 2:
        faults.append(f"compare needs at least two sweeps, but got {len(found)}. {example}")
    if budget is not None and budget not in _BUDGETS:
        faults.append(f"budget must be one of {', '.join(_BUDGETS)}, but got {budget!r}.")
    if faults:
        raise ValueError("\n".join(faults))
    results = [s if isinstance(s, Results) else load(s) for s in found]
    refuse(*_twice(results))
    metric = _metric_of(results)
    budget = budget or ("epochs" if any(map(stops_early, results)) else "trials")
    named = zip(labels(results), results, strict=True)
    read = [trajectory(one, label, budget) for label, one in named]
    faults = [
        f"{s.folder}: no trial has ended with a number of {budget}, so that there is nothing to "
        "compare. Wait for it, leave it out, or take another budget."
        for s in read
        if not len(s.spent) or not s.spent[-1] > 0
    ]
    if faults:
        raise ValueError("\n".join(faults))
    return read, budget, metric


def _metric_of(results: list[Results]) -> Metric:
    """Returns the metric that all have optimised. Raises a ValueError if they differ."""
    metrics = [one.metric for one in results]
    if len(set(metrics)) > 1:
        each = [
            f"{r.folder} has {m.name!r} ({m.mode})" for r, m in zip(results, metrics, strict=True)
        ]
        raise ValueError(
            "compare needs sweeps of one metric and one mode, since numbers of different kinds are "
            f"neither better nor worse than each other: {', '.join(each)}. Leave some out."
        )
    return metrics[0]


def _twice(results: list[Results]) -> list[str]:
    """Lists sweeps that occur twice, one sentence each."""
    # Results made by hand have no time; they are recognised by being the same object.
    places = [(str(r.folder.resolve()), r.sweep.get("created", id(r))) for r in results]
    return [
        f"{results[i].folder} is given twice. Leave one out."
        for i, place in enumerate(places)
        if place in places[:i]
    ]


# Curves


def _shortest(group: list[Trajectory]) -> float:
    """Returns the budget that each of them has spent."""
    return min(float(sweep.spent[-1]) for sweep in group)


def _points(read: list[Trajectory], end: float, limit: float, budget: str) -> np.ndarray:
    """Returns the budgets at which a curve is given: up to its `end`, with the common `limit`."""
    if budget == "trials" and end <= _MOST_POINTS:
        return np.arange(1, int(end) + 1, dtype=float)
    spent = np.unique(np.concatenate([[limit], *(s.spent for s in read)]))
    spent = spent[(spent > 0) & (spent <= end)]
    if len(spent) > _MOST_POINTS:
        at = np.geomspace(1, len(spent), _MOST_POINTS).round().astype(int) - 1
        spent = np.union1d(spent[np.unique(at)], [limit])
    return spent


def _curve(
    label: str, group: list[Trajectory], points: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    if len(group) > 1:
        best = np.array([sweep.best_at(points) for sweep in group])
        best = np.where(np.isfinite(best).all(axis=0), best, np.nan)
        mean = best.mean(axis=0)
        quantile = stats.t.ppf((1 + _CONFIDENCE) / 2, len(group) - 1)
        half = quantile * best.std(axis=0, ddof=1) / math.sqrt(len(group))
        low, high = mean - half, mean + half
    elif not group[0].any_order:
        mean = group[0].best_at(points)
        low = high = np.full(len(points), np.nan)
    else:
        orders = group[0].reordered(points, rng, again=False)
        finite = np.isfinite(orders)
        total = np.where(finite, orders, 0).sum(axis=0)
        mean = np.where(
            finite.mean(axis=0) >= 0.5, total / np.maximum(finite.sum(axis=0), 1), np.nan
        )
        resampled = group[0].reordered(points, rng, again=True)
        tails = [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2]
        low, high = np.quantile(resampled, tails, axis=0, method="nearest")
        low, high = np.fmin(low, mean), np.fmax(high, mean)
        low, high = (np.where(np.isfinite(mean), bound, np.nan) for bound in (low, high))
    table = {"sweep": label, "budget": points, "mean": mean, "low": low, "high": high}
    return pd.DataFrame(table).replace(np.inf, np.nan)
