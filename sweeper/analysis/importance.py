"""Measures how much each hyperparameter matters for the metric, by functional ANOVA.

The forest is scikit-learn's. Its trees are step functions on boxes, so that the variance that each
hyperparameter explains is a sum over pairs of leaves, exact and quick (Hutter, Hoos and
Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014). Optuna's
evaluators were tried in its place: its fANOVA gives the same numbers on the same forest, but takes
20 times as long (8 s for 500 trials) and has no pairs; its PED-ANOVA is quick, but measures what is
needed to reach the best tenth, has no pairs, and gave a share of 0.4 for 0.2.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweeper.analysis.axes import Axis, axes, configurations
from sweeper.record.results import Results
from sweeper.search.metric import Metric
from sweeper.space.checks import check_seed

LEAST_TRIALS = 16
LEAST_EXPLAINED = 0.2
_MOST_TRIALS = 300
_MOST_PAIRED = 6  # hyperparameters whose pairs are computed, the most important ones
_NUM_TREES = 64


@dataclass(frozen=True)
class Importance:
    """Shares of the variance of the metric, each between 0 and 1.

    Attributes:
        frame: `hyperparameter`, `importance`, `low`, `high`, most important first.
        pairs: `first`, `second`, `importance` beyond the two alone, most important first; for the 6
            most important hyperparameters.
        evaluator: the method of computation.
        trials_used: the number of trials it is based on.
        trials: the number that had finished or were stopped; not all are used if there are very
            many.
        stopped: the number of these that were stopped early; their last value counts.
        explained: the part of the variance that the forest predicts of trials it has not seen; the
            rest is noise, or too intricate for so few trials.
    """

    frame: pd.DataFrame
    pairs: pd.DataFrame
    evaluator: str
    trials_used: int
    trials: int
    explained: float
    stopped: int = 0


@np.errstate(all="ignore")
def importance(results: Results, seed: int = 0) -> Importance:
    """Computes how much of the variance of the metric each hyperparameter explains.

    It is computed on the space as it was searched: each hyperparameter counts by its own
    distribution. A pair's importance is what the two explain together beyond each alone. `low` and
    `high` hold 90 % of the trees, each grown on a bootstrap sample of the trials. Values far worse
    than the others (than the worse quartile by more than 3 interquartile ranges) count as lying
    there, so that a few diverging trials don't hide the rest. Where a hyperparameter is absent its
    value is drawn at random, so that it counts only where it is present.

    Trials that were stopped early count with their last value. The finished ones alone are too few,
    and the best ones alone, among which what matters most hardly varies any more. Learning curves
    of LCBench, 60 trials: the shares lay 0.23 (sum of absolute differences) from those of 300 whole
    trials, with ASHA(3) 0.32 by the last values, 0.39 by those after the first rung, and none by
    the finished ones; with ASHA(1), where most have one epoch, 0.70: stop later if you want to know
    importances.

    Shares are those of the forest, which finds strong hyperparameters first: for true shares of 0.9
    and 0.1 it gave 0.85 and 0.05 after 32 trials, 0.89 and 0.07 after 128, with the strong one in
    its interval every time, the weak one in 13 and 5 of 15. Read a small share as "weak", not as a
    number.

    Raises:
        ValueError: the trials tell too little: fewer than 16 have a value, or the forest predicts
            less than a fifth of the variance of trials it has not seen, or no hyperparameter
            varies, or the metric doesn't.
    """
    check_seed(seed)
    table = configurations(results)
    shown = table["last_loss"].notna().to_numpy()
    losses = table["last_loss"].to_numpy()[shown]
    varying = _varying(axes(results), shown, seed)
    _check(losses, varying, results.metric)
    rng = np.random.default_rng(seed)
    used = np.sort(rng.permutation(len(losses))[:_MOST_TRIALS])
    positions = np.column_stack([u for _, u in varying])[used]
    forest = _forest(positions, _without_far_out(losses[used]), seed)
    explained = float(forest.oob_score_)
    if explained < LEAST_EXPLAINED:
        raise ValueError(
            f"The {len(losses):,} trials with {_one(results.metric)} don't show what matters: a "
            f"model trained on them predicts only {max(0.0, explained):.0%} of the variance of "
            f"unseen trials, and less than {LEAST_EXPLAINED:.0%} is too little. Run more trials, "
            "or replicates if it is noise."
        )
    trees = [tree for e in forest.estimators_ if (tree := _boxes(e.tree_)) is not None]
    single = np.array([[_single(tree, j) for j in range(len(varying))] for tree in trees])
    means = single.mean(axis=0)
    frame = pd.DataFrame(
        {
            "hyperparameter": [axis.name for axis, _ in varying],
            "importance": means,
            "low": np.quantile(single, 0.05, axis=0),
            "high": np.quantile(single, 0.95, axis=0),
        }
    )
    order = np.argsort(-means, kind="stable")
    rows = [
        (varying[i][0].name, varying[j][0].name, float(np.mean([_pair(t, i, j) for t in trees])))
        for i, j in itertools.combinations(order[:_MOST_PAIRED].tolist(), 2)
    ]
    pairs = pd.DataFrame(rows, columns=["first", "second", "importance"])
    return Importance(
        frame=frame.iloc[order].reset_index(drop=True),
        pairs=pairs.sort_values("importance", ascending=False, ignore_index=True, kind="stable"),
        evaluator="fANOVA on extremely randomized trees",
        trials_used=len(used),
        trials=len(losses),
        explained=explained,
        stopped=int((table["status"] == "stopped").to_numpy()[shown].sum()),
    )


def _varying(every: list[Axis], shown: np.ndarray, seed: int) -> list[tuple[Axis, np.ndarray]]:
    """Returns the hyperparameters with more than one value in the trials used, and their positions.

    Where one is absent it gets a random position: nothing depends on it there, and at any fixed
    place it would show the effect of its condition.
    """
    rng = np.random.default_rng(seed)
    found = []
    for axis in every:
        u = axis.u[shown]
        known = np.isfinite(u)
        if known.any() and np.ptp(u[known]) > 0:
            found.append((axis, np.where(known, u, rng.uniform(size=len(u)))))
    return found


def _check(losses: np.ndarray, varying: list[Any], metric: Metric) -> None:
    if len(losses) < LEAST_TRIALS:
        raise ValueError(
            f"Importance needs at least {LEAST_TRIALS} trials with {_one(metric)} to say anything, "
            f"but got {len(losses)}. Run more trials."
        )
    if not varying:
        raise ValueError(
            "Importance needs a hyperparameter that varies, but every one has the same value in "
            f"all trials with {_one(metric)}. Give the space a distribution or a list."
        )
    if np.ptp(losses) == 0:
        values = "validation errors" if metric.noun == "error" else f"values of {metric.text}"
        raise ValueError(
            f"Importance needs {values} that differ, but all {len(losses):,} are "
            f"{metric.loss(losses[0]):.4g}. Look at what the objective returns."
        )


def _one(metric: Metric) -> str:
    return "an error" if metric.noun == "error" else metric.one


def _without_far_out(losses: np.ndarray) -> np.ndarray:
    """Lowers losses over Tukey's outer fence to it, unless the middle half is equal; rescales."""
    losses = losses / np.abs(losses).max()  # in units in which no difference is infinite
    lower, upper = np.quantile(losses, [0.25, 0.75])
    return np.minimum(losses, upper + 3 * (upper - lower)) if upper > lower else losses


