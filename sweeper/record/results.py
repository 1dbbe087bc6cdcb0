"""The results of a sweep: its rows as DataFrames, and its best configuration."""

import html
import math
from collections import Counter
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeper.faults import path_fault
from sweeper.record import journal
from sweeper.record.columns import best_first, column, columns_for
from sweeper.record.given_values import as_given
from sweeper.record.listing import screen_width, table
from sweeper.record.looks import read_looks
from sweeper.record.mirror import left_on_head
from sweeper.record.rows import STATUSES, Row, others
from sweeper.record.settled import read_scheduler, settled
from sweeper.search.metric import CURVE_COLUMNS, Metric, read_metric
from sweeper.space.conditions import ABSENT
from sweeper.terminal import bounded, one_line
from sweeper.training.trial import trial_folder

_KEYS = ["trial", "replicate"]
_OUTCOMES = ["epochs", "status", "seed", "start_s", "runtime_s", "worker"]
_OUTCOMES += ["node", "exception"]
_OF_MEANS = ["standard_error", "count"]
# A hyperparameter with such a name has the column `config.<name>`.
COLUMNS = {*_KEYS, *_OUTCOMES, *_OF_MEANS}


class Results:
    """The trials of a sweep. Made by `sweeper.run` and `sweeper.load`.

    Attributes:
        folder: the folder with the sweep's record.
        sweep: a description of what was run: space as text, searcher, seed, versions, git commit.
        rows: one dict a trial, in the order of trials; tracebacks included.
        unreadable: names of lines of the record that a crash cut short.

    Example:
        >>> results.best_config, results.best_error
        ({'x': 2}, 0.0)
    """

    def __init__(
        self,
        folder: Path,
        sweep: dict[str, Any],
        rows: list[Row],
        unreadable: list[str] | None = None,
    ) -> None:
        self.folder = folder
        self.sweep = sweep
        self.rows = sorted(rows, key=lambda row: (row.trial, row.replicate))
        self.unreadable = unreadable or []

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per trial: `trial`, `replicate`, the hyperparameters, the metric, others, …

        The metric's column has the metric's name and holds the objective's last value, NaN if there
        is none. A hyperparameter with the name of another column, such as `epochs`, has the column
        `config.epochs`; `best_config["epochs"]` keeps the name of the space. Another metric with
        such a name is called `metric.<name>`. `start_s` counts from the start of the sweep,
        `runtime_s` is the time spent in the objective. `frame.attrs["test_looks"]` counts the looks
        at the test set.
        """
        names = self.hyperparameter_columns
        table: dict[str, Any] = {
            "trial": [row.trial for row in self.rows],
            "replicate": [row.replicate for row in self.rows],
        }
        for name, shown in names.items():
            table[shown] = column([row.config.get(name, ABSENT) for row in self.rows])
        table[self.metric.name] = pd.Series([row.value for row in self.rows], dtype="float64")
        others = self.other_metrics
        for name, shown in others.items():
            values = [row.metrics.get(name) for row in self.rows]
            table[shown] = pd.Series(values, dtype="float64")
        for name in ("start_s", "runtime_s"):
            table[name] = pd.Series([getattr(row, name) for row in self.rows], dtype="float64")
        table["epochs"] = pd.Series([row.epochs for row in self.rows], dtype="Int64")
        for name in ("status", "worker", "node", "exception"):
            table[name] = pd.Series([getattr(row, name) for row in self.rows], dtype="object")
        table["seed"] = pd.Series([row.seed for row in self.rows], dtype="int64")
        columns = [*_KEYS, *names.values(), self.metric.name, *others.values(), *_OUTCOMES]
        frame = pd.DataFrame(table, columns=columns)
        frame.attrs["test_looks"] = len(self.test_looks)
        return frame

    @property
    def hyperparameter_columns(self) -> dict[str, str]:
        """The hyperparameters and their columns in the frame, which differ if a name is that of
        another column or has half a surrogate pair, as in foreign records.
        """
        return columns_for(self.sweep["config_space"], "config.", {*COLUMNS, self.metric.name})

    @cached_property
    def metric(self) -> Metric:
        """The metric that was optimised: its `name`, and its `mode`, "min" or "max"."""
        return read_metric(self.sweep)

    @property
    def losses(self) -> pd.Series:
        """The metric's column of the frame as losses, where low is good."""
        return self.metric.loss(self.frame[self.metric.name])

    @cached_property
    def other_metrics(self) -> dict[str, str]:
        """The other metrics of the trials, and their columns in the frame and the curves."""
        found = dict.fromkeys(name for row in self.rows for name in row.metrics)
        for row in self.rows:
            for point in row.curve[-1:]:
                found |= dict.fromkeys(others(point))
        taken = {*COLUMNS, *CURVE_COLUMNS, *self.hyperparameter_columns.values(), self.metric.name}
        return columns_for(found, "metric.", taken)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Learning curves, one row per epoch: `trial`, `replicate`, `epoch`, the metric, the
        other metrics, `elapsed_s` (since the start of the trial).
        """
        numbers = ["trial", "replicate", "epoch", self.metric.name]
        names = self.other_metrics
        points = [
            [
                *(row.trial, row.replicate, int(point[0]), float(point[1])),
                *(others(point).get(name, math.nan) for name in names),
                float(point[2]),
            ]
            for row in self.rows
            for point in row.curve
        ]
        columns = [*numbers, *names.values(), "elapsed_s"]
        types = dict.fromkeys(columns, "float64") | dict.fromkeys(numbers[:3], "int64")
        return pd.DataFrame(points, columns=columns).astype(types)

    @cached_property
    @np.errstate(all="ignore")  # sums of huge numbers are infinite
    def summary(self) -> pd.DataFrame:
        """One row per configuration: `trial`, the hyperparameters, the metric (the mean of its
        finished replicates), `standard_error` of that mean (NaN for fewer than two), `count`.
        """
        names = list(self.hyperparameter_columns.values())
        finished = self.frame[self.metric.name].where(self.frame["status"] == "finished")
        by_trial = finished.groupby(self.frame["trial"])
        first = self.frame.drop_duplicates("trial").set_index("trial")[names]
        means = pd.DataFrame(
            {
                self.metric.name: by_trial.mean(),
                "standard_error": by_trial.sem(),
                "count": by_trial.count(),
            }
        )
        columns = ["trial", *names, *means.columns]
        return first.join(means).reset_index()[columns]

    @property
    def best_row(self) -> Row:
        """The best configuration's row, of replicates the first. Raises LookupError if none.

        The best configuration (the incumbent) has the best mean of the metric (lowest, or highest
        if `mode` is "max") among those whose replicates have all finished; of equal ones the
        earlier.
        """
        summary = self.summary
        whole = summary[summary["count"] >= self.sweep.get("replicates", 1)]
        if whole.empty:
            first = next((row.exception for row in self.rows if row.exception), None)
            hint = f" The first exception: {first}" if first else ""
            raise LookupError(f"No configuration has finished ({self.statuses()}).{hint}")
        trial = whole["trial"][self.metric.loss(whole[self.metric.name]).idxmin()]
        return next(row for row in self.rows if row.trial == trial)

    @property
    def best_config(self) -> dict[str, Any]:
        """The best configuration. Raises LookupError if no configuration has finished."""
        return dict(self.best_row.config)

    @property
    def best_value(self) -> float:
        """The best configuration's mean of the metric. Raises LookupError if there is none."""
        trial = self.best_row.trial
        summary = self.summary
        return float(summary[self.metric.name][summary["trial"] == trial].iloc[0])

    @property
    def best_error(self) -> float:
        """The best configuration's mean validation error, the same as `best_value`. Raises
        LookupError if there is none, AttributeError if another metric was optimised.
        """
        if self.metric != Metric():
            raise AttributeError(
                f"best_error: the sweep has optimised {self.metric.name} ({self.metric.mode}). "
                "Take best_value"
            )
        return self.best_value

    @property
    def best_folder(self) -> Path:
        """The folder that the best trial, of replicates the first, made with
        `sweeper.current_trial().folder`. Raises LookupError if there is no best one,
        FileNotFoundError if it made none, or it was not kept or is on a cluster's head.
        """
        folder = trial_folder(self.folder, self.best_row.key)
        if not folder.is_dir():
            why = left_on_head(self.folder) or (
                "the trial made no folder with sweeper.current_trial().folder, or keep='none' "
                "removed it, or an earlier run, in which it was not among the best three."
            )
            raise FileNotFoundError(f"{folder}: {why}")
        return folder

    @property
    def test_looks(self) -> list[dict[str, Any]]:
        """The looks at the test set so far: `time`, `trial`, `config`, `test_error`."""
        return read_looks(self.folder)[0] if self.folder else []

    def table(self, most: int = 20, width: int | None = None) -> str:
        """Returns the trials as text, best first, at most `most`. If `width`, in characters, is
        too small for all columns, the last ones are only named.
        """
        if not self.rows:
            return "no trial has ended"
        metrics = [self.metric.name, *self.other_metrics.values()]
        return table(best_first(self.frame, self.losses), metrics, most, width)

    def overview(self, most: int = 20, width: int | None = None) -> str:
        """Returns the table, how many trials ended how, and the best one; arguments as `table`."""
        lines = [self.table(most, width), "", self.statuses()]
        with suppress(LookupError):  # no configuration has finished
            best = self.metric.best(self.best_value).removeprefix("best ")
            lines.append(one_line(f"best: {best} with {self.best_config}"))
        return "\n".join(lines)

    def statuses(self) -> str:
        """Returns how many trials ended how, such as `14 finished, 2 failed`."""
        counts = Counter(row.status for row in self.rows)
        ended = [f"{counts[status]:,} {status}" for status in STATUSES if counts[status]]
        return ", ".join(ended) or "no trial has ended"

    def _repr_html_(self) -> str:
        """Returns the best trials as notebooks show them; pandas escapes all that is in them."""
        shown: str = (
            best_first(self.frame, self.losses).head(10).to_html(index=False, border=0, max_rows=10)
        )
        return f"<p>{html.escape(repr(self))}</p>{shown}"

    def __str__(self) -> str:
        return self.overview(width=screen_width())

    def __repr__(self) -> str:
        return f"<Results of {self.in_a_line()}>"

    def in_a_line(self) -> str:
        """Returns in a line the folder, how many trials ended how, and the best configuration."""
        try:
            best = f"{self.metric.best(self.best_value)} with {self.best_config}"
        except LookupError:
            best = "no best one"
        return one_line(f"{self.folder}: {self.statuses()}; {best}")


def check_results(results: object) -> None:
    """Raises a TypeError for anything but results, such as the folder of a sweep."""
    if not isinstance(results, Results):
        raise TypeError(
            f"results must be those of a sweep, but got {results!r} ({type(results).__name__}). "
            "Give what sweeper.run returned, or sweeper.load(folder)."
        )


def load(folder: str | Path) -> Results:
    """Reads the results in a sweep's folder, also while the sweep is running; Ray is not needed.

    Example:
        >>> sweeper.load("runs/first").best_config
        {'x': 2}

    Raises:
        TypeError: `folder` is not a path.
        FileNotFoundError: there is no sweep in this folder.
        ValueError: the record is damaged or of a newer format.
    """
    fault = path_fault("folder", folder)
    if fault:
        raise TypeError(fault)
    record = journal.read(folder)
    try:
        metric = read_metric(record.sweep, (*COLUMNS, *CURVE_COLUMNS))
        scheduler = read_scheduler(record.sweep)
    except ValueError as error:
        raise ValueError(f"{folder}/sweep.json: damaged. {bounded(str(error))}") from None
    rows = settled(as_given(record.sweep, record.rows), scheduler, metric)
    return Results(record.folder, record.sweep, rows, record.unreadable)
