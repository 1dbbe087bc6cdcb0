"""The short form of scripts/simulated_kills.py, and each kind of search once by itself."""

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from disturbed import Nature, Run, Trouble, on_record, table

import sweeper
from sweeper.record.sweep_definition import Sweep

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import simulated_kills
from simulated_kills import KINDS

pytestmark = pytest.mark.slow


def test_sweeps_that_are_killed_and_gone_on_with_end_like_undisturbed_ones():
    counts, wrong = simulated_kills.simulate(seed=1, numbers=range(400))
    assert not wrong, f"python scripts/simulated_kills.py --seed 1 --only {wrong[0][0].number}"
    assert counts.loc["all", "kills"] > 400


TRIALS = 12  # models begin at the tenth


@pytest.mark.parametrize("scheduler", [None, sweeper.ASHA()], ids=["whole", "asha"])
@pytest.mark.parametrize("name", KINDS)
def test_each_searcher_has_the_same_table_on_1_2_4_and_8_workers_killed_three_times(
    name, scheduler
):
    """Trials take other times in each run, and workers die; `test_same_table.py` does the same to
    real processes, for one kind.
    """
    kind = KINDS[name]
    sweep = Sweep(None, kind.space, kind.search(TRIALS, random.Random(0)), scheduler)
    sweep = replace(sweep, lag=sweep.searcher.lag).with_lag_for(2)
    nature = Nature(salt=1, epochs=5)

    def go_on(lines: list, workers: int, rng: random.Random, **trouble) -> Run:
        run = Run(sweep, on_record(lines, False), workers, nature, Trouble(**trouble), rng)
        assert run.to_the_end() == ("end_at" not in trouble)
        return run

    alone = go_on([], 1, random.Random(0))
    kept = 0
    for workers in (1, 2, 4, 8):
        rng, lines = random.Random(workers), []
        for _ in range(3):
            lines = go_on(lines, workers, rng, end_at=alone.events // 4, deaths=0.05).lines.rows
        kept += len(lines)
        assert table(go_on(lines, workers, rng).core.rows()) == table(alone.core.rows())
    assert kept