def _forest(positions: np.ndarray, losses: np.ndarray, seed: int) -> Any:
    """Fits extremely randomized trees (Geurts, Ernst and Wehenkel 2006) to positions in [0, 1].

    Their random thresholds find weak hyperparameters beside strong ones, which a random forest
    overlooks: of a share of 0.1 beside one of 0.9 it found 0.016 in 32 trials, these 0.045.
    """
    from sklearn.ensemble import ExtraTreesRegressor  # takes a second to load

    scaled = (losses - losses.mean()) / np.abs(losses - losses.mean()).max()
    forest = ExtraTreesRegressor(
        n_estimators=_NUM_TREES, bootstrap=True, oob_score=True, random_state=seed
    )
    return forest.fit(positions, scaled)


# fANOVA of one tree f = sum_l v_l 1[x in box l] on the unit cube. With the width w_lj of box l
# along j, its volume W_l, and the overlap o_lmj of the boxes l and m along j, the variance of f's
# mean over all hyperparameters but those in S is
# sum_lm v_l W_l v_m W_m prod_(j in S) o_lmj / (w_lj w_mj).


@dataclass(frozen=True)
class _Boxes:
    """The leaves of a tree.

    Attributes:
        lower, upper: `(leaves, hyperparameters)`.
        mass: value × volume, the mean of the tree subtracted, over its standard deviation.
        common: the overlap of each two leaves along a hyperparameter, computed as needed.
    """

    lower: np.ndarray
    upper: np.ndarray
    mass: np.ndarray
    common: dict[int, np.ndarray]


def _boxes(tree: Any) -> _Boxes | None:
    """Returns the leaves of a scikit-learn tree on the unit cube; None if it is constant."""
    lower = np.zeros((tree.node_count, tree.n_features))
    upper = np.ones((tree.node_count, tree.n_features))
    features, thresholds, values = tree.feature, tree.threshold, tree.value.ravel()
    children = np.column_stack([tree.children_left, tree.children_right])
    for node in np.flatnonzero(features >= 0):  # a parent comes before its children
        left, right = children[node]
        lower[left] = lower[right] = lower[node]
        upper[left] = upper[right] = upper[node]
        upper[left, features[node]] = lower[right, features[node]] = thresholds[node]
    leaves = features < 0
    volume = (upper - lower)[leaves].prod(axis=1)
    values = values[leaves] - volume @ values[leaves]
    variance = volume @ values**2
    if variance <= 1e-12:
        return None
    return _Boxes(lower[leaves], upper[leaves], volume * values / variance**0.5, {})


def _single(tree: _Boxes, j: int) -> float:
    """Returns the share of the tree's variance that one hyperparameter explains alone."""
    density = tree.mass / (tree.upper[:, j] - tree.lower[:, j])
    return float(density @ _common(tree, j) @ density)


def _pair(tree: _Boxes, i: int, j: int) -> float:
    """Returns the share that two explain together, beyond each alone."""
    density = tree.mass / (tree.upper - tree.lower)[:, [i, j]].prod(axis=1)
    both = density @ (_common(tree, i) * _common(tree, j)) @ density
    return float(both) - _single(tree, i) - _single(tree, j)


def _common(tree: _Boxes, j: int) -> np.ndarray:
    if j not in tree.common:
        low, high = tree.lower[:, j], tree.upper[:, j]
        common = np.minimum.outer(high, high) - np.maximum.outer(low, low)
        tree.common[j] = np.maximum(common, 0, out=common)
    return tree.common[j]
