"""Ranks configurations by noisy replicates of each, with an empirical Bayes model.

1. Noise. Two replicates tell next to nothing about a variance, sixty pairs tell a lot: each
   configuration's variance is moved towards what all of them show. Source: Smyth, "Linear models
   and empirical Bayes methods for assessing differential expression", 2004; here by maximum
   likelihood, and with a trend, since bad configurations often vary more.
2. True means. The best of many noisy means is too good to be true. Each true mean is moved towards
   the others: its prior is the sum of their posteriors and a flat part, computed in a few rounds of
   the EM algorithm. Source: Efron, "Large-Scale Inference", 2010, chapter 1. Leaving out the
   configuration itself, and the flat part, keep a lone winner from being moved to a far crowd.
3. Equal ones. Often no hyperparameter matters, and the luckiest of equal configurations is the best
   by nothing. Beforehand it is as likely as not that all true means are the same; the data decide,
   each configuration being predicted from the others under either assumption. Source: Geisser and
   Eddy, "A predictive approach to model selection", 1979.
4. The best. Posteriors are masses on a common grid, so that the probability to be the best is a sum
   (Hsu, "Constrained simultaneous confidence intervals for multiple comparisons with the best",
   1984, asks the same question); nothing is drawn at random.

`scripts/calibration.py` measures how well these probabilities are calibrated.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import optimize, special

PRACTICAL = 0.5  # times the noise of one training: smaller differences don't matter in practice
_CELLS = 300
_ROUNDS = 10
# The flat part of the prior weighs as much as 0.5 + 12 / m configurations: the fewer there are, the
# less they tell about where another one lies. With these numbers the probabilities are calibrated.
_FLAT, _FLAT_OF_FEW = 0.5, 12.0
_NEVER = 1e-300
_NOMINAL = 0.985
_LEAST_VARIANCE = 1e-4  # of the pooled one: equal errors of two seeds don't mean that there is none
_FEWEST_FOR_A_TREND = 8
_USUAL_FREEDOM, _SPREAD_OF_FREEDOM = np.log(10), 1.5  # weak priors, on a logarithmic scale, …
_SPREAD_OF_TREND = 1.0  # … which only matter for few configurations


@dataclass(frozen=True)
class Ranking:
    """The result of `rank` for m configurations, as losses: low is good.

    Attributes:
        grid: `(K,)` possible true means, ascending.
        mass: `(m, K)` the probability of each true mean to be at each point of the grid, if they
            are not all the same.
        noise: `(m,)` the standard deviation of one training.
        equal: the probability that all true means are the same.
    """

    grid: np.ndarray
    mass: np.ndarray
    noise: np.ndarray
    equal: float = 0.0

    @cached_property
    def _above(self) -> np.ndarray:
        """`(m, K)` logarithms of the probability to be worse than each point of the grid."""
        above = 1 - np.cumsum(self.mass, axis=1) + self.mass / 2  # ties are shared out
        return np.log(np.clip(above, _NEVER, 1))

    @cached_property
    def probability(self) -> np.ndarray:
        """`(m,)` the probability of each to have the lowest true mean; 1 / m each of equal ones."""
        others = self._above.sum(axis=0) - self._above
        found = (self.mass * np.exp(others)).sum(axis=1)
        found = np.where(found < 2 * _NEVER, 0, found) / found.sum()
        return np.asarray(self.equal / len(found) + (1 - self.equal) * found)

    @cached_property
    def expected(self) -> np.ndarray:
        """`(m,)` the expected true means."""
        return np.asarray(self.mass @ self.grid)

    def contenders(self, level: float = 0.95) -> np.ndarray:
        """Returns the smallest set that holds the best with this probability, likeliest first."""
        order = np.argsort(-self.probability, kind="stable")
        reached = np.cumsum(self.probability[order])
        return order[: int(np.searchsorted(reached, level)) + 1]

    def interval(self, one: int) -> tuple[float, float]:
        """Returns the interval that holds a configuration's true mean in 95 % of all cases.

        Its nominal level is 98.5 %, since an estimated prior makes intervals too narrow (Morris,
        "Parametric empirical Bayes inference", 1983). Measured, these hold in 95 %.
        """
        if not self.noise.any():
            return float(self.expected[one]), float(self.expected[one])
        ends = np.array([1 - _NOMINAL, 1 + _NOMINAL]) / 2
        low, high = np.interp(ends, np.cumsum(self.mass[one]) - self.mass[one] / 2, self.grid)
        return float(low), float(high)

    def none_better_by(self, one: int, difference: float) -> float:
        """Returns the probability that no other true mean is lower by more than a difference.

        It is that of means that are not all the same, the lower one: replicates end on its word.
        """
        if not self.noise.any():
            return float(self.expected.min() >= self.expected[one] - difference)
        others = np.exp(self._above.sum(axis=0) - self._above[one])
        return float(self.mass[one] @ np.interp(self.grid - difference, self.grid, others, left=1))

    def most_to_gain(self, one: int, level: float = 0.95) -> float:
        """Returns the difference by which, with this probability, no other is better."""
        if self.none_better_by(one, 0.0) >= level:
            return 0.0
        most = float(self.grid[-1] - self.grid[0])
        return float(
            optimize.brentq(lambda d: self.none_better_by(one, d) - level, 0, most, rtol=1e-4)
        )


def rank(
    means: np.ndarray, variances: np.ndarray, counts: np.ndarray, least: float = -np.inf
) -> Ranking | None:
    """Ranks m configurations; returns None if nothing is known of the noise.

    Args:
        means: `(m,)` the means of the replicates' losses, finite.
        variances: `(m,)` the variances between replicates, unbiased; any number where there is only
            one replicate.
        counts: `(m,)` the numbers of replicates, at least 1.
        least: a lower bound of all true means.
    """
    with np.errstate(all="ignore"):
        known = _moderated(means, variances, counts)
        found = None if known is None else rank_by(means, *known, counts, least)
    # A record may hold numbers that can't be squared.
    if found is None or not (np.isfinite(found.mass).all() and np.isfinite(found.equal)):
        return None
    return found


def rank_by(
    means: np.ndarray,
    variances: np.ndarray,
    freedom: np.ndarray,
    counts: np.ndarray,
    least: float = -np.inf,
) -> Ranking:
    """Ranks as `rank` does, given `(m,)` variances and their degrees of freedom."""
    if not variances.any():
        return _without_noise(means)
    errors = np.sqrt(variances / counts)
    grid = _grid(means, errors, least)
    far = (means[:, None] - grid) / errors[:, None]
    likely = -(freedom[:, None] + 1) / 2 * np.log1p(far**2 / freedom[:, None])  # Student's t
    all_at_one = likely.sum(axis=0) - likely  # of the others, if their true means are the same
    likely, all_at_one = _upscaled(likely), _normed(_upscaled(all_at_one))
    flat = np.full(len(grid), (_FLAT + _FLAT_OF_FEW / len(means)) / len(grid))
    mass = _normed(likely)
    for _ in range(_ROUNDS):
        others = np.maximum(mass.sum(axis=0) - mass, 0) + flat
        mass = _normed(likely * others)
    for_equal = _predicted(likely, all_at_one) - _predicted(likely, _normed(others))
    return Ranking(grid, mass, np.sqrt(variances), float(special.expit(for_equal)))


def _upscaled(logarithms: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(logarithms - logarithms.max(axis=1, keepdims=True)))


def _normed(mass: np.ndarray) -> np.ndarray:
    return np.asarray(mass / mass.sum(axis=1, keepdims=True))


def _predicted(likely: np.ndarray, from_others: np.ndarray) -> float:
    """Returns the logarithm of how well each configuration is predicted from the others."""
    return float(np.log(np.maximum((likely * from_others).sum(axis=1), _NEVER)).sum())


def _without_noise(means: np.ndarray) -> Ranking:
    grid, places = np.unique(means, return_inverse=True)
    return Ranking(grid, np.eye(len(grid))[places], np.zeros(len(means)))


def _grid(means: np.ndarray, errors: np.ndarray, least: float) -> np.ndarray:
    """Returns points that lie close around the best mean and far apart where all is much worse."""
    best = means.min()
    step = errors[np.argsort(means, kind="stable")[:5]].min()
    ends = np.array([max(least, (means - 6 * errors).min()), (means + 6 * errors).max()])
    low, high = np.arcsinh((ends - best) / step)
    grid = best + step * np.sinh(np.linspace(low, high, _CELLS))
    return np.maximum(grid, least)


def _moderated(
    means: np.ndarray, variances: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns `(m,)` variances moved towards the common trend, and their degrees of freedom.

    Variance i with d_i degrees of freedom is, relative to the common one, distributed as F(d_i,
    d_0); given that, it is estimated by (d_0 s_0² + d_i s_i²) / (d_0 + d_i), with d_0 + d_i
    degrees, at most as many as there are in all (Smyth 2004, sections 3 and 4; the limit as in his
    package limma).
    """
    own = counts - 1
    seen = own > 0
    pooled = (variances[seen] * own[seen]).sum() / own.sum() if seen.any() else np.nan
    if not np.isfinite(pooled):
        return None
    if not pooled:
        return np.zeros(len(means)), own
    place = np.argsort(np.argsort(means, kind="stable")) / max(1, len(means) - 1)
    ratio = np.maximum(variances[seen] / pooled, _LEAST_VARIANCE)
    has_trend = seen.sum() >= _FEWEST_FOR_A_TREND

    def unlikely(at: np.ndarray) -> float:
        level, steepness, log_freedom = at[0], at[1] * has_trend, at[2]
        scale = level + steepness * place[seen]
        likely = _log_f(ratio / np.exp(scale), own[seen], np.exp(log_freedom)) - scale
        unusual = (log_freedom - _USUAL_FREEDOM) / _SPREAD_OF_FREEDOM
        return float(-likely.sum() + (unusual**2 + (at[1] / _SPREAD_OF_TREND) ** 2) / 2)

    options: Any = {"xatol": 0.01, "fatol": 0.01}
    start = np.array([0, 0, _USUAL_FREEDOM])
    level, steepness, log_freedom = optimize.minimize(
        unlikely, start, method="Nelder-Mead", options=options
    ).x
    common, freedom = np.exp(level + steepness * place * has_trend), np.exp(log_freedom)
    total = freedom + own
    variance = (freedom * common * pooled + np.where(seen, own * variances, 0)) / total
    return variance, np.minimum(total, own.sum())


def _log_f(x: np.ndarray, d1: np.ndarray, d2: float) -> np.ndarray:
    """Returns the logarithm of the density of the F distribution."""
    constant = d1 / 2 * np.log(d1 / d2) - special.betaln(d1 / 2, d2 / 2)
    return np.asarray(constant + (d1 / 2 - 1) * np.log(x) - (d1 + d2) / 2 * np.log1p(d1 * x / d2))
