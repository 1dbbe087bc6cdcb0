"""Prepares the data of plots as frames.

`value` is the metric's, NaN if it is not a finite number; `loss` is the same turned so that low is
good.
"""

import math

import numpy as np
import pandas as pd
from scipy import stats

from sweeper.analysis.axes import configurations, number
from sweeper.analysis.busy_workers import places
from sweeper.plots.scales import scale_of, values_of
from sweeper.record.results import Results
from sweeper.record.rows import Row


def trials(results: Results) -> pd.DataFrame:
    """Returns one row per trial: `trial`, `replicate`, `value`, `start_s`, `runtime_s`,
    `epochs` (a float, NaN if not counted), `status`, `worker`, `node`, `loss`.
    """
    rows = results.rows
    floats = {
        name: np.array([number(getattr(row, name)) for row in rows], dtype="float64")
        for name in ("value", "start_s", "runtime_s", "epochs")
    }
    whole = {
        name: np.array([getattr(row, name) for row in rows], dtype="int64")
        for name in ("trial", "replicate")
    }
    texts = {
        name: pd.Series([getattr(row, name) for row in rows], dtype="object")
        for name in ("status", "worker", "node")
    }
    return pd.DataFrame(whole | floats | texts | {"loss": results.metric.loss(floats["value"])})


def ended(results: Results) -> pd.DataFrame:
    """Returns one row per configuration, as `analysis.incumbents` orders them: `trials` ended
    by then, `seconds`, `epochs` trained by these, `trial`, `status`, `value`, `loss`.
    """
    frame = configurations(results).sort_values(["end_s", "trial"], kind="stable")
    return frame.assign(
        trials=np.arange(1, len(frame) + 1),
        seconds=frame["end_s"],
        epochs=frame["epochs"].cumsum(),
        value=results.metric.loss(frame["loss"]),
    )


def hyperparameter(results: Results, name: str) -> pd.DataFrame:
    """Returns the trials with the position of one hyperparameter: `x` (NaN where absent)."""
    return trials(results).assign(x=scale_of(results, name).positions(values_of(results, name)))


def pair(results: Results, x: str, y: str) -> pd.DataFrame:
    """Returns the trials with the positions of two hyperparameters: `x`, `y`."""
    frame = hyperparameter(results, x)
    return frame.assign(y=scale_of(results, y).positions(values_of(results, y)))


def grid_cells(results: Results, x: str, y: str) -> pd.DataFrame:
    """Returns mean values of a grid search's finished trials: one row per `y`, one column per `x`.

    The mean is over the other hyperparameters and replicates; NaN where no trial finished.
    """
    frame = pair(results, x, y)
    finished = frame[(frame["status"] == "finished") & frame["value"].notna()]
    return finished.pivot_table(
        index="y", columns="x", values="value", aggfunc="mean", dropna=False
    )


def curves(results: Results, most: int = 200, of: str | None = None) -> pd.DataFrame:
    """Returns curves of at most `most` trials: `trial`, `replicate`, `epoch`, `value` (finite),
    `last` (the last loss of the trial's curve of the metric), `is_best`, `stopped`.

    They are thinned evenly by these losses, so that the best and the worst stay. The curve of a
    stopped trial ends at its rung.

    Args:
        results: the sweep's results.
        most: the largest number of trials.
        of: another column of `Results.curves` than the metric's.
    """
    frame, metric = results.curves, results.metric
    keys = ["trial", "replicate"]
    finite = frame[np.isfinite(frame[metric.name])]
    last = metric.loss(finite.groupby(keys)[metric.name].last()).sort_values(kind="stable")
    frame = frame[[*keys, "epoch"]].assign(value=frame[metric.name if of is None else of])
    frame = frame[np.isfinite(frame["value"])]
    if of is not None:  # some trials may have none of these, or none of the metric
        shown = pd.MultiIndex.from_frame(frame[keys].drop_duplicates())
        last = last.reindex([*last.index[last.index.isin(shown)], *shown.difference(last.index)])
        last.index.names = keys
    kept = last.iloc[spread(len(last), most)].rename("last").reset_index()
    best = _best_key(results)
    kept["is_best"] = [best == key for key in zip(kept["trial"], kept["replicate"], strict=True)]
    if best and best in last.index and not kept["is_best"].any():
        extra = {"trial": best[0], "replicate": best[1], "last": last[best], "is_best": True}
        kept = pd.concat([kept, pd.DataFrame([extra])], ignore_index=True)
    stopped = {(row.trial, row.replicate) for row in results.rows if row.status == "stopped"}
    kept["stopped"] = [key in stopped for key in zip(kept["trial"], kept["replicate"], strict=True)]
    return frame.merge(kept, on=keys)


def timeline(results: Results, most: int = 1000) -> pd.DataFrame:
    """Returns the `most` longest of the started trials: as in `trials`, with `lane`, the number
    of their worker, by order of first start.
    """
    frame = trials(results)
    frame = frame[frame["start_s"].notna() & frame["runtime_s"].notna()]
    frame = frame.sort_values("start_s", kind="stable")
    frame = frame.assign(lane=places(frame))
    return frame.nlargest(most, "runtime_s").sort_values("start_s", kind="stable")


def replicates(results: Results, confidence: float = 0.9) -> pd.DataFrame:
    """Returns trials with several finished replicates, best mean first: `trial`, `n`, `mean`,
    `low`, `high`.

    The interval is Student's t interval of the mean, which has coverage `confidence` if values are
    normal (Student 1908, "The probable error of a mean").
    """
    frame = trials(results)
    frame = frame[(frame["status"] == "finished") & frame["value"].notna()]
    groups = frame.groupby("trial")["value"]
    table = groups.agg(n="count", mean="mean", deviation="std").reset_index()
    table = table[table["n"] > 1]
    half = stats.t.ppf((1 + confidence) / 2, table["n"] - 1)
    half = half * table["deviation"] / np.sqrt(table["n"])
    table = table.assign(low=table["mean"] - half, high=table["mean"] + half)
    order = np.argsort(results.metric.loss(table["mean"].to_numpy()), kind="stable")
    return table.iloc[order].drop(columns="deviation")


def thin(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """Returns at most `most` rows in their order: a tenth the best, the others evenly spaced.

    Args:
        frame: a frame with `status` and `loss`.
        most: the largest number of rows.
    """
    if len(frame) <= most:
        return frame
    losses = frame["loss"]
    if (frame["status"] == "finished").any():  # the last values of others can't be compared
        losses = losses.where(frame["status"] == "finished")
    order = np.argsort(losses.to_numpy(), kind="stable")
    best, rest = order[: most // 10], np.sort(order[most // 10 :])
    return frame.iloc[np.sort(np.concatenate([best, rest[spread(len(rest), most - len(best))]]))]


def spread(n: int, most: int) -> np.ndarray:
    """Returns at most `most` of the numbers 0, …, n − 1, evenly spaced, both ends included."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def best_row(results: Results) -> Row | None:
    """Returns the incumbent's row, None if no trial has finished with a finite value."""
    try:
        row = results.best_row
    except LookupError:
        return None
    return row if math.isfinite(number(row.value)) else None


def _best_key(results: Results) -> tuple[int, int] | None:
    row = best_row(results)
    return (row.trial, row.replicate) if row else None
