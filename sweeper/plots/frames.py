"""What plots show, as frames. Rows without a finite validation error have NaN there."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from sweeper.analysis.axes import configurations, number
from sweeper.plots.scales import scale_of, values_of
from sweeper.record.results import Results
from sweeper.record.rows import Row


def trials(results: Results) -> pd.DataFrame:
    """One row a trial: `trial`, `replicate`, `validation_error`, `start_s`, `runtime_s`, `status`,
    `worker`, `node`, `epochs` (a float, NaN if nobody counted).
    """
    rows = results.rows
    floats = {
        name: np.array([number(getattr(row, name)) for row in rows], dtype="float64")
        for name in ("validation_error", "start_s", "runtime_s", "epochs")
    }
    whole = {
        name: np.array([getattr(row, name) for row in rows], dtype="int64")
        for name in ("trial", "replicate")
    }
    texts = {
        name: pd.Series([getattr(row, name) for row in rows], dtype="object")
        for name in ("status", "worker", "node")
    }
    return pd.DataFrame(whole | floats | texts)


def ended(results: Results) -> pd.DataFrame:
    """One row a configuration, in the order of `analysis.incumbents`: `trials`, how many had ended
    by then; `seconds`; `epochs`, how many these were trained; `trial`, `status`,
    `validation_error`.
    """
    frame = configurations(results).sort_values(["end_s", "trial"], kind="stable")
    return frame.assign(
        trials=np.arange(1, len(frame) + 1),
        seconds=frame["end_s"],
        epochs=frame["epochs"].cumsum(),
    )


def hyperparameter(results: Results, name: str) -> pd.DataFrame:
    """The trials with the position of one hyperparameter: `x` (NaN where absent)."""
    return trials(results).assign(x=scale_of(results, name).positions(values_of(results, name)))


def pair(results: Results, x: str, y: str) -> pd.DataFrame:
    """The trials with the positions of two hyperparameters: `x`, `y`."""
    frame = hyperparameter(results, x)
    return frame.assign(y=scale_of(results, y).positions(values_of(results, y)))


def grid_cells(results: Results, x: str, y: str) -> pd.DataFrame:
    """Mean validation errors of a grid search's finished trials: one row a `y`, one column an `x`.

    The mean is over the other hyperparameters and replicates; NaN where no trial finished.
    """
    frame = pair(results, x, y)
    finished = frame[(frame["status"] == "finished") & frame["validation_error"].notna()]
    return finished.pivot_table(
        index="y", columns="x", values="validation_error", aggfunc="mean", dropna=False
    )


def curves(results: Results, most: int = 200) -> pd.DataFrame:
    """Learning curves of at most `most` trials: `trial`, `replicate`, `epoch`,
    `validation_error`, `last` (the curve's last error), `is_best`, `stopped`; only finite errors.

    Thinned evenly by the curves' last errors, so that the best and the worst stay. A curve of a
    trial that was stopped ends at its rung.
    """
    frame = results.curves
    frame = frame[np.isfinite(frame["validation_error"])]
    keys = ["trial", "replicate"]
    last = frame.groupby(keys)["validation_error"].last().sort_values(kind="stable")
    kept = last.iloc[spread(len(last), most)].rename("last").reset_index()
    best = _best_key(results)
    kept["is_best"] = [best == key for key in zip(kept["trial"], kept["replicate"], strict=True)]
    if best and best in last.index and not kept["is_best"].any():
        extra = {"trial": best[0], "replicate": best[1], "last": last[best], "is_best": True}
        kept = pd.concat([kept, pd.DataFrame([extra])], ignore_index=True)
    stopped = {(row.trial, row.replicate) for row in results.rows if row.status == "stopped"}
    kept["stopped"] = [key in stopped for key in zip(kept["trial"], kept["replicate"], strict=True)]
    return frame.drop(columns="elapsed_s").merge(kept, on=keys)


def timeline(results: Results, most: int = 1000) -> pd.DataFrame:
    """The `most` longest trials that were started: as in `trials`, with `lane`, the number of
    their worker, by order of first start.
    """
    frame = trials(results)
    frame = frame[frame["start_s"].notna() & frame["runtime_s"].notna()]
    frame = frame.sort_values("start_s", kind="stable")
    names = frame["node"].astype(str) + " " + frame["worker"].astype(str)
    frame = frame.assign(lane=pd.factorize(names)[0] + 1)
    return frame.nlargest(most, "runtime_s").sort_values("start_s", kind="stable")


def replicates(results: Results, confidence: float = 0.9) -> pd.DataFrame:
    """Trials with several finished replicates, best mean first: `trial`, `n`, `mean`, `low`,
    `high`.

    The interval is Student's t of the mean, `confidence` of which cover it where errors are
    normal (Student 1908, "The probable error of a mean").
    """
    frame = trials(results)
    frame = frame[(frame["status"] == "finished") & frame["validation_error"].notna()]
    groups = frame.groupby("trial")["validation_error"]
    table = groups.agg(n="count", mean="mean", deviation="std").reset_index()
    table = table[table["n"] > 1]
    half = stats.t.ppf((1 + confidence) / 2, table["n"] - 1)
    half = half * table["deviation"] / np.sqrt(table["n"])
    table = table.assign(low=table["mean"] - half, high=table["mean"] + half)
    return table.sort_values("mean", kind="stable").drop(columns="deviation")


def thin(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` rows in their order: a tenth of them the best, the others evenly spaced.

    Args:
        frame: with `status` and `validation_error`.
        most: rows.
    """
    if len(frame) <= most:
        return frame
    errors = frame["validation_error"]
    if (frame["status"] == "finished").any():  # the last errors of others are none to compare with
        errors = errors.where(frame["status"] == "finished")
    order = np.argsort(errors.to_numpy(), kind="stable")
    best, rest = order[: most // 10], np.sort(order[most // 10 :])
    return frame.iloc[np.sort(np.concatenate([best, rest[spread(len(rest), most - len(best))]]))]


def spread(n: int, most: int) -> np.ndarray:
    """At most `most` of the numbers 0, …, n − 1, evenly spaced, both ends included."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def best_row(results: Results) -> Row | None:
    """The incumbent's row, None where no trial has finished with a finite validation error."""
    try:
        row = results.best_row
    except LookupError:
        return None
    return row if math.isfinite(number(row.value)) else None


def _best_key(results: Results) -> tuple[int, int] | None:
    row = best_row(results)
    return (row.trial, row.replicate) if row else None
