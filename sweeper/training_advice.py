"""Advice that the course of training gives: where it fails, ends too early, or is mostly noise."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from sweeper.axes import Axis
from sweeper.results import Results
from sweeper.space_changes import narrower

# Chances of a false alarm in a sweep, all hyperparameters together.
_FAILURE_LEVEL = 0.01
_EPOCH_LEVEL = 0.01


@dataclass(frozen=True)
class Advice:
    """One piece of advice.

    Attributes:
        kind: `edge`, `log_axis`, `failures`, `no_effect`, `epochs` or `noise`.
        hyperparameter: which one it is about; None if about none.
        text: one sentence with its numbers.
        evidence: the numbers; `bounds` is a new distribution as text, where there is one.
    """

    kind: str
    hyperparameter: str | None
    text: str
    evidence: dict[str, Any]


# A region where training fails


def failures(axis: Axis, lost: np.ndarray, num_axes: int) -> Advice | None:
    """By Fisher's exact test on either side of thresholds, or for each choice."""
    known = np.isfinite(axis.u)
    u, values, lost = axis.u[known], axis.values[known], lost[known]
    if not lost.any() or lost.all():
        return None
    regions: list[tuple[np.ndarray, str]] = []
    if axis.is_number:
        distinct = np.unique(u)
        cuts = distinct[np.unique(np.linspace(0, len(distinct) - 2, 10).round().astype(int))]
        regions = [(u > cut, "above") for cut in cuts] + [(u <= cut, "below") for cut in cuts]
    else:
        codes = axis.codes[known]
        regions = [(codes == code, repr(label)) for code, label in enumerate(axis.labels)]
    tests = [
        (float(stats.hypergeom.sf(lost[r].sum() - 1, len(u), lost.sum(), r.sum())), i)
        for i, (r, _) in enumerate(regions)
        if 0 < r.sum() < len(u)
    ]
    p, index = min(tests, default=(1.0, 0))
    region, side = regions[index]
    # More than half of them fail there, or it would not be worth leaving out.
    if p >= _FAILURE_LEVEL / (len(regions) * num_axes) or lost[region].mean() <= 0.5:
        return None
    inside, outside = lost[region], lost[~region]
    bounds, where = None, f"= {side}"
    numbers: dict[str, Any] = {"p": p}
    if axis.is_number:
        bound = float(values[region].min() if side == "above" else values[region].max())
        where = f"{'≥' if side == 'above' else '≤'} {bound:.4g}"
        numbers["threshold"] = bound
        if axis.distribution is not None:
            bounds = narrower(axis.distribution, bound, upper=side == "above")
    numbers |= {"lost": int(inside.sum()), "of": len(inside)}
    numbers |= {"lost_elsewhere": int(outside.sum()), "of_elsewhere": len(outside)}
    text = (
        f"training diverges or fails where {axis.name} {where}: {inside.sum()} of {len(inside)} "
        f"trials, against {outside.sum()} of {len(outside)} elsewhere"
        + (f": leave that out, {bounds}" if bounds else "")
    )
    return Advice("failures", axis.name, text, {**numbers, "bounds": bounds})


def epochs(results: Results) -> Advice | None:
    """By the binomial test: flat noise puts the lowest error into the last of E epochs once in E.

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
    full = curves["validation_error"].to_numpy().reshape(-1, limit)
    full = np.where(np.isfinite(full), full, np.inf)[np.isfinite(full[:, -1])]
    full = full[np.argsort(full.min(axis=1), kind="stable")]
    best = full[: max(5, len(full) // 4)]
    if len(best) < 5:
        return None
    last = int((best.argmin(axis=1) == limit - 1).sum())
    p = float(stats.binom.sf(last - 1, len(best), 1 / limit))
    earlier = best[:, : limit - max(1, limit // 4)].min(axis=1)
    with np.errstate(all="ignore"):
        gain = float(np.median((earlier - best.min(axis=1)) / np.abs(earlier)))
    if p >= _EPOCH_LEVEL or not 2 * last > len(best) or not gain > 0.01:
        return None
    text = (
        f"trials end while still improving: {last} of the best {len(best)} had their lowest error "
        f"in the last of {limit} epochs, and the last quarter brought {gain:.0%}: train longer"
    )
    numbers = {"p": p, "hits": last, "of": len(best), "epochs": limit, "gain": gain}
    return Advice("epochs", None, text, numbers)


def noise(means: pd.Series, counts: pd.Series, sds: pd.Series) -> Advice | None:
    """Compares the replicates of one configuration with the best configurations' means."""
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
