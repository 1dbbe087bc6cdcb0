"""Turns the hyperparameters of a sweep into axes: every value at its probability.

On such an axis from 0 to 1 a random search is uniform, whatever the distribution, so that "the top
4 % of its range" means the same for all hyperparameters.
"""

import itertools
import json
import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from sweeper.record.results import Results
from sweeper.search.metric import Metric
from sweeper.space.conditions import ABSENT, When, law_in, laws
from sweeper.space.distributions import is_discrete, is_distribution, reach
from sweeper.space.text import read_value


@dataclass(frozen=True)
class Axis:
    """One hyperparameter, with one entry for each configuration, in the order of trials.

    Attributes:
        name: the hyperparameter's name.
        distribution: a distribution of scipy.stats; None for choices, constants and values without
            a text form.
        values: floats; NaN where the value is not a number, and everywhere if any label is not one.
        u: the probability of a value up to this one, the middle of a step if discrete; NaN where
            the value is missing, as under a condition that does not hold, or is a constant there.
        labels: the choices, in order of size if they are numbers; empty for distributions.
        codes: which label each configuration has, -1 for none; empty for distributions.
        num_distributions: the number of distributions it has under different conditions.
    """

    name: str
    distribution: Any
    values: np.ndarray
    u: np.ndarray
    labels: list[Any]
    codes: np.ndarray
    num_distributions: int = 1

    @property
    def is_number(self) -> bool:
        """True if its values have an order and distances."""
        return bool(np.isfinite(self.values).any())

    @cached_property
    def varies(self) -> bool:
        """True if it has more than one value here."""
        return len(np.unique(self.u[np.isfinite(self.u)])) > 1


@np.errstate(all="ignore")
def configurations(results: Results) -> pd.DataFrame:
    """Returns one row per configuration, in the order of trials.

    Columns: `trial`; `status`, `finished` if any replicate has finished; `loss`, the mean over its
    finished replicates, NaN if there are none; `count` of them; `sd` between them, NaN if fewer
    than two; `end_s` of its last replicate, since the start of the sweep; `epochs` of all its
    replicates; `last_loss`, the loss after the last epoch, also of a stopped one. Losses are values
    of the metric turned so that low is good, as `Results.losses`; `Metric.loss` turns them back.
    """
    frame = results.frame[["trial", "status", "start_s", "runtime_s", "epochs"]]
    losses = results.losses
    finished = (frame["status"] == "finished") & np.isfinite(losses)
    stopped = (frame["status"] == "stopped") & np.isfinite(losses)
    frame = frame.assign(
        last_loss=losses.where(finished | stopped),
        loss=losses.where(finished),
        epochs=frame["epochs"].astype("float64").fillna(0.0),
        end_s=frame["start_s"] + frame["runtime_s"],
    )
    groups = frame.groupby("trial", sort=True)
    table = groups.agg(
        status=("status", "first"),
        loss=("loss", "mean"),
        count=("loss", "count"),
        sd=("loss", "std"),
        end_s=("end_s", "max"),
        epochs=("epochs", "sum"),
        last_loss=("last_loss", "mean"),
    ).reset_index()
    # A finished row without a number comes from a hostile or damaged record: it counts as failed.
    table["status"] = table["status"].where(table["status"] != "finished", "failed")
    table["status"] = table["status"].where(table["count"] == 0, "finished")
    return table


def standings(table: pd.DataFrame) -> np.ndarray:
    """Ranks each row of `configurations`, low is good; infinite for those that failed or diverged.

    Finished ones come first, by their loss; then stopped ones, by their epochs and then by their
    loss: a low loss after few epochs tells less than a rung that was passed. One that was stopped
    without a number, such as at NaN, has diverged.
    """
    finished = (table["status"] == "finished").to_numpy()
    stopped = ((table["status"] == "stopped") & table["last_loss"].notna()).to_numpy()
    places = np.full(len(table), np.inf)
    places[finished] = stats.rankdata(table["loss"][finished], method="dense")
    later = table.loc[stopped, ["epochs", "last_loss"]]
    if len(later):
        order = later.assign(epochs=-later["epochs"])
        _, place = np.unique(order.to_numpy(), axis=0, return_inverse=True)
        places[stopped] = finished.sum() + 1 + place.ravel()
    return places


def least_loss(losses: np.ndarray, metric: Metric) -> float:
    """Returns a lower bound of losses, as far as it shows: 0 if they are never negative, as for
    errors; the loss of 1 if high is good and all are from 0 to 1, as accuracies are; else -inf.
    """
    if metric.is_high_good and ((losses >= -1) & (losses <= 0)).all():
        return -1.0
    return 0.0 if (losses >= 0).all() else -math.inf


