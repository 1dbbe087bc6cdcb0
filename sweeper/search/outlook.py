"""Estimates the final errors of earlier trials."""

import math
import sys
from collections.abc import Sequence

import numpy as np

from sweeper.search.known import Known


def outlook(known: Sequence[Known]) -> list[float | None]:
    """Returns each trial's final validation error, known or expected; None if nothing is known.

    For a trial that was stopped, or of which only the first epochs are known, it is the last known
    error. Failed and diverged trials count as bad as the worst of the others.

    Measured on LCBench's curves with ASHA (8 tasks × 3 seeds; points above the best of 20,000
    random configurations for the cost of 20 whole trainings, and after 60 trials): the last error
    0.5 and −0.3; corrected by what whole trials gained from there on, 0.4 and −0.5, by its ratio
    0.5 and 0.2, differences within 0.5; filled in by a process of its own with epochs as an input,
    −0.3 and −1.0, better by 0.8 ± 0.5 and 0.6 ± 0.5, for twice the time. The simplest stays.
    """
    seen = [None if trial.is_bad else _last_error(trial) for trial in known]
    worst = max((error for error in seen if error is not None), default=0.0)
    return [worst if trial.is_bad else error for trial, error in zip(known, seen, strict=True)]


def _last_error(trial: Known) -> float | None:
    if trial.error is not None:
        return trial.error
    return trial.curve[-1][1] if trial.curve else None


def tempered(errors: Sequence[float]) -> list[float]:
    """Compresses differences above the median as logarithms do, in units of the distance from the
    lowest error to the median.

    A Gaussian process that sees the errors unchanged spends its effort on telling very bad from
    bad. Measured: HPOLib's tables, whose losses spread over decades (the best of 50 trials is among
    the top …, mean of 8 sweeps); Branin without noise (above the minimum after 35 trials, of 3);
    LCBench with ASHA (points above the best of 20,000 random ones after 60 trials, 9 sweeps):

        as they are                             0.11 %    0.00006
        logarithms of all                       0.004 %   0.17       1.5
        none higher above the median than
        the lowest is below it                  0.011 %   0.0005     3.5
        these                                   0.007 %   0.00003    1.8
    """
    if not errors:
        return []
    median = float(np.median(errors))
    lowest = min(errors)
    unit = (median - lowest) or (float(np.mean(errors)) - lowest) or 1.0
    heights = [min((error - median) / unit, sys.float_info.max) for error in errors]
    return [math.log1p(height) if height > 0 else height for height in heights]
