"""Measures how sure it is that the best configuration is the best, by its replicates."""

import math
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from sweeper.analysis.axes import configurations, least_loss
from sweeper.analysis.trained_again import TrainedAgain, trained_again
from sweeper.record.results import Results
from sweeper.search.metric import Metric
from sweeper.search.ranking import PRACTICAL, Ranking, rank

_LEVEL = 0.05
_POWER = 0.8
_MOST_NAMED = 5
_MOST = 5_000  # configurations that are compared: the best ones


@dataclass(frozen=True)
class Winner:
    """The configuration with the best mean of the metric, and how sure that is.

    Attributes:
        trial: the winner's number; None if no trial has finished.
        mean: the mean over its finished replicates; NaN without a winner.
        standard_error: the standard error of that mean; NaN if nothing is known of the noise. It
            also uses what other configurations show of the noise.
        interval: holds its true mean in 95 % of all cases, corrected for the winner's luck; never
            below 0 for errors. NaNs if nothing is known of the noise.
        probability_best: one row per configuration, best first: `trial`, `mean`, `standard_error`,
            `low` and `high` of the interval, `count`, `probability` (NaN if nothing is known of
            the noise).
        indistinguishable: the trials that can't be told from the winner, likeliest first: with 95 %
            probability the best is the winner or one of them; empty if nothing is known of the
            noise.
        most_to_gain: with 95 % none of them is better than the winner by more than this; NaN if
            nothing is known of the noise.
        is_settled: True if `most_to_gain` is at most half of what another seed changes, so that for
            all practical purposes none is better.
        more_replicates: how many more replicates of the winner and of its likeliest rival each
            would tell them apart with 80 % power, if they differ as expected; 0 if the present ones
            do; None if their difference is not worth it, or nothing is known of the noise.
        sentence: a summary in words, that of `confirmed` included.
        confirmed: the same of the fresh trainings that `sweeper.confirm` has made of the best; None
            if there are none. They are not counted above, where the best are partly lucky.
    """

    trial: int | None
    mean: float
    standard_error: float
    interval: tuple[float, float]
    probability_best: pd.DataFrame
    indistinguishable: list[int]
    most_to_gain: float
    is_settled: bool
    more_replicates: int | None
    sentence: str
    confirmed: "Winner | None" = None


@np.errstate(all="ignore")  # of numbers at the limits of floats
def winner(results: Results, again: TrainedAgain | None = None) -> Winner:
    """Returns the winner of a sweep and how sure it is, among the configurations that were trained
    to the end; stopped ones don't count.

    The winner has the best mean among the configurations with two finished replicates or more, if
    there are any, else the best value: a single lucky training doesn't beat a mean. The model of
    `sweeper.search.ranking` computes how sure it is; `scripts/calibration.py` measures that its
    probabilities and intervals hold. Of k equal configurations each is the best with probability 1
    / k.

    Args:
        results: the sweep's results.
        again: the result of `trained_again(results)`, if known; saves its time.
    """
    fresh = (again or trained_again(results)).results
    if fresh is None:
        return winner_among(results, results.folder)
    won, confirmed = winner_among(results), winner_among(fresh, results.folder)
    sentence = f"{_trained_again(fresh, confirmed)} {_in_the_sweep(won, fresh, results)}"
    return replace(won, sentence=sentence, confirmed=confirmed)


def winner_among(results: Results, folder: Path | None = None) -> Winner:
    """Returns the winner among these trainings alone.

    Args:
        results: the trainings.
        folder: that of the sweep, to be confirmed where more trainings are needed; the sentence
            advises nothing without it.
    """
    confirm = _confirm(folder) if folder else ""
    table = configurations(results)
    stopped = int((table["status"] == "stopped").sum())
    table = table[table["status"] == "finished"]
    order = np.lexsort((table["trial"], table["loss"], table["count"] < 2))
    table = table.iloc[order].reset_index(drop=True)
    losses, counts = table["loss"].to_numpy(), table["count"].to_numpy()
    found = None
    if len(table):
        all_losses = results.losses[np.isfinite(results.losses)].to_numpy()
        least = least_loss(all_losses, results.metric)
        variances = table["sd"].to_numpy() ** 2
        found = rank(losses[:_MOST], variances[:_MOST], counts[:_MOST], least)
    frame = _frame(table, found, results.metric)
    close = [] if found is None else [int(one) for one in found.contenders() if one]
    first = frame.iloc[0].to_dict() if len(frame) else dict.fromkeys(frame, math.nan)
    most = math.nan if found is None else found.most_to_gain(0)
    settled = found is not None and bool(most <= PRACTICAL * found.noise[0])
    more = None if found is None else _more_replicates(found, counts, close, settled)
    won = Winner(
        trial=int(first["trial"]) if len(frame) else None,
        mean=first["mean"],
        standard_error=first["standard_error"],
        interval=(first["low"], first["high"]),
        probability_best=frame,
        indistinguishable=frame["trial"].iloc[close].tolist(),
        most_to_gain=most,
        is_settled=settled,
        more_replicates=more,
        sentence="",
    )
    return replace(won, sentence=_sentence(won, results.metric, stopped, confirm))


