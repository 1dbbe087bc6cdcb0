"""What a sweep found: its rows as DataFrames, and its incumbent."""

import html
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeper.record import journal
from sweeper.record.rows import STATUSES, Row
from sweeper.record.settled import read_scheduler, settled
from sweeper.space.conditions import ABSENT
from sweeper.terminal import printable, short

_KEYS = ["trial", "replicate"]
_OUTCOMES = ["validation_error", "epochs", "status", "seed", "start_s", "runtime_s", "worker"]
_OUTCOMES += ["node", "exception"]
_OF_MEANS = ["validation_error", "standard_error", "count"]
# No hyperparameter has a name of these, unless the record is foreign.
COLUMNS = {*_KEYS, *_OUTCOMES, *_OF_MEANS}
_CURVE_COLUMNS = ["trial", "replicate", "epoch", "validation_error", "elapsed_s"]


class Results:
    """The trials of a sweep. Made by `sweeper.run` and `sweeper.load`.

    Attributes:
        folder: where the sweep's record lies.
        sweep: what was run: space as text, searcher, seed, versions, git commit.
        rows: one dict a trial, in the order of trials; tracebacks included.
        unreadable: lines of the record that a crash cut short, named.
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
        """One row a trial: `trial`, `replicate`, the hyperparameters, `validation_error`, …

        `validation_error` is a misclassified fraction or whatever the objective returned, NaN
        where there is none; `start_s` counts from the start of the sweep, `runtime_s` is the
        objective's own time. `frame.attrs["test_looks"]` says how many looks at the test set
        there were before.
        """
        names = self._names
        table: dict[str, Any] = {
            "trial": [row.trial for row in self.rows],
            "replicate": [row.replicate for row in self.rows],
        }
        for name, shown in names.items():
            table[shown] = column([row.config.get(name, ABSENT) for row in self.rows])
        for name in ("validation_error", "start_s", "runtime_s"):
            table[name] = pd.Series([getattr(row, name) for row in self.rows], dtype="float64")
        table["epochs"] = pd.Series([row.epochs for row in self.rows], dtype="Int64")
        for name in ("status", "worker", "node", "exception"):
            table[name] = pd.Series([getattr(row, name) for row in self.rows], dtype="object")
        table["seed"] = pd.Series([row.seed for row in self.rows], dtype="int64")
        columns = [*_KEYS, *names.values(), *_OUTCOMES]
        frame = pd.DataFrame(table, columns=columns)
        frame.attrs["test_looks"] = len(self.test_looks)
        return frame

    @property
    def _names(self) -> dict[str, str]:
        """The hyperparameters and their columns; foreign records may have names that can't be one:
        those of other columns, or with half a surrogate pair.
        """
        return {
            name: "config." * (name in COLUMNS) + name.encode("utf-8", "replace").decode()
            for name in self.sweep["config_space"]
        }

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Learning curves, one row an epoch: `trial`, `replicate`, `epoch`, `validation_error`,
        `elapsed_s` (since the start of the trial).
        """
        points = [
            (row.trial, row.replicate, int(epoch), float(error), float(elapsed_s))
            for row in self.rows
            for epoch, error, elapsed_s in row.curve
        ]
        types = dict(
            zip(_CURVE_COLUMNS, ("int64", "int64", "int64", "float64", "float64"), strict=True)
        )
        return pd.DataFrame(points, columns=_CURVE_COLUMNS).astype(types)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row a configuration: `trial`, the hyperparameters, `validation_error` (the mean of
        its finished replicates), `standard_error` of that mean (NaN for fewer than two), `count`.
        """
        names = list(self._names.values())
        finished = self.frame["validation_error"].where(self.frame["status"] == "finished")
        by_trial = finished.groupby(self.frame["trial"])
        first = self.frame.drop_duplicates("trial").set_index("trial")[names]
        means = pd.DataFrame(
            {
                "validation_error": by_trial.mean(),
                "standard_error": by_trial.sem(),
                "count": by_trial.count(),
            }
        )
        columns = ["trial", *names, *means.columns]
        return first.join(means).reset_index()[columns]

    @property
    def best_row(self) -> Row:
        """The row of the incumbent, of several replicates the first.

        The incumbent is the configuration of lowest mean validation error among those of which
        all replicates have finished, ties to the earlier one.

        Raises:
            LookupError: there is none.
        """
        summary = self.summary
        whole = summary[summary["count"] >= self.sweep.get("replicates", 1)]
        if whole.empty:
            first = next((row.exception for row in self.rows if row.exception), None)
            hint = f" The first exception: {first}" if first else ""
            raise LookupError(f"No configuration has finished ({self.statuses()}).{hint}")
        trial = whole["trial"][whole["validation_error"].idxmin()]
        return next(row for row in self.rows if row.trial == trial)

    @property
    def best_config(self) -> dict[str, Any]:
        """The configuration of the incumbent. Raises LookupError if there is none."""
        return dict(self.best_row.config)

    @property
    def best_error(self) -> float:
        """The incumbent's mean validation error. Raises LookupError if there is none."""
        trial = self.best_row.trial
        summary = self.summary
        return float(summary["validation_error"][summary["trial"] == trial].iloc[0])

    @property
    def test_looks(self) -> list[dict[str, Any]]:
        """The looks at the test set so far: `time`, `trial`, `config`, `test_error`."""
        return journal.read_looks(self.folder)[0] if self.folder else []

    def statuses(self) -> str:
        """How many trials ended how, such as `14 finished, 2 failed`."""
        counts = Counter(row.status for row in self.rows)
        ended = [f"{counts[status]:,} {status}" for status in STATUSES if counts[status]]
        return ", ".join(ended) or "no trial has ended"

    def _repr_html_(self) -> str:
        """The best trials as notebooks show them; pandas escapes all that is in them."""
        shown: str = best_first(self.frame).head(10).to_html(index=False, border=0, max_rows=10)
        return f"<p>{html.escape(repr(self))}</p>{shown}"

    def __repr__(self) -> str:
        return f"<Results of {self.in_a_line()}>"

    def in_a_line(self) -> str:
        """The folder, how many trials ended how, and the best configuration."""
        try:
            best = f"best {self.best_error:.4g} with {self.best_config}"
        except LookupError:
            best = "no best one"
        return printable(f"{self.folder}: {self.statuses()}; {best}")


