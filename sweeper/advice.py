"""Advice on the configuration space, each with the numbers behind it.

Whatever could be chance is tested, so that a sweep whose errors are pure noise hears something in
fewer than 5 of 100 cases, all tests together; the tests hold exactly for any searcher, since they
compare ranks of trials with each other. Trials that failed count as worse than all that finished.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sweeper.axes import Axis, axes, configurations
from sweeper.importance import Importance, importance
from sweeper.results import Results
from sweeper.space_changes import logarithmic, narrower, wider

_EDGE_LEVEL = 0.015  # chance of a false alarm in a sweep, all hyperparameters together
_LOG_LEVEL = 0.005
_FAILURE_LEVEL = 0.01
_EPOCH_LEVEL = 0.01
_BANDS = (0.1, 0.25)  # of the probability, at either end
_NO_EFFECT = 0.03  # of the variance


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


def advice(results: Results, importances: Importance | None = None) -> list[Advice]:
    """What to change about the configuration space or the training; empty if nothing shows.

    Args:
        results: of any searcher, also of a sweep that is still running.
        importances: what `importance(results)` gave, if it was called before; saves its time.
    """
    table = configurations(results)
    ended = (table["status"] != "interrupted").to_numpy()
    errors = table["validation_error"].fillna(np.inf).to_numpy()[ended]
    lost = table["status"].isin(["failed", "diverged"]).to_numpy()[ended]
    every = [_taken(axis, ended) for axis in axes(results)]
    varying = [axis for axis in every if axis.varies]
    found = [_failures(axis, lost, len(varying)) for axis in varying]
    logs = [_log_axis(axis, errors, len(varying)) for axis in varying]
    edges = [_edge(axis, errors, len(varying)) for axis in varying]
    for log, edge in zip(logs, edges, strict=True):
        # On a linear axis over decades, crowding at the low end asks for a logarithmic one.
        found.append(log if log and edge and edge.kind == "edge" else edge or log)
    found += _no_effect(results, importances)
    found += [_epochs(results), _noise(table["validation_error"], table["count"], table["sd"])]
    return [one for one in found if one is not None]


def _taken(axis: Axis, rows: np.ndarray) -> Axis:
    codes = axis.codes[rows] if len(axis.codes) else axis.codes
    return Axis(axis.name, axis.distribution, axis.values[rows], axis.u[rows], axis.labels, codes)


# The best trials crowd at an edge


def _edge(axis: Axis, errors: np.ndarray, num_axes: int) -> Advice | None:
    """By the hypergeometric test: k best of N trials, M of which lie in a band at the edge."""
    known = np.isfinite(axis.u)
    if not axis.is_number or np.isfinite(errors[known]).sum() < 8:
        return None
    u, values, errors = axis.u[known], axis.values[known], errors[known]
    most = min(20, max(5, len(u) // 8), int(np.isfinite(errors).sum()))
    best = np.argsort(errors, kind="stable")[:most]
    ranks = stats.rankdata(errors)
    found: list[tuple[float, int, float, bool]] = []
    for upwards in (False, True):
        distance = 1 - u if upwards else u
        for band in _BANDS:
            inside = distance <= max(band, distance.min())
            hits = int(inside[best].sum())
            p = float(stats.hypergeom.sf(hits - 1, len(u), inside.sum(), most))
            if not hits or not _improves(distance, ranks, best[inside[best]]):
                continue
            if p < _EDGE_LEVEL / (2 * len(_BANDS) * num_axes):
                found.append((p, hits, float(distance[best][inside[best]].max()), upwards))
    if not found:
        return None
    p, hits, share, upwards = min(found)
    best_value = float(values[best[0]])
    numbers = {"p": p, "hits": hits, "of": most, "share": share, "best_value": best_value}
    return _describe_edge(axis, upwards, numbers)


def _improves(distance: np.ndarray, ranks: np.ndarray, best: np.ndarray) -> bool:
    """Whether the errors fall on towards the edge, in the region that these best trials take."""
    region = distance <= distance[best].max()
    outer = region & (distance <= np.median(distance[best]))
    inner = region & ~outer
    return not inner.any() or ranks[outer].mean() < ranks[inner].mean()


def _describe_edge(axis: Axis, upwards: bool, numbers: dict[str, Any]) -> Advice:
    hits = f"({numbers['hits']} of the best {numbers['of']} trials)"
    end = "top" if upwards else "lowest"
    if axis.distribution is None:
        where = (
            f"the best {axis.name} is {numbers['best_value']:.4g}, at the {end} end of its values"
        )
        text = f"{where} {hits}: try {'larger' if upwards else 'smaller'} ones"
        return Advice("edge", axis.name, text, {**numbers, "bounds": None})
    percent = f"{max(1, math.ceil(100 * numbers['share']))} %"
    where = f"best {axis.name} lies in the {end} {percent} of its range {hits}"
    bounds = None if upwards else logarithmic(axis.distribution)
    if bounds:
        text = f"{where}, which spans decades: search it on a logarithmic axis, {bounds}"
        return Advice("log_axis", axis.name, text, {**numbers, "bounds": bounds})
    new = wider(axis.distribution, upwards)
    if new is None:
        text = f"{where}: look closer there, or beyond if there is anything"
        return Advice("edge", axis.name, text, {**numbers, "bounds": None})
    bounds, far = new
    text = f"{where}: try {'up' if upwards else 'down'} to {far:.4g}, {bounds}"
    return Advice("edge", axis.name, text, {**numbers, "bounds": bounds})


# A linear axis that should be logarithmic


def _log_axis(axis: Axis, errors: np.ndarray, num_axes: int) -> Advice | None:
    """By parabolas in x and in log x, each predicting the rank of every trial from the others.

    The two predictions' squared errors are compared by Wilcoxon's signed-rank test.
    """
    bounds = logarithmic(axis.distribution) if axis.distribution is not None else None
    known = np.isfinite(axis.u) & np.isfinite(errors) & (axis.values > 0)
    if bounds is None or known.sum() < 16 or len(np.unique(axis.values[known])) < 6:
        return None
    x, ranks = axis.values[known], stats.rankdata(errors[known])
    spread = float(((ranks - ranks.mean()) ** 2).sum())
    linear, log = _left_out(x, ranks), _left_out(np.log(x), ranks)
    explained = (
        [1 - float((residuals**2).sum()) / spread for residuals in (linear, log)]
        if (spread > 0)
        else [0.0, 0.0]
    )
    if explained[1] < 0.2 or explained[1] < explained[0] + 0.05:
        return None
    p = float(stats.wilcoxon(linear**2 - log**2, alternative="greater").pvalue)
    if p >= _LOG_LEVEL / num_axes:
        return None
    numbers = {"p": p, "explained_linear": explained[0], "explained_log": explained[1]}
    text = (
        f"{axis.name} acts by its order of magnitude: a parabola in its logarithm predicts "
        f"{explained[1]:.0%} of the ranks' variance, one in itself {max(0, explained[0]):.0%}: "
        f"search it on a logarithmic axis, {bounds}"
    )
    return Advice("log_axis", axis.name, text, {**numbers, "bounds": bounds})


def _left_out(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What is left of each y by a parabola through the others."""
    scaled = (x - x.mean()) / x.std()
    base, _ = np.linalg.qr(np.vander(scaled, 3))
    leverage = np.clip((base**2).sum(axis=1), 0, 1 - 1e-9)
    return (y - base @ (base.T @ y)) / (1 - leverage)


