import heapq
import math
import random

import pytest
import simulated
from simulated import Learner, sweep_of

from sweeper.record.rows import Key, Row
from sweeper.search.asha import ASHA, Verdicts
from sweeper.search.known import Known
from sweeper.sweep.knowledge import Knowledge


def row(trial: int, curve: list[float], status: str = "finished", replicate: int = 0) -> Row:
    points = [[epoch, error, 0.0] for epoch, error in enumerate(curve, 1)]
    error = curve[-1] if curve and status == "finished" else None
    return Row(trial, replicate, {"x": trial}, error, len(curve) or None, status, 0, curve=points)


def knowledge_of(sweep, rows, running=None) -> Knowledge:
    verdicts = Verdicts(sweep.scheduler) if sweep.scheduler else None
    curves = {Key(trial, 0): row(trial, curve).curve for trial, curve in (running or {}).items()}
    for one in rows:
        for epoch, error, _ in one.curve if verdicts else ():
            verdicts.reported(one.trial, epoch, error)
        if verdicts:
            verdicts.over(one.trial)
    for key, curve in curves.items():
        for epoch, error, _ in curve if verdicts else ():
            verdicts.reported(key.trial, epoch, error)
    lines = {one.key: one for one in rows}
    return Knowledge(sweep, lines, curves, lambda trial: {"x": trial}, verdicts)


def test_without_a_scheduler_all_or_nothing_by_the_lag():
    rows = [row(t, [0.5, 0.1 * t]) for t in range(6)]
    known = knowledge_of(sweep_of(Learner(9), lag=3), rows).before(6)
    assert [one.error for one in known] == [0.0, 0.1, 0.2, 0.1 * 3, None, None]
    assert [one.status for one in known] == ["finished"] * 4 + ["running"] * 2
    assert known[5] == Known({"x": 5})


def test_it_waits_for_what_is_to_be_known_and_for_nothing_else():
    rows = [row(0, [0.1]), row(2, [0.3])]
    knowledge = knowledge_of(sweep_of(Learner(9), lag=3), rows, running={1: [0.2]})
    assert knowledge.before(3) is not None
    assert knowledge.before(4) is None  # trial 1 has not ended
    assert knowledge.before(4, asked={3}) is None


def test_the_mean_over_replicates_of_those_that_finished():
    rows = [row(0, [0.2]), row(0, [0.4], replicate=1), row(1, [], "failed")]
    rows.append(row(1, [0.5], replicate=1))
    rows += [row(2, [], "failed"), row(2, [], "failed", replicate=1)]
    known = knowledge_of(sweep_of(Learner(9), replicates=2, lag=1), rows).before(3)
    assert [one.error for one in known] == [pytest.approx(0.3), 0.5, None]
    assert [one.status for one in known] == ["finished", "finished", "failed"]


@pytest.mark.parametrize("seed", range(20))
def test_with_a_scheduler_it_is_what_virtual_workers_would_have_shown(seed):
    """The oracle plays the virtual workers, each epoch of which takes one unit of time."""
    rng = random.Random(seed)
    lag, scheduler = rng.randint(1, 6), ASHA(rng.randint(1, 2), rng.randint(2, 3))
    sweep = sweep_of(Learner(40), scheduler, lag=lag)
    outcome = simulated.run(sweep, 5, random.Random(seed))
    knowledge = knowledge_of(sweep, outcome.lines)
    starts, free = [], [0] * lag
    for one in outcome.rows:
        starts.append(heapq.heappop(free))
        heapq.heappush(free, starts[-1] + (one.epochs or 1))
    for trial in range(40):
        for earlier, known in enumerate(knowledge.before(trial)):
            shown = outcome.rows[earlier]
            epochs = starts[trial] - starts[earlier]
            assert [error for _, error in known.curve] == pytest.approx(
                [error for epoch, error, _ in shown.curve if epoch <= epochs], nan_ok=True
            )
            length = shown.epochs or 0
            ended = epochs >= length if shown.status == "stopped" else epochs > length
            assert known.status == (shown.status if ended else "running")
            if ended and shown.value is not None:
                assert known.error == shown.value or math.isnan(known.error)