def check_results(results: object) -> None:
    """Raises a TypeError if somebody gives something else, such as the folder of a sweep."""
    if not isinstance(results, Results):
        raise TypeError(
            f"results must be those of a sweep, but got {results!r} ({type(results).__name__}). "
            "Give what sweeper.run returned, or sweeper.load(folder)."
        )


def load(folder: str | Path) -> Results:
    """The results in a sweep's folder, also while the sweep is running; Ray is not needed.

    Raises:
        FileNotFoundError: there is no sweep in this folder.
        ValueError: the record is damaged or of a newer format.
    """
    record = journal.read(folder)
    rows = settled(record.rows, read_scheduler(record.sweep))
    return Results(record.folder, record.sweep, rows, record.unreadable)


def column(values: list[Any]) -> pd.Series:
    """Numbers as numbers where all are of one kind, anything else untouched; empty where ABSENT."""
    kinds = {type(value) for value in values if value is not ABSENT}
    some_absent = any(value is ABSENT for value in values)
    if kinds in ({int}, {float}, {bool}):
        try:
            if not some_absent:
                return pd.Series(values)
            kind = {int: "Int64", float: "float64", bool: "boolean"}[kinds.pop()]
            return pd.Series([None if v is ABSENT else v for v in values], dtype=kind)
        except (OverflowError, TypeError):
            pass
    return pd.Series([None if value is ABSENT else value for value in values], dtype="object")


def best_first(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of `Results.frame`: the finished ones by their error, then the stopped ones by how
    far they came and their error, which is none of a whole trial, then all that have none.
    """
    stopped = (frame["status"] == "stopped").to_numpy()
    group = np.select([(frame["status"] == "finished").to_numpy(), stopped], [0, 1], 2)
    epochs = frame["epochs"].astype("float64").fillna(0.0).to_numpy()
    keys = (frame["trial"], frame["validation_error"], np.where(stopped, -epochs, 0), group)
    return frame.iloc[np.lexsort(keys)]


def table(results: Results, most: int = 20) -> str:
    """The trials as text, best first, at most `most`; columns that tell nothing are left out."""
    if not results.rows:
        return "no trial has ended"
    frame = best_first(results.frame)
    hidden = ["seed", "worker"]
    hidden += [name for name in ("replicate", "node") if frame[name].nunique() <= 1]
    hidden += [name for name in ("exception", "epochs") if frame[name].isna().all()]
    shown = frame.drop(columns=hidden).head(most).copy()
    for name in shown.columns:
        if pd.api.types.is_extension_array_dtype(shown[name].dtype):
            shown[name] = ["" if value is pd.NA else str(value) for value in shown[name]]
        elif shown[name].dtype == "object":
            shown[name] = ["" if value is None else short(str(value), 60) for value in shown[name]]
    shown = shown.rename(columns=lambda name: short(name, 40))
    formats: Any = {
        name: "{:.4g}".format
        for name in shown.columns
        if pd.api.types.is_float_dtype(shown[name].dtype)
    }
    formats |= dict.fromkeys(("start_s", "runtime_s"), "{:.1f}".format)
    text = shown.to_string(index=False, formatters=formats, na_rep="")
    more = len(frame) - len(shown)
    return text + (f"\n… and {more:,} more trials" if more else "")
