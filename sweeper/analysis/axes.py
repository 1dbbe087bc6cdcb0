"""The hyperparameters of a sweep as axes: every value at its probability.

On such an axis from 0 to 1 a random search is uniform, whatever the distribution, so that whatever
is said of "the top 4 % of its range" holds for all of them.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from sweeper.record.results import Results
from sweeper.space.checks import is_distribution
from sweeper.space.config_space import is_discrete
from sweeper.space.text import read_value


@dataclass(frozen=True)
class Axis:
    """One hyperparameter, with one entry for each configuration, in the order of trials.

    Attributes:
        name: the hyperparameter's.
        distribution: of scipy.stats; None for choices, constants and what has no text form.
        values: floats; NaN where the value is no number, and everywhere if any label is no number.
        u: the probability of a value up to this one, the middle of a step if discrete; NaN where
            the value is missing.
        labels: the choices, in order of size if they are numbers; empty for distributions.
        codes: which label each configuration has, -1 for none; empty for distributions.
    """

    name: str
    distribution: Any
    values: np.ndarray
    u: np.ndarray
    labels: list[Any]
    codes: np.ndarray

    @property
    def is_number(self) -> bool:
        """Whether its values have an order and distances."""
        return bool(np.isfinite(self.values).any())

    @cached_property
    def varies(self) -> bool:
        """Whether it has more than one value here."""
        return len(np.unique(self.u[np.isfinite(self.u)])) > 1


def configurations(results: Results) -> pd.DataFrame:
    """One row a configuration, in the order of trials.

    Columns: `trial`; `status`, `finished` if any replicate has finished; `validation_error`, the
    mean over its finished replicates, NaN if there are none; `count` of them; `sd` between them,
    NaN if fewer than two; `end_s` of its last replicate, since the start of the sweep.
    """
    frame = results.frame[["trial", "status", "validation_error", "start_s", "runtime_s"]]
    finished = (frame["status"] == "finished") & np.isfinite(frame["validation_error"])
    frame = frame.assign(
        validation_error=frame["validation_error"].where(finished),
        end_s=frame["start_s"] + frame["runtime_s"],
    )
    groups = frame.groupby("trial", sort=True)
    table = groups.agg(
        status=("status", "first"),
        validation_error=("validation_error", "mean"),
        count=("validation_error", "count"),
        sd=("validation_error", "std"),
        end_s=("end_s", "max"),
    ).reset_index()
    # A row that claims to have finished without a number is hostile or damaged: it has failed.
    table["status"] = table["status"].where(table["status"] != "finished", "failed")
    table["status"] = table["status"].where(table["count"] == 0, "finished")
    return table


def axes(results: Results) -> list[Axis]:
    """The hyperparameters, in the order of the space; one entry each for `configurations`."""
    configs = {row.trial: row.config for row in reversed(results.rows)}
    rows = [configs[trial] for trial in sorted(configs)]
    return [
        _axis(name, text, [config.get(name) for config in rows])
        for name, text in results.sweep["config_space"].items()
    ]


def _axis(name: str, text: Any, values: list[Any]) -> Axis:
    space = read_recorded(text)
    numbers = np.array([number(value) for value in values], dtype=float)
    if is_distribution(space):
        return Axis(name, space, numbers, _probabilities(space, numbers), [], np.empty(0, int))
    if not isinstance(space, list | tuple) and np.isfinite(numbers).all() and len(numbers):
        # A distribution without text form: where it lies among those seen.
        u = (pd.Series(numbers).rank(method="average").to_numpy() - 0.5) / len(numbers)
        return Axis(name, None, numbers, u, [], np.empty(0, int))
    labels = _distinct([*space, *values] if isinstance(space, list | tuple) else values)
    sizes = [number(label) for label in labels]
    if np.isfinite(sizes).all():
        labels = [label for _, label in sorted(zip(sizes, labels, strict=True), key=lambda p: p[0])]
    else:
        numbers = np.full(len(values), np.nan)
    index = {key(label): code for code, label in enumerate(labels)}
    codes = np.array([index.get(key(value), -1) for value in values], dtype=int)
    return Axis(name, None, numbers, (codes + 0.5) / max(1, len(labels)), labels, codes)


def read_recorded(text: Any) -> Any:
    """What the record says of a hyperparameter; None if it can't be read."""
    try:
        return read_value(text)
    except Exception:  # hostile text; SciPy raises nearly anything
        return None


def _probabilities(distribution: Any, values: np.ndarray) -> np.ndarray:
    """The probability up to each value; at steps that up to the middle of the step."""
    distinct, back = np.unique(values, return_inverse=True)
    with np.errstate(all="ignore"):
        upper = np.asarray(distribution.cdf(distinct), dtype=float)
        if is_discrete(distribution):
            upper = upper - np.asarray(distribution.pmf(distinct), dtype=float) / 2
    return upper[back]


def number(value: Any) -> float:
    """The value as a float; NaN if it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        found = float(value)
    except OverflowError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Each value once, in the order of coming."""
    found: dict[str, Any] = {}
    for value in values:
        found.setdefault(key(value), value)
    return list(found.values())


def key(value: Any) -> str:
    """A text that tells values apart, 1, 1.0 and True too; the record has tuples as lists."""
    if type(value) in (int, float):
        return repr(value)  # as JSON has it, and faster
    return json.dumps(value, sort_keys=True, default=repr)
