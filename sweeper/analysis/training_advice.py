"""Gives advice from the course of training: where it fails, ends too early, or is mostly noise."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from sweeper.analysis.axes import Axis, least_loss
from sweeper.record.results import Results
from sweeper.space.changes import narrower

# Probabilities of a false alarm in a sweep, all hyperparameters together.
_FAILURE_LEVEL = 0.01
_EPOCH_LEVEL = 0.01


@dataclass(frozen=True)
class Advice:
    """One piece of advice.

    Attributes:
        kind: `edge`, `log_axis`, `failures`, `no_effect`, `epochs` or `noise`.
        hyperparameter: the one that it is about; None if about none.
        text: one sentence with its numbers.
        evidence: the numbers; `bounds` is a new distribution as text, where there is one.
    """

    kind: str
    hyperparameter: str | None
    text: str
    evidence: dict[str, Any]


# A region where training fails


def failures(axis: Axis, lost: np.ndarray, num_axes: int) -> Advice | None:
    """Finds where trials fail or diverge: by Fisher's exact test at thresholds, or for each choice.

    Args:
        axis: the axis of a hyperparameter that varies.
        lost: True for each configuration that failed or diverged.
        num_axes: the number of axes tested, which share the significance level.
    """
    known = np.isfinite(axis.u)
    u, lost = axis.u[known], lost[known]
    if not lost.any() or lost.all():
        return None
    regions: list[tuple[np.ndarray, Any]] = []
    if axis.is_number:
        distinct = np.unique(u)
        cuts = distinct[np.unique(np.linspace(0, len(distinct) - 2, 10).round().astype(int))]
        regions = [(u > cut, True) for cut in cuts] + [(u <= cut, False) for cut in cuts]
    else:
        codes = axis.codes[known]
        regions = [(codes == code, label) for code, label in enumerate(axis.labels)]
    sizes = np.array([region.sum() for region, _ in regions])
    hits = np.array([lost[region].sum() for region, _ in regions])
    p = _chances(sizes, hits, lost)
    region, what = regions[int(p.argmin())]
    # More than half of them fail there, else it would not be worth leaving out.
    if p.min() >= _FAILURE_LEVEL / (len(regions) * num_axes) or lost[region].mean() <= 0.5:
        return None
    if axis.is_number:
        region = _likeliest(u, lost, upper=what)
    return _describe_failures(axis, axis.values[known], lost, region, what, float(p.min()))


def _likeliest(u: np.ndarray, lost: np.ndarray, upper: bool) -> np.ndarray:
    """Returns which trials lie beyond the threshold that separates them best."""
    order = np.argsort(u)
    cuts = np.unique(u)[:-1]
    sizes = np.searchsorted(u[order], cuts, side="right")
    hits = np.cumsum(lost[order])[sizes - 1]
    if upper:
        sizes, hits = len(u) - sizes, lost.sum() - hits
    cut = cuts[_chances(sizes, hits, lost).argmin()]
    return u > cut if upper else u <= cut


def _chances(sizes: np.ndarray, hits: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Returns one-sided p-values of Fisher's exact test: `hits` lost or more in each region."""
    return np.asarray(stats.hypergeom.sf(hits - 1, len(lost), lost.sum(), sizes))


def _describe_failures(
    axis: Axis, values: np.ndarray, lost: np.ndarray, region: np.ndarray, what: Any, p: float
) -> Advice:
    inside, outside = lost[region], lost[~region]
    numbers: dict[str, Any] = {"p": p, "lost": int(inside.sum()), "of": len(inside)}
    numbers |= {"lost_elsewhere": int(outside.sum()), "of_elsewhere": len(outside)}
    bounds, where = None, f"= {what!r}"
    if axis.is_number:
        inside_values, outside_values = values[region], values[~region]
        threshold = float(inside_values.min() if what else inside_values.max())
        where = f"{'≥' if what else '≤'} {threshold:.4g}"
        numbers["threshold"] = threshold
        if axis.distribution is not None:  # up to the last value that is known to be good
            last = float(outside_values.max() if what else outside_values.min())
            bounds = narrower(axis.distribution, last, upper=what)
    text = (
        f"training diverges or fails where {axis.name} {where}: {inside.sum()} of {len(inside)} "
        f"trials, against {outside.sum()} of {len(outside)} elsewhere"
        + (f": leave that out, {bounds}" if bounds else "")
    )
    return Advice("failures", axis.name, text, {**numbers, "bounds": bounds})


def epochs(results: Results) -> Advice | None:
    """Tests if too many best values are in the last of E epochs: noise puts one in E there.

    The gain of the last quarter is a part of the value, or, where 1 is the best possible, as with
    accuracies, of what was missing to 1.

    Looks at the best quarter of the trials that reached the limit, at least 5.
    """
    finished = results.frame.loc[results.frame["status"] == "finished", ["trial", "replicate"]]
    curves = results.curves.merge(finished, on=["trial", "replicate"])
    if curves.empty:
        return None
    limit = int(curves["epoch"].max())
    if limit < 4:
        return None
    curves = curves[curves.groupby(["trial", "replicate"])["epoch"].transform("size") == limit]
    curves = curves.sort_values(["trial", "replicate", "epoch"], kind="stable")
    metric = results.metric
    full = metric.loss(curves[metric.name].to_numpy()).reshape(-1, limit)
    full = np.where(np.isfinite(full), full, np.inf)[np.isfinite(full[:, -1])]
    full = full[np.argsort(full.min(axis=1), kind="stable")]
    best = full[: max(5, len(full) // 4)]
    if len(best) < 5:
        return None
    last = int((best.argmin(axis=1) == limit - 1).sum())
    p = float(stats.binom.sf(last - 1, len(best), 1 / limit))
    earlier = best[:, : limit - max(1, limit // 4)].min(axis=1)
    with np.errstate(all="ignore"):
        least = least_loss(full[np.isfinite(full)], metric)
        rest = np.abs(earlier) if least == -np.inf else earlier - least
        gain = float(np.median((earlier - best.min(axis=1)) / rest))
    if p >= _EPOCH_LEVEL or not 2 * last > len(best) or not gain > 0.01:
        return None
    what = f"{metric.best_word} {metric.noun if metric.noun == 'error' else metric.text}"
    missing = " of what was missing to 1" if least == -1 else ""
    text = (
        f"trials end while still improving: {last} of the best {len(best)} had their {what} "
        f"in the last of {limit} epochs, and the last quarter brought {gain:.0%}{missing}: train "
        "longer"
    )
    numbers = {"p": p, "hits": last, "of": len(best), "epochs": limit, "gain": gain}
    return Advice("epochs", None, text, numbers)


def noise(means: pd.Series, counts: pd.Series, sds: pd.Series) -> Advice | None:
    """Compares the replicates of one configuration with the best configurations' mean losses."""
    repeated = (counts >= 2).to_numpy()
    if repeated.sum() < 3:
        return None
    means, counts, sds = means[repeated], counts[repeated], sds[repeated]
    within = float(np.sqrt((sds**2 * (counts - 1)).sum() / (counts - 1).sum()))
    best = np.sort(means)[: min(10, max(3, len(means) // 4))]
    between = float(np.std(best, ddof=1))
    if not within > between:
        return None
    text = (
        f"noise hides the differences: replicates of one configuration differ by {within:.2g}, "
        f"the best {len(best)} configurations by {between:.2g} (standard deviations): "
        "run more replicates of the best"
    )
    return Advice("noise", None, text, {"within": within, "between": between, "of": len(best)})
