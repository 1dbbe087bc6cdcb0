import math

import pytest
from made_results import made, odd_sweeps

from sweeper.analysis.busy_workers import parallel_use


def test_parallel_use_adds_up():
    results = made([0.1] * 5)
    for row, worker, start, runtime in zip(
        results.rows, "aabba", (0, 2, 1, 5, 9), (2, 3, 3, 4, 1), strict=True
    ):
        row.worker, row.start_s, row.runtime_s = worker, float(start), float(runtime)
    use = parallel_use(results)
    assert use.wall_s == 10
    assert use.busy_fraction == (6 + 7) / 20
    assert use.workers.to_dict("records") == [
        {"worker": "a", "node": "n", "trials": 3, "busy_s": 6, "idle_s": 4, "longest_gap_s": 4},
        {"worker": "b", "node": "n", "trials": 2, "busy_s": 7, "idle_s": 3, "longest_gap_s": 1},
    ]
    assert list(use.slowest["trial"]) == [3, 1, 2, 0, 4]


def test_who_takes_the_place_of_another_on_its_host_counts_as_the_same():
    """Two workers of a laptop, whose sweep was resumed: others then, on another node of Ray's."""
    results = made([0.1] * 4)
    runs = [("a", "laptop-1", 0, 2), ("b", "laptop-1", 1, 1), ("c", "laptop-2", 2, 2)]
    runs += [("d", "laptop-2", 3, 1)]
    for row, run in zip(results.rows, runs, strict=True):
        row.worker, row.node, row.start_s, row.runtime_s = run
    use = parallel_use(results)
    assert use.workers["worker"].tolist() == ["a", "b"]
    assert use.workers["trials"].tolist() == [2, 2]
    assert use.busy_fraction == 6 / 8
    for row in results.rows[2:]:
        row.node = "other-2"
    del results.frame
    assert len(parallel_use(results).workers) == 4


@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_no_trouble(name):
    use = parallel_use(odd_sweeps()[name])
    assert math.isnan(use.busy_fraction) or 0 <= use.busy_fraction <= 1
