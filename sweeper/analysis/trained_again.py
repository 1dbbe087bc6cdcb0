"""Reads the fresh trainings of a sweep's best configurations, which `confirm` has made."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from sweeper.analysis.axes import key
from sweeper.record.results import Results, load
from sweeper.record.rows import Row
from sweeper.record.sweep_folder import CONFIRMATION
from sweeper.search.metric import Metric
from sweeper.terminal import bounded

_MOST_FOLDERS = 100


@dataclass(frozen=True)
class TrainedAgain:
    """The fresh trainings in a sweep's folder.

    Attributes:
        results: all of them, as replicates of the sweep's trials; None if there are none.
        confirmations: the results of each call of `confirm` on its own.
        unreadable: names of confirmations, and of lines of them, that can't be read.
    """

    results: Results | None
    confirmations: list[Results]
    unreadable: list[str]


def trained_again(results: Results) -> TrainedAgain:
    """Returns the trainings of all confirmations in a sweep's folder; those still to end are left
    out.
    """
    found: dict[tuple[int, int], Row] = {}  # with one seed a trial is trained once
    confirmations, unreadable = [], []
    for folder in _folders(results):
        try:
            fresh = load(folder)
        except (OSError, ValueError) as error:
            unreadable.append(bounded(str(error), 300))
            continue
        confirmations.append(fresh)
        unreadable += fresh.unreadable
        for row in as_replicates(fresh, results).rows:
            if row.status != "interrupted":
                found.setdefault((row.trial, row.seed), row)
    rows = list(_numbered(found.values()))
    everything = Results(results.folder, results.sweep, rows) if rows else None
    return TrainedAgain(everything, confirmations, unreadable)


def as_replicates(fresh: Results, results: Results) -> Results:
    """Returns the trainings of one confirmation as replicates of the sweep's trials with the same
    configurations, the best of equal ones first; others are left out.
    """
    summary = results.summary.dropna(subset=results.metric.name)
    configs = {row.trial: row.config for row in results.rows}
    trials: dict[str, list[int]] = {}
    for trial in best_means_first(summary, results.metric)["trial"]:
        trials.setdefault(key(configs[trial]), []).append(int(trial))
    # With `until`, each training is a trial; else each trial stands for another one of the sweep.
    is_adaptive = fresh.sweep["searcher"].get("kind") == "TopTwo"
    of_fresh: dict[int, int] = {}
    places: Counter[str] = Counter()
    rows = []
    for row in fresh.rows:
        equal = trials.get(name := key(row.config))
        if equal is None:
            continue
        if row.trial not in of_fresh:
            of_fresh[row.trial] = equal[min(places[name], len(equal) - 1)]
            places[name] += not is_adaptive
        rows.append(replace(row, trial=of_fresh[row.trial]))
    return Results(fresh.folder, fresh.sweep, list(_numbered(rows)))


def best_means_first(summary: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Returns the rows of a `Results.summary`, the best mean first."""
    losses = metric.loss(summary[metric.name].to_numpy())
    return summary.iloc[np.argsort(losses, kind="stable")]


def _numbered(rows: Iterable[Row]) -> Iterator[Row]:
    """Yields rows as replicates 0, 1, … of their trials."""
    counts: Counter[int] = Counter()
    for row in rows:
        yield replace(row, replicate=counts[row.trial])
        counts[row.trial] += 1


def _folders(results: Results) -> list[Path]:
    """Lists the folders of confirmations inside the sweep's own; links are left out."""
    if not results.folder:
        return []
    found = sorted(Path(results.folder).glob(f"{CONFIRMATION}*/sweep.json"))
    folders = [path.parent for path in found if not path.parent.is_symlink()]
    return folders[:_MOST_FOLDERS]