def _frame(table: pd.DataFrame, found: Ranking | None, metric: Metric) -> pd.DataFrame:
    """Returns the frame `probability_best`."""
    frame = pd.DataFrame({"trial": table["trial"], "mean": metric.loss(table["loss"])})
    frame = frame.assign(
        standard_error=math.nan, low=math.nan, high=math.nan,
        count=table["count"], probability=math.nan,
    )  # fmt: skip
    if found is None:
        return frame
    ends = np.array([found.interval(one) for one in range(len(found.noise))])
    low, high = metric.interval(ends[:, 0], ends[:, 1])
    known = pd.DataFrame({"low": low, "high": high, "probability": found.probability})
    frame.update(
        known.assign(standard_error=found.noise / np.sqrt(table["count"].head(len(known))))
    )
    return frame.fillna({"probability": 0.0})


def _more_replicates(
    found: Ranking, counts: np.ndarray, close: list[int], settled: bool
) -> int | None:
    """Computes n = (z_0.975 + z_0.8)² (s_1² + s_2²) / d² for each of two means that differ by d."""
    if not close:
        return 0
    rival = close[0]
    difference = found.expected[rival] - found.expected[0]
    if settled or difference <= PRACTICAL * found.noise[0]:
        return None
    z = stats.norm.ppf(1 - _LEVEL / 2) + stats.norm.ppf(_POWER)
    needed = z**2 * (found.noise[0] ** 2 + found.noise[rival] ** 2) / difference**2
    return max(1, math.ceil(needed) - int(min(counts[0], counts[rival])))


def _confirm(folder: Path) -> str:
    return f"sweeper confirm {shlex.quote(str(folder))}"


def _trained_again(again: Results, confirmed: Winner) -> str:
    """Says what the fresh trainings have shown."""
    failed = sum(row.status in ("failed", "diverged") for row in again.rows)
    text = f"Trained again with fresh seeds (sweeper confirm): {confirmed.sentence}"
    return f"{text} {failed:,} of {len(again.rows):,} trainings failed." if failed else text


def _in_the_sweep(won: Winner, again: Results, results: Results) -> str:
    """Says what the sweep itself has shown, and whether its winner was trained again."""
    if not math.isnan(won.standard_error) or won.trial is None:
        text = f"In the sweep itself: {won.sentence}"
    else:
        what = f"{results.metric.best_word} {results.metric.text}, {won.mean:.4g}"
        text = f"In the sweep itself trial {won.trial} had the {what}."
    mine = [row.status for row in again.rows if row.trial == won.trial]
    if not mine:
        return f"{text} It was not trained again: {_confirm(results.folder)} does that."
    return text if "finished" in mine else f"{text} It failed each time it was trained again."


def _sentence(won: Winner, metric: Metric, stopped: int, confirm: str) -> str:
    frame = won.probability_best
    if frame.empty:
        return "No trial has finished, so nothing has won."
    head = f"Trial {won.trial} has the {metric.best_word} {metric.text}, {won.mean:.4g}"
    if math.isnan(won.standard_error):
        others = f" of {len(frame):,} configurations" if len(frame) > 1 else ""
        if stopped:
            others = f", of {len(frame):,} trained to the end ({stopped:,} were stopped early)"
        text = (
            f"{head}{others}, but with one replicate each the noise is unknown: another "
            f"seed may change the order, and the {metric.best_word} of many is likely a lucky one."
        )
        cure = f" {confirm}, or sweeper.confirm(…), trains the best again."
        return text + cure if confirm else text
    if not frame["standard_error"].any():
        return (
            f"{head}, in each of its {frame['count'].iloc[0]} replicates, and no configuration's "
            "replicates differ. Either nothing in the objective is random, or it doesn't use its "
            "seed ({seed} in a command), and then they don't tell how sure this is."
        )
    low, high = won.interval
    head += (
        f" (mean of {frame['count'].iloc[0]} replicates; its true mean is likely from {low:.4g} to "
    )
    head += f"{high:.4g})"
    if len(frame) == 1:
        return f"{head}; no other configuration has finished."
    among = f"of {len(frame):,}"
    if stopped:
        among += f" trained to the end ({stopped:,} were stopped early)"
    chance = frame["probability"].to_numpy()
    head += f". It is the best {among} with probability {_share(chance[0])}"
    if not won.indistinguishable:
        return f"{head}; every other one is worse by more than noise."
    if chance.max() > chance[0]:
        head += f", trial {frame['trial'].iloc[chance.argmax()]} with {_share(chance.max())}"
    return f"{head}. {_of_the_others(won, confirm)}"


def _of_the_others(won: Winner, confirm: str) -> str:
    """Says which configurations can't be told from the winner."""
    close = won.indistinguishable
    names = ", ".join(map(str, close[:_MOST_NAMED])) + (", …" if len(close) > _MOST_NAMED else "")
    count = f"{len(close):,} {'other' if len(close) == 1 else 'others'}"
    text = f"{count} can't be told from it (trial {names}); with 95 % none is better by more than "
    text += f"{won.most_to_gain:.2g}"
    if won.is_settled:
        return (
            f"{text}, at most half of what another seed changes: for all practical purposes none "
            "is better."
        )
    if won.more_replicates is None:
        cure = f" sweeper.confirm(…, until=0.95), or {confirm} --until 0.95, finds out which is."
        return f"{text}.{cure if confirm else ''}"
    return (
        f"{text}. About {won.more_replicates:,} more replicates each would tell it from trial "
        f"{close[0]}."
    )


def _share(probability: float) -> str:
    return "more than 0.99" if probability > 0.99 else f"{probability:.2g}"