def diverged(table: pd.DataFrame) -> np.ndarray:
    """Returns which rows of `configurations` failed or diverged, also if stopped for that."""
    without = (table["status"] == "stopped") & table["last_loss"].isna()
    return (table["status"].isin(["failed", "diverged"]) | without).to_numpy()


def axes(results: Results) -> list[Axis]:
    """Returns the hyperparameters in the space's order, with an entry per configuration."""
    configs = {row.trial: row.config for row in reversed(results.rows)}
    rows = [configs[trial] for trial in sorted(configs)]
    return [_axis(name, text, rows) for name, text in results.sweep["config_space"].items()]


def _axis(name: str, text: Any, configs: list[dict[str, Any]]) -> Axis:
    recorded = read_recorded(text)
    space = the_law(recorded)
    values = [config.get(name, ABSENT) for config in configs]
    numbers = np.array([number(value) for value in values], dtype=float)
    # With conditions, the law that holds in each configuration; a constant has no probability.
    held = [law_in(recorded, config) for config in configs] if isinstance(recorded, When) else None
    distributions = [law for law in laws(recorded) if is_distribution(law)]
    if held is not None and distributions:
        u = np.full(len(values), np.nan)
        for law in distributions:
            here = np.array([one is law for one in held], dtype=bool)
            u[here] = _probabilities(law, numbers[here])
        return Axis(name, space, numbers, u, [], np.empty(0, int), len(distributions))
    if is_distribution(space):
        return Axis(name, space, numbers, _probabilities(space, numbers), [], np.empty(0, int))
    present = np.array([value is not ABSENT for value in values], dtype=bool)
    if (
        not isinstance(space, list | tuple)
        and present.any()
        and np.isfinite(numbers[present]).all()
    ):
        # A distribution without text form: the value's place among those seen.
        u = (pd.Series(numbers).rank(method="average").to_numpy() - 0.5) / present.sum()
        return Axis(name, None, numbers, u, [], np.empty(0, int))
    there = [value for value in values if value is not ABSENT]
    labels = _distinct([*space, *there] if isinstance(space, list | tuple) else there)
    sizes = [number(label) for label in labels]
    if np.isfinite(sizes).all():
        labels = [label for _, label in sorted(zip(sizes, labels, strict=True), key=lambda p: p[0])]
    else:
        numbers = np.full(len(values), np.nan)
    index = {key(label): code for code, label in enumerate(labels)}
    codes = np.array([-1 if v is ABSENT else index.get(key(v), -1) for v in values], dtype=int)
    u = np.where(codes < 0, np.nan, (codes + 0.5) / max(1, len(labels)))
    if held is not None:
        u[[not isinstance(law, list | tuple) for law in held]] = np.nan
    return Axis(name, None, numbers, u, labels, codes)


def read_recorded(text: Any) -> Any:
    """Returns a hyperparameter's entry in the record; None if it can't be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy raises on tables that it accepted before
            return read_value(text)
    except Exception:  # hostile text; SciPy raises nearly anything
        return None


def the_law(recorded: Any) -> Any:
    """Returns what a hyperparameter's axis is made of, whatever its conditions: its only
    distribution, or all its choices and constants; None if it has several distributions.
    """
    if not isinstance(recorded, When):
        return recorded
    every = list(laws(recorded))
    distributions = [law for law in every if is_distribution(law)]
    if distributions:
        return distributions[0] if len(distributions) == 1 else None
    lists = [law if isinstance(law, list | tuple) else [law] for law in every]
    return _distinct(itertools.chain(*lists))


def _probabilities(distribution: Any, values: np.ndarray) -> np.ndarray:
    """Returns the probability up to each value; at steps that up to the middle of the step."""
    distinct, back = np.unique(values, return_inverse=True)
    try:
        distinct = np.where(distinct <= reach(distribution), distinct, np.nan)
        with np.errstate(all="ignore"):
            upper = np.asarray(distribution.cdf(distinct), dtype=float)
            if is_discrete(distribution):
                upper = upper - np.asarray(distribution.pmf(distinct), dtype=float) / 2
    except Exception:  # of a hostile text; SciPy raises nearly anything
        return np.full(len(values), np.nan)
    return upper[back]


def number(value: Any) -> float:
    """Returns the value as a float; NaN if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        found = float(value)
    except OverflowError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Returns each value once, in order of appearance."""
    found: dict[str, Any] = {}
    for value in values:
        found.setdefault(key(value), value)
    return list(found.values())


def key(value: Any) -> str:
    """Returns a text that tells values apart, even 1, 1.0 and True; tuples are as lists."""
    if type(value) in (int, float):
        return repr(value)  # as JSON has it, and faster
    return json.dumps(value, sort_keys=True, default=repr)
