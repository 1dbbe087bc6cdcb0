"""Tests whether the difference between sweeps is more than luck, and says so."""

import itertools
import math
from typing import Any

import numpy as np
from scipy import stats

from sweeper.analysis.trajectories import Trajectory
from sweeper.search.metric import Metric

_LEVEL = 0.05


def sentence(groups: dict[str, list[Trajectory]], limit: float, budget: str, metric: Metric) -> str:
    """Says the best of each label at the budget `limit`, best first, and the rank test's result."""
    end = np.array([limit])
    finals = {label: [float(s.best_at(end)[0]) for s in group] for label, group in groups.items()}
    means = {label: float(np.mean(bests)) for label, bests in finals.items()}
    ranked = sorted(finals, key=lambda label: means[label])
    what = budget if limit != 1 else budget.removesuffix("s")
    told = [
        f"{label} {metric.loss(means[label]):.4g} ({len(finals[label])} "
        f"{'sweep' if len(finals[label]) == 1 else 'sweeps'})"
        if math.isfinite(means[label])
        else f"{label} nothing in {sum(map(math.isinf, finals[label]))} of {len(finals[label])}"
        for label in ranked
    ]
    head = f"Best {metric.text} after {limit:,.4g} {what}: {', '.join(told)}. "
    if budget == "trials" and any(s.stops for group in groups.values() for s in group):
        head += "Trials that were stopped early count as whole ones: take epochs instead. "
    if len(ranked) == 1:
        return head + "They are repetitions of one searcher and space: there is nothing to compare."
    if min(map(len, finals.values())) < 2:
        return head + _over_trials(groups, ranked[:2], limit)
    pairs = [(ranked[0], other) for other in ranked[1:]]
    tests = [stats.mannwhitneyu(finals[one], finals[other]) for one, other in pairs]
    return head + " ".join(_verdicts(pairs, tests, finals, metric))


def _verdicts(
    pairs: list[tuple[str, str]], tests: list[Any], finals: dict, metric: Metric
) -> list[str]:
    adjusted = _holm([float(test.pvalue) for test in tests])
    texts = []
    for (one, other), test, p in zip(pairs, tests, adjusted, strict=True):
        sizes = len(finals[one]), len(finals[other])
        least = 2 / math.comb(sum(sizes), sizes[0])  # the most extreme of all orders, both sides
        verdict = "more than noise" if p < _LEVEL else "the difference may be noise"
        if p >= _LEVEL and least * len(pairs) >= _LEVEL:
            verdict = f"too few repetitions to tell, whatever the {metric.noun}s are"
        corrected = ", Holm's correction" if len(pairs) > 1 else ""
        texts.append(
            f"{one} against {other}: Mann-Whitney U = {test.statistic:g}, p = {p:.2g} (best "
            f"{metric.noun}s of repetitions{corrected}): {verdict}."
        )
    return texts


def _over_trials(groups: dict[str, list[Trajectory]], ranked: list[str], limit: float) -> str:
    """Says what can be said if a label has a single sweep: nothing about trials that learn from
    each other or are stopped.
    """
    unknown = "The noise is unknown: repeat each with at least 4 seeds."
    if not all(sweep.any_order for label in ranked for sweep in groups[label]):
        return unknown
    one, other = (
        np.concatenate([s.losses[s.spent <= limit] for s in groups[label]]) for label in ranked
    )
    if not len(one) or not len(other):
        return unknown
    test = stats.mannwhitneyu(one, other)
    return (
        f"With a single sweep the noise between sweeps is unknown; trial by trial, "
        f"{ranked[0]} against {ranked[1]} has Mann-Whitney U = {test.statistic:g}, "
        f"p = {test.pvalue:.2g}, which compares typical trials, not the best ones. "
        "Repeat each with at least 4 seeds."
    )


def _holm(p: list[float]) -> list[float]:
    """Returns adjusted p-values for several tests together (Holm 1979)."""
    order = sorted(range(len(p)), key=p.__getitem__)
    stepped = [min(1.0, (len(p) - step) * p[i]) for step, i in enumerate(order)]
    raised = itertools.accumulate(stepped, max)
    return [value for _, value in sorted(zip(order, raised, strict=True))]
