"""Counts the epochs that were trained, and those that early stopping saved."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from sweeper.record.results import Results

_MOST_RUNGS = 6  # rungs that are named one by one
_FEW, _MANY = 2, 6  # finished trials, stopped ones


@dataclass(frozen=True)
class EpochsSpent:
    """The epochs of a sweep's table.

    Epochs that a trial trained beyond its rung before its verdict was out are not counted: they
    depend on the number of workers.

    Attributes:
        spent: the epochs of all trials together.
        whole: the epochs of a trial that was trained to its end, the most of several; None if there
            is none, or they were not counted.
        saved: the epochs that the stopped trials lack to `whole`; 0 if that isn't known.
        trials: the number of ended trials.
        finished: how many of them were trained to their end.
        stopped: how many of them were stopped.
        by_rung: epochs → number of trials stopped after so many.
        sentence: a summary in words; empty if no trial was stopped.
    """

    spent: int
    whole: int | None
    saved: int
    trials: int
    finished: int
    stopped: int
    by_rung: dict[int, int]
    sentence: str


def epochs(results: Results) -> EpochsSpent:
    """Counts the epochs that a sweep's trials were trained, and what early stopping saved."""
    ended = [row for row in results.rows if row.status != "interrupted"]
    finished = [row for row in ended if row.status == "finished"]
    stopped = [row for row in ended if row.status == "stopped"]
    whole = max((row.epochs for row in finished if row.epochs), default=None)
    rungs = Counter(row.epochs for row in stopped if row.epochs is not None)
    numbers = {
        "spent": sum(row.epochs or 0 for row in results.rows),
        "saved": sum(max(0, whole - (row.epochs or 0)) for row in stopped) if whole else 0,
        "trials": len(ended),
        "finished": len(finished),
        "stopped": len(stopped),
    }
    by_rung = dict(sorted(rungs.items()))
    sentence = _sentence(by_rung=by_rung, **numbers) if stopped else ""
    sentence += _of_few(len(finished), rungs) + _of_the_one_ahead(results)
    return EpochsSpent(whole=whole, by_rung=by_rung, sentence=sentence, **numbers)


def _sentence(
    spent: int, saved: int, trials: int, finished: int, stopped: int, by_rung: dict[int, int]
) -> str:
    whole = f"{finished:,}" if finished else "None"
    verbs = ["was" if number == 1 else "were" for number in (finished, stopped)]
    text = f"{whole} of {trials:,} trials {verbs[0]} trained to the end; {stopped:,} {verbs[1]} "
    text += f"stopped{_after(list(by_rung))}"
    instead = f" instead of {spent + saved:,}" if saved else ""
    return f"{text}: {spent:,} epochs{instead}." if spent else f"{text}."


def _of_few(finished: int, rungs: Counter[int]) -> str:
    """Says how to judge later, if nearly all trials were stopped, and most at the first rung."""
    first, stopped = min(rungs, default=0), sum(rungs.values())
    if not first or finished > _FEW or stopped < _MANY or 2 * rungs[first] <= stopped:
        return ""
    return (
        f" If {first:,} epoch{'s tell' if first > 1 else ' tells'} too little, judge later: "
        f"grace_epochs={3 * first} (--grace-epochs {3 * first})."
    )


def _of_the_one_ahead(results: Results) -> str:
    """Explains why a stopped trial with a better value than the best one is not the best."""
    status, losses = results.frame["status"], results.losses
    of_stopped = losses.where(status == "stopped")
    if not of_stopped.min() < losses[status == "finished"].min():  # NaN where there are none
        return ""
    ahead = results.rows[int(np.nanargmin(of_stopped))]
    return (
        f" Trial {ahead.trial} was better, {ahead.value:.4g}, when it was stopped; only trials "
        "trained to the end can be the best."
    )


def _after(rungs: list[int]) -> str:
    """Returns a text such as ` after 3, 9 or 27 epochs`."""
    if not rungs:
        return ""
    if len(rungs) > _MOST_RUNGS:
        return f" after {rungs[0]:,} to {rungs[-1]:,} epochs"
    *others, last = [f"{rung:,}" for rung in rungs]
    listed = f"{', '.join(others)} or {last}" if others else last
    return f" after {listed} epoch{'s' if rungs != [1] else ''}"
