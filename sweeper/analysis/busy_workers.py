"""How busy a sweep's workers were, and which trials were slow."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeper.record.results import Results


@dataclass(frozen=True)
class ParallelUse:
    """How busy the workers were.

    Attributes:
        busy_fraction: busy worker-seconds / (workers × wall), NaN if no trial has a time. A worker
            that took the place of one that died counts as another.
        wall_s: from the first start to the last end.
        workers: one row a worker: `worker`, `node`, `trials`, `busy_s`, `idle_s`, `longest_gap_s`.
        slowest: the five slowest trials: `trial`, `replicate`, `runtime_s`, `worker`, `status`.
    """

    busy_fraction: float
    wall_s: float
    workers: pd.DataFrame
    slowest: pd.DataFrame


def parallel_use(results: Results) -> ParallelUse:
    """How busy the workers were between the first start and the last end, and the slowest trials.

    Trials without a start, a runtime or a worker are left out, such as interrupted ones.
    """
    columns = ["trial", "replicate", "runtime_s", "worker", "status"]
    timed = results.frame.dropna(subset=["start_s", "runtime_s", "worker"])
    timed = timed.assign(end_s=timed["start_s"] + timed["runtime_s"]).sort_values("start_s")
    slowest = timed.sort_values(["runtime_s", "trial"], ascending=[False, True])[columns].head(5)
    slowest = slowest.reset_index(drop=True)
    if timed.empty:
        names = ["worker", "node", "trials", "busy_s", "idle_s", "longest_gap_s"]
        return ParallelUse(math.nan, 0.0, pd.DataFrame(columns=names), slowest)
    start, end = timed["start_s"].min(), timed["end_s"].max()
    wall = float(end - start)
    rows = []
    for (node, worker), trials in timed.groupby(["node", "worker"], sort=True, dropna=False):
        ends = np.maximum.accumulate([start, *trials["end_s"]])
        gaps = np.array([*trials["start_s"], end]) - ends
        idle = float(np.clip(gaps, 0, None).sum())
        rows.append((worker, node, len(trials), wall - idle, idle, max(0.0, float(gaps.max()))))
    names = ["worker", "node", "trials", "busy_s", "idle_s", "longest_gap_s"]
    workers = pd.DataFrame(rows, columns=names)
    busy = float(workers["busy_s"].sum()) / (wall * len(workers)) if wall > 0 else math.nan
    return ParallelUse(busy, wall, workers, slowest)
