"""How sure it is that the best configuration is the best, judged by its replicates."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from sweeper.analysis.axes import configurations
from sweeper.record.results import Results
from sweeper.search.metric import Metric
from sweeper.space.checks import check_seed

_LEVEL = 0.05
_POWER = 0.8
_AT_ONCE = 2_000_000  # numbers in memory while resampling


@dataclass(frozen=True)
class Winner:
    """The configuration of the best mean of the metric, and how sure that is.

    Attributes:
        trial: the winner's; None if no trial has finished.
        mean: that over its finished replicates; NaN without a winner.
        standard_error: of that mean; NaN if nothing is known of the noise. Where one replicate
            alone has finished, the noise is that of the other configurations.
        probability_best: one row a configuration, best first: `trial`, `mean`, `standard_error`,
            `count`, `probability` (NaN if nothing is known of the noise).
        indistinguishable: the trials that can't be told from the winner at 5 %, without itself;
            empty if nothing is known of the noise.
        more_replicates: how many more of winner and runner-up each would tell them apart with
            80 % power, if they differ by what was seen; 0 if the present ones do; None if nothing
            is known of the noise, there is no runner-up, or the two are equal.
        sentence: all this in words.
    """

    trial: int | None
    mean: float
    standard_error: float
    probability_best: pd.DataFrame
    indistinguishable: list[int]
    more_replicates: int | None
    sentence: str


@np.errstate(all="ignore")
def winner(results: Results, seed: int = 0, resamples: int = 10_000) -> Winner:
    """The winner of a sweep and how sure it is: among the configurations that were trained to the
    end, whatever was stopped before it.

    The winner has the best mean among the configurations with two finished replicates or more, if
    there are any, else the best value: a single lucky one beats no mean.

    The probability to be the best is how often a configuration wins when the means are redrawn: a
    bootstrap, stratified by configuration, of the replicates' deviations from their means. These
    are widened by sqrt(r / (r - 1)), since r replicates lie closer to their own mean than to the
    true one, and pooled over all configurations, since three tell too little of a noise. Of equal
    configurations the luckiest looks best (of 8 it gets 0.48 on average), so read it together with
    what can't be told from the winner: what Welch's t-test against it does not reject at 5 %, with
    Holm's correction (Holm 1979) for the number of configurations.
    """
    check_seed(seed)
    table = configurations(results)
    stopped = int((table["status"] == "stopped").sum())
    table = table[table["status"] == "finished"]
    order = np.lexsort((table["trial"], table["loss"], table["count"] < 2))
    table = table.iloc[order].reset_index(drop=True)
    counts = table["count"].to_numpy()
    means = results.metric.loss(table["loss"].to_numpy())
    pooled, freedom = _pooled(table["sd"].to_numpy(), counts)
    known = bool(freedom > 0)
    errors = table["sd"].where(counts >= 2, pooled) / np.sqrt(counts)
    frame = pd.DataFrame(
        {"trial": table["trial"], "mean": means, "standard_error": errors, "count": counts}
    )
    probability = np.full(len(table), math.nan)
    if known:
        probability = _probabilities(results, table, seed, resamples)
    frame = frame.assign(probability=probability)
    close = _indistinguishable(frame, freedom) if known else []
    more = _more_replicates(frame) if known else None
    return Winner(
        trial=int(frame["trial"][0]) if len(frame) else None,
        mean=float(means[0]) if len(frame) else math.nan,
        standard_error=float(errors[0]) if len(frame) else math.nan,
        probability_best=frame,
        indistinguishable=close,
        more_replicates=more,
        sentence=_sentence(frame, results.metric, known, close, more, stopped),
    )


def _pooled(sds: np.ndarray, counts: np.ndarray) -> tuple[float, int]:
    """The standard deviation of replicates over all configurations, and its degrees of freedom."""
    repeated = counts >= 2
    freedom = int((counts[repeated] - 1).sum())
    if not freedom:
        return math.nan, 0
    return float(np.sqrt((sds[repeated] ** 2 * (counts[repeated] - 1)).sum() / freedom)), freedom


def _probabilities(results: Results, table: pd.DataFrame, seed: int, resamples: int) -> np.ndarray:
    """How often each configuration has the best redrawn mean; ties are shared out."""
    counts, means = table["count"].to_numpy(), table["loss"].to_numpy()
    frame = results.frame[["trial", "status"]].assign(loss=results.losses)
    frame = frame[(frame["status"] == "finished") & np.isfinite(frame["loss"])]
    of_trial = frame["trial"].map(table.set_index("trial")["loss"])
    replicates = frame["trial"].map(table.set_index("trial")["count"]).to_numpy(dtype=float)
    repeated = replicates >= 2
    deviations = (frame["loss"] - of_trial).to_numpy()[repeated]
    deviations = deviations * np.sqrt(replicates / np.maximum(replicates - 1, 1))[repeated]
    # What is worse than the winner by more than all noise together can move stands no chance.
    reach = 2 * np.abs(deviations).max()
    contenders = np.flatnonzero(means - means[0] <= reach)
    counts, means = counts[contenders], means[contenders]
    rng = np.random.default_rng(seed)
    wins = np.zeros(len(contenders))
    done = 0
    while done < resamples:
        size = min(resamples - done, max(1, _AT_ONCE // int(counts.sum())))
        drawn = rng.choice(deviations, (size, int(counts.sum())))
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        redrawn = means + np.add.reduceat(drawn, starts, axis=1) / counts
        least = redrawn == redrawn.min(axis=1, keepdims=True)
        wins += (least / least.sum(axis=1, keepdims=True)).sum(axis=0)
        done += size
    probability = np.zeros(len(table))
    probability[contenders] = wins / resamples
    return probability


def _indistinguishable(frame: pd.DataFrame, pooled_freedom: int) -> list[int]:
    """Welch's t-test of each configuration against the winner, with Holm's correction."""
    variance = frame["standard_error"].to_numpy() ** 2
    count = frame["count"].to_numpy()
    freedom = np.where(count >= 2, count - 1, pooled_freedom).astype(float)
    difference = np.abs(frame["mean"].to_numpy() - frame["mean"][0])[1:]
    total = variance[1:] + variance[0]
    with np.errstate(all="ignore"):
        degrees = total**2 / (variance[1:] ** 2 / freedom[1:] + variance[0] ** 2 / freedom[0])
        p = 2 * stats.t.sf(difference / np.sqrt(total), degrees)
    p = np.where(total > 0, p, np.where(difference > 0, 0.0, 1.0))
    order = np.argsort(p, kind="stable")
    rejected = p[order] <= _LEVEL / np.arange(len(p), 0, -1)
    first_kept = int(np.argmin(rejected)) if not rejected.all() else len(p)
    return sorted(frame["trial"].to_numpy()[1:][order[first_kept:]].tolist())


def _more_replicates(frame: pd.DataFrame) -> int | None:
    """By n = (z_0.975 + z_0.8)^2 (s_1^2 + s_2^2) / d^2 for each of two means that differ by d."""
    if len(frame) < 2 or frame["mean"][1] == frame["mean"][0]:
        return None
    two = frame.head(2)
    variances = two["standard_error"] ** 2 * two["count"]
    z = stats.norm.ppf(1 - _LEVEL / 2) + stats.norm.ppf(_POWER)
    needed = z**2 * variances.sum() / (two["mean"][1] - two["mean"][0]) ** 2
    if not math.isfinite(needed):
        return None
    return max(0, math.ceil(needed) - int(two["count"].min()))


def _sentence(
    frame: pd.DataFrame,
    metric: Metric,
    known: bool,
    close: list[int],
    more: int | None,
    stopped: int,
) -> str:
    if frame.empty:
        return "No trial has finished, so nothing has won."
    best = frame.iloc[0]
    head = f"Trial {best['trial']:.0f} has the {metric.best_word} {metric.text}, {best['mean']:.4g}"
    if not known:
        others = f" of {len(frame):,} configurations" if len(frame) > 1 else ""
        if stopped:
            others = f", of {len(frame):,} trained to the end ({stopped:,} were stopped early)"
        return (
            f"{head}{others}, but with one replicate each nothing is known of the noise: another "
            f"seed may order them otherwise, and the {metric.best_word} of many is likely a lucky "
            "one."
        )
    head += f" ± {best['standard_error']:.2g} (mean and standard error of {best['count']:.0f} "
    head += "replicates)"
    if len(frame) == 1:
        return f"{head}; no other configuration has finished."
    head += f"; {stopped:,} others were stopped early" if stopped else ""
    if not close:
        return f"{head}; every other configuration is worse by more than noise (5 %)."
    some = ", ".join(map(str, close[:5])) + (", …" if len(close) > 5 else "")
    told = f"{len(close):,} {'other' if len(close) == 1 else 'others'} (trial {some})"
    text = f"{head}, best with probability {best['probability']:.2g}; {told} can't be told from it."
    if more:
        text += f" About {more:,} more replicates each would settle it and the runner-up."
    return text
