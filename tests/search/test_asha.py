import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.search.asha import ASHA, Verdicts


def in_order(curves: list[list[float]], scheduler: ASHA) -> list[int | None]:
    """The rung at which each trial is stopped, by a plain loop over the trials in their order."""
    stopped: list[int | None] = []
    for i, curve in enumerate(curves):
        stopped.append(None)
        for rung in scheduler.rungs(len(curve)):
            there = [
                curves[j][rung - 1]
                for j in range(i)
                if len(curves[j]) >= rung and (stopped[j] is None or stopped[j] >= rung)
            ]
            mine = curve[rung - 1]
            better = sum(other < mine for other in there) if math.isfinite(mine) else len(there)
            best_third = better < max(1, (len(there) + 1) // scheduler.reduction_factor)
            if len(there) + 1 >= scheduler.reduction_factor and not best_third:
                stopped[i] = rung
                break
    return stopped


curve = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5, math.nan, math.inf]), max_size=20)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(curve, min_size=1, max_size=25),
    st.integers(1, 3),
    st.integers(2, 4),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_verdicts_are_those_of_one_after_another_in_any_order(curves, grace, factor, workers, rng):
    scheduler = ASHA(grace, factor)
    expected = in_order(curves, scheduler)
    verdicts = Verdicts(scheduler)
    waiting, running = list(range(len(curves))), {}
    given_out: dict[int, int] = {}  # trial → the rung at which it was said to be stopped
    while waiting or running:
        while waiting and len(running) < workers:
            running[waiting.pop(0)] = 0
        trial = rng.choice(sorted(running))
        epoch = running[trial] = running[trial] + 1
        if epoch > len(curves[trial]) or verdicts.stopped_at(trial) is not None:
            verdicts.over(trial)
            del running[trial]
        else:
            verdicts.reported(trial, epoch, curves[trial][epoch - 1])
        for one in range(len(curves)):
            rung = verdicts.stopped_at(one)
            assert given_out.setdefault(one, rung) == rung or given_out[one] is None
            given_out[one] = rung
    assert [verdicts.stopped_at(trial) for trial in range(len(curves))] == expected
    assert [verdicts.open_at(trial) for trial in range(len(curves))] == [None] * len(curves)


def test_one_worker_never_waits_for_a_verdict():
    rng = random.Random(0)
    verdicts = Verdicts(ASHA())
    for trial in range(50):
        for epoch in range(1, 28):
            verdicts.reported(trial, epoch, rng.random())
            assert verdicts.open_at(trial) is None
            if verdicts.stopped_at(trial):
                break
        verdicts.over(trial)


def test_a_trial_without_reports_holds_nobody_up():
    verdicts = Verdicts(ASHA(reduction_factor=2))
    verdicts.reported(1, 1, 0.2)
    verdicts.reported(2, 1, 0.1)
    verdicts.reported(3, 1, 0.15)
    assert verdicts.open_at(3) == 1
    verdicts.over(0)
    assert verdicts.stopped_at(3) == 1


def test_faults_name_the_argument():
    assert ASHA().faults() == []
    wrong = " ".join(ASHA(grace_epochs=0, reduction_factor=1.5).faults())
    assert "ASHA(grace_epochs=…) must be an int of at least 1, but got 0 (int)" in wrong
    assert "ASHA(reduction_factor=…) must be an int of at least 2, but got 1.5 (float)" in wrong


@pytest.mark.parametrize(
    ("last", "expected"), [(0, []), (1, [1]), (26, [1, 3, 9]), (27, [1, 3, 9, 27])]
)
def test_rungs(last, expected):
    assert list(ASHA().rungs(last)) == expected
    assert list(ASHA(max_epochs=27).rungs(last)) == [rung for rung in expected if rung < 27]


@pytest.mark.parametrize("last", [60, 2**53 - 1])
def test_a_trial_of_any_number_waits_for_those_before_it(last):
    """As a damaged record may have it; nothing is counted up to there."""
    verdicts = Verdicts(ASHA(reduction_factor=2))
    for trial, loss in ((0, 0.1), (1, 0.2), (3, 0.3), (last, 0.4)):
        verdicts.reported(trial, 1, loss)
        verdicts.over(trial)
    assert [verdicts.stopped_at(trial) for trial in (0, 1, 3, last)] == [None, 1, 1, None]
    assert verdicts.open_at(last) == 1
    verdicts.over(2)
    verdicts.reported(4, 1, 0.05)
    assert verdicts.open_at(4) is None
    assert verdicts.open_at(last) == 1