# A region where training fails


def _failures(axis: Axis, lost: np.ndarray, num_axes: int) -> Advice | None:
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


# What does not matter, the epoch limit, and noise


def _no_effect(results: Results, importances: Importance | None) -> list[Advice]:
    try:
        shares = importances or importance(results)
    except ValueError:
        return []
    found = []
    for name, share, high in shares.frame[["hyperparameter", "importance", "high"]].values.tolist():
        with_another = shares.pairs[
            (shares.pairs["first"] == name) | (shares.pairs["second"] == name)
        ]["importance"].max()
        joint = 0.0 if math.isnan(with_another) else float(with_another)
        if high >= _NO_EFFECT or joint >= _NO_EFFECT:
            continue
        text = (
            f"{name} does not matter here: it explains {share:.1%} of the validation error's "
            f"variance (at most {high:.1%}) in {shares.trials_used} trials: give it a constant"
        )
        numbers = {"importance": share, "high": high, "with_another": joint}
        found.append(Advice("no_effect", name, text, numbers))
    return found


def _epochs(results: Results) -> Advice | None:
    """By the binomial test: flat noise puts the lowest error into the last of E epochs once in E.

    Looks at the best quarter of the trials that reached the limit, at least 5.
    """
    finished = results.frame.loc[results.frame["status"] == "finished", ["trial", "replicate"]]
    curves = results.curves.merge(finished, on=["trial", "replicate"])
    if curves.empty:
        return None
    limit = int(curves["epoch"].max())
    groups = [group for _, group in curves.groupby(["trial", "replicate"])["validation_error"]]
    full = [np.where(np.isfinite(g), g, np.inf) for g in groups if len(g) == limit]
    full = sorted((g for g in full if np.isfinite(g[-1])), key=lambda g: float(g.min()))
    best = np.array(full[: max(5, len(full) // 4)])
    if limit < 4 or len(best) < 5:
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


def _noise(means: Any, counts: Any, sds: Any) -> Advice | None:
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
