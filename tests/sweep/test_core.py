"""The in-order promises, where they live: on simulated workers with any durations and kills."""

import random

import pytest
import simulated
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from simulated import Learner, run, sweep_of

from sweeper.record.settled import settled
from sweeper.search.asha import ASHA
from sweeper.search.random_search import RandomSearch

pytestmark = pytest.mark.slow

# An example is a seed, so that there is nothing to shrink.
settings = hypothesis_settings(
    deadline=None, max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
SCHEDULERS = [None, ASHA(1, 3), ASHA(2, 2)]


def table(rows) -> list[str]:
    """All that the table says, to the last bit; NaN equals itself here."""
    return [repr(row) for row in rows]


def sweeps(num_trials: int, lag: int, replicates: int):
    yield sweep_of(RandomSearch(num_trials), replicates=replicates)
    yield sweep_of(Learner(num_trials), replicates=replicates, lag=lag)
    for scheduler in SCHEDULERS[1:]:
        yield sweep_of(RandomSearch(num_trials), scheduler)
        yield sweep_of(Learner(num_trials), scheduler, lag=lag)


@settings
@given(
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(1, 3),
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
    st.integers(0, 10**6),
)
def test_any_number_of_workers_and_any_durations_give_the_same_table(
    num_trials, lag, replicates, workers, random_seed
):
    for sweep in sweeps(num_trials, lag, replicates):
        alone = run(sweep, 1, random.Random(random_seed))
        for number in workers:
            others = run(sweep, number, random.Random(random_seed + number), deaths=0.05)
            assert table(others.rows) == table(alone.rows)
            assert table(settled(others.lines, sweep.scheduler)) == table(alone.rows)


@settings
@given(
    st.integers(1, 30),
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 60)), max_size=4),
    st.integers(0, 10**6),
)
def test_any_kill_leads_to_the_same_table_and_trains_nothing_whole_again(
    num_trials, lag, kills, random_seed
):
    for sweep in sweeps(num_trials, lag, 1):
        undisturbed = run(sweep, 1, random.Random(random_seed))
        lines = []
        for workers, events in kills:
            lines = run(
                sweep, workers, random.Random(f"{random_seed} {events}"), lines, kill_after=events
            ).lines
        last = run(sweep, 3, random.Random(random_seed), lines)
        assert table(last.rows) == table(undisturbed.rows)
        keys = [row.key for row in last.lines]
        assert len(keys) == len(set(keys)), "one line a fate"


@settings
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 10**6))
def test_a_longer_search_has_the_same_first_trials(few, more, random_seed):
    for short, long in zip(sweeps(few, 3, 1), sweeps(few + more, 3, 1), strict=True):
        first = run(short, 4, random.Random(random_seed)).rows
        assert table(run(long, 2, random.Random(random_seed)).rows)[:few] == table(first)


def test_a_thousand_workers():
    sweep = sweep_of(RandomSearch(1200), ASHA())
    many = run(sweep, 1000, random.Random(0))
    assert table(many.rows) == table(run(sweep, 1, random.Random(1)).rows)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_nobody_waits_with_the_lag_that_is_chosen(scheduler):
    """Simulated time, so exact: with even trials all are busy until the trials run out."""
    workers = 8
    sweep = sweep_of(Learner(400), scheduler).with_lag_for(workers)
    even = run(sweep, workers, random.Random(0), epoch_s=lambda trial: 1.0)
    free = run(
        sweep_of(RandomSearch(400), scheduler), workers, random.Random(0), epoch_s=lambda trial: 1.0
    )
    for outcome in (even, free):
        assert outcome.busy_s / (workers * outcome.ended_s) > 0.85


def test_early_stopping_saves_epochs_and_loses_no_winner():
    sweep = sweep_of(RandomSearch(300), ASHA())

    def training(config, seed):
        return simulated.Training([config["x"] + 1 / epoch for epoch in range(1, 28)])

    outcome = run(sweep, 4, random.Random(0), training=training)
    best = min(row.config["x"] for row in outcome.rows)
    winner = min(
        (row for row in outcome.rows if row.status == "finished"),
        key=lambda row: row.value,
    )
    assert winner.config["x"] == best
    assert outcome.epochs < 0.2 * 27 * 300
    stopped = [row for row in outcome.rows if row.status == "stopped"]
    assert {row.epochs for row in stopped} <= {1, 3, 9, 27}
    assert all(row.curve[-1][:2] == [row.epochs, row.value] for row in stopped)


def test_configurations_cost_nothing_before_they_are_wanted():
    """A search of 10 ** 12 trials begins like any other."""
    core = simulated.Core(sweep_of(RandomSearch(10**12)))
    assert core.next_trial().trial == 0
    assert core.next_trial().trial == 1
    assert core.rows() == []


def test_a_trial_whose_worker_did_not_start_is_handed_out_again():
    core = simulated.Core(sweep_of(RandomSearch(2)))
    first, second = core.next_trial(), core.next_trial()
    assert core.next_trial() is None
    core.not_started(second)
    assert not core.is_over
    assert core.next_trial() == second
    assert {first.key, second.key} == set(core.running)
