"""Measures how busy a sweep's workers were, and which trials were slow."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeper.record.results import Results


@dataclass(frozen=True)
class ParallelUse:
    """The use of the workers.

    Attributes:
        busy_fraction: busy worker-seconds / (workers × wall), NaN if no trial has a time.
        wall_s: seconds from the first start to the last end, without the pause before a resume.
        workers: one row per worker: `worker`, `node`, `trials`, `busy_s`, `idle_s`,
            `longest_gap_s`. A worker that replaced one that died, or ended before a resume, counts
            as the same and keeps the name of the first.
        slowest: the five slowest trials: `trial`, `replicate`, `runtime_s`, `worker`, `status`.
    """

    busy_fraction: float
    wall_s: float
    workers: pd.DataFrame
    slowest: pd.DataFrame


@np.errstate(all="ignore")
def parallel_use(results: Results) -> ParallelUse:
    """Returns how busy the workers were between the first start and the last end.

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
    for _, trials in timed.groupby(places(timed)):
        ends = np.maximum.accumulate([start, *trials["end_s"]])
        gaps = np.array([*trials["start_s"], end]) - ends
        idle = float(np.clip(gaps, 0, None).sum())
        first = trials.iloc[0][["worker", "node"]]
        rows.append((*first, len(trials), wall - idle, idle, max(0.0, float(gaps.max()))))
    names = ["worker", "node", "trials", "busy_s", "idle_s", "longest_gap_s"]
    workers = pd.DataFrame(rows, columns=names)
    busy = float(workers["busy_s"].sum()) / (wall * len(workers)) if wall > 0 else math.nan
    return ParallelUse(busy, wall, workers, slowest)


def places(timed: pd.DataFrame) -> pd.Series:
    """Numbers the workers of trials from 1 on, in the order of their first start.

    A worker whose first trial starts after the last trial of another one on the same host has ended
    takes that worker's place and number.

    Args:
        timed: a frame with `worker`, `node`, `start_s` and `runtime_s`, no time missing.
    """
    # A node's name is its host and Ray's number for it, which a resume changes; without Ray it is
    # None, which astype(str) would leave.
    node = timed["node"].map(str)
    host = node.map(lambda name: name.rpartition("-")[0])
    names = host + " " + node + " " + timed["worker"].map(str)
    ends = timed["start_s"] + timed["runtime_s"]
    spans = pd.DataFrame({"host": host, "start": timed["start_s"], "end": ends})
    spans = spans.groupby(names).agg({"host": "first", "start": "min", "end": "max"})
    taken: list[tuple[str, float]] = []  # the host of each place, and the time until when
    numbers = {}
    for name, span in spans.sort_values("start", kind="stable").iterrows():
        free = (
            n for n, (on, end) in enumerate(taken) if on == span["host"] and end <= span["start"]
        )
        number = next(free, len(taken))
        taken[number : number + 1] = [(span["host"], span["end"])]
        numbers[name] = number + 1
    return names.map(numbers).astype("int64")
