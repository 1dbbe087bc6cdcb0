"""Gives advice on the configuration space, each with the numbers behind it.

Whatever could be chance is tested, so that a sweep of pure noise gets advice in fewer than 5 of 100
cases, all tests together (2 of 900 sweeps of 8 to 100 trials did, with early stopping none of 300).
The tests compare trials with each other, so that they hold for grids too. Trials that were stopped
early count as worse than those that were trained to the end, by how far they came, and trials that
failed as worse than all.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from sweeper.analysis.axes import Axis, axes, configurations, diverged, standings
from sweeper.analysis.draws import kind_of_searcher, stops_early
from sweeper.analysis.importance import Importance, importance
from sweeper.analysis.training_advice import Advice, epochs, failures, noise
from sweeper.record.results import Results
from sweeper.space.changes import logarithmic, wider

# Probabilities of a false alarm in a sweep, all hyperparameters together. Failing and training
# epochs have 0.01 each.
_EDGE_LEVEL = 0.015
_LOG_LEVEL = 0.005
_BANDS = (0.1, 0.25)  # of the probability, at either end
# Of the variance. In 30 sweeps each of 16, 30, 60 and 200 trials, a hyperparameter that explained
# 0.05 or more was never said to have no effect; one that explained nothing was in 2, 16, 30 and 30.
_NO_EFFECT = 0.03


@np.errstate(all="ignore")
def advice(results: Results, importances: Importance | None = None) -> list[Advice]:
    """Suggests changes of the configuration space or the training; empty if none are needed.

    Args:
        results: results of any searcher, also of a sweep that is still running.
        importances: the result of `importance(results)`, if known; saves its time.
    """
    table = configurations(results)
    ended = (table["status"] != "interrupted").to_numpy()
    places = standings(table)[ended]
    lost = diverged(table)[ended]
    every = [_taken(axis, ended) for axis in axes(results)]
    # With several distributions no one range can be called too narrow.
    varying = [axis for axis in every if axis.varies and axis.num_distributions == 1]
    found = [failures(axis, lost, len(varying)) for axis in varying]
    # The first trials at a rung go on easily, and a grid's first trials lie at its lowest values:
    # of 200 such sweeps of noise 17 had their best ones at an edge.
    compared = [] if kind_of_searcher(results) == "GridSearch" and stops_early(results) else varying
    logs = [_log_axis(axis, places, len(varying)) for axis in compared]
    edges = [_edge(axis, places, len(varying)) for axis in compared]
    for log, edge in zip(logs, edges, strict=True):
        # On a linear axis over decades, crowding at the low end means that a logarithmic one is
        # needed.
        found.append(log if log and edge and edge.kind == "edge" else edge or log)
    # Beside an optimiser that trains nothing, momentum explains no variance, and still has an edge.
    matter = {one.hyperparameter for one in found if one and one.kind in ("edge", "log_axis")}
    found += [o for o in _no_effect(results, importances) if o.hyperparameter not in matter]
    found += [epochs(results), noise(table["loss"], table["count"], table["sd"])]
    return [one for one in found if one is not None]


def _taken(axis: Axis, rows: np.ndarray) -> Axis:
    codes = axis.codes[rows] if len(axis.codes) else axis.codes
    return replace(axis, values=axis.values[rows], u=axis.u[rows], codes=codes)


# The best trials crowd at an edge


def _edge(axis: Axis, places: np.ndarray, num_axes: int) -> Advice | None:
    """Tests if the k best of N trials crowd in a band at the edge, which M trials lie in."""
    known = np.isfinite(axis.u)
    if not axis.is_number or np.isfinite(places[known]).sum() < 8:
        return None
    u, values, places = axis.u[known], axis.values[known], places[known]
    most = min(20, max(5, len(u) // 8), int(np.isfinite(places).sum()))
    best = np.argsort(places, kind="stable")[:most]
    ranks = stats.rankdata(places)
    found: list[tuple[float, int, float, bool]] = []
    for upwards in (False, True):
        distance = 1 - u if upwards else u
        for band in _BANDS:
            inside = distance <= max(band, distance.min())
            hits = int(inside[best].sum())
            p = float(stats.hypergeom.sf(hits - 1, len(u), inside.sum(), most))
            # Not if a logarithmic axis is needed: the best may lie inside of the low end.
            on_log = (
                not upwards and axis.distribution is not None and logarithmic(axis.distribution)
            )
            if not hits or not (on_log or _improves(distance, ranks, best[inside[best]])):
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
    """Checks that trials get better towards the edge, in the region of these best trials."""
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


def _log_axis(axis: Axis, places: np.ndarray, num_axes: int) -> Advice | None:
    """Tests whether log x predicts ranks better than x, by parabolas that leave out each trial.

    The two predictions' squared errors are compared by Wilcoxon's signed-rank test.
    """
    bounds = logarithmic(axis.distribution) if axis.distribution is not None else None
    known = np.isfinite(axis.u) & np.isfinite(places) & (axis.values > 0)
    if bounds is None or known.sum() < 16 or len(np.unique(axis.values[known])) < 6:
        return None
    x, ranks = axis.values[known], stats.rankdata(places[known])
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
    """Returns the residual of each y from a parabola through the others."""
    scaled = (x - x.mean()) / x.std()
    base, _ = np.linalg.qr(np.vander(scaled, 3))
    leverage = np.clip((base**2).sum(axis=1), 0, 1 - 1e-9)
    return (y - base @ (base.T @ y)) / (1 - leverage)


# A hyperparameter that does not matter


def _no_effect(results: Results, importances: Importance | None) -> list[Advice]:
    try:
        shares = importances or importance(results)
    except ValueError:
        return []
    if shares.stopped:  # effects that come late, such as weight decay's, don't show in early values
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
            f"{name} does not matter here: it explains {share:.1%} of the {results.metric.text}'s "
            f"variance (at most {high:.1%}) in {shares.trials_used} trials: give it a constant"
        )
        numbers = {"importance": share, "high": high, "with_another": joint}
        found.append(Advice("no_effect", name, text, numbers))
    return found
