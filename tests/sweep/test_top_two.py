"""Trainings that go where they tell most, in order, on simulated workers."""

import random
from collections import Counter
from dataclasses import replace

import pytest
import simulated
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from simulated import Training, sweep_of

from sweeper.search.known import Known
from sweeper.search.top_two import SearchOver, TopTwo
from sweeper.space.space import Space
from sweeper.sweep.core import Core
from sweeper.sweep.suggestions import Here, Suggestions, warm_up

settings = hypothesis_settings(deadline=None, max_examples=8)
LAG = 4


def sweep(xs, until=0.95, most=60):
    """Of configurations whose true mean is `x`; those below 0 fail."""
    configs = [{"x": x} for x in xs]
    made = sweep_of(TopTwo(most, configs, until), lag=LAG)
    return replace(made, space=Space({"x": list(xs)}))


def trained(config, seed):
    if config["x"] < 0:
        return Training([], "failed")
    return Training([config["x"] + 0.1 * random.Random(f"{config} {seed}").gauss(0, 1)])


def run(made, workers=1, seed=0, **options):
    return simulated.run(made, workers, random.Random(seed), training=trained, **options)


def table(outcome) -> list[str]:
    return [repr(row) for row in outcome.rows]


def counts(outcome) -> Counter:
    return Counter(row.config["x"] for row in outcome.rows)


@settings
@given(st.lists(st.sampled_from([0.1, 0.11, 0.3, 1, -1]), min_size=1, max_size=4, unique=True),
       st.integers(2, 12), st.integers(0, 200), st.integers(0, 10**6))  # fmt: skip
def test_the_same_table_on_any_number_of_workers_and_after_any_kill(xs, workers, events, seed):
    made = sweep(xs)
    alone = run(made, 1, seed)
    assert table(run(made, workers, seed + 1, deaths=0.05)) == table(alone)
    killed = run(made, workers, seed + 2, kill_after=events)
    assert table(run(made, 2, seed + 3, lines=killed.lines)) == table(alone)


def test_it_ends_early_where_one_is_clearly_the_best():
    outcome = run(sweep([0.1, 1, 2]))
    assert 6 <= len(outcome.rows) <= 6 + LAG
    assert [row.config["x"] for row in outcome.rows[:6]] == [0.1, 1, 2, 0.1, 1, 2]


def test_what_is_clearly_worse_gets_no_more():
    close = counts(run(sweep([0.1, 0.1001, 2, 3], until=0.99, most=80)))
    assert min(close[0.1], close[0.1001]) > 8
    assert max(close[2], close[3]) <= 4


def test_a_higher_probability_goes_on_where_a_lower_one_ended():
    xs = [0.1, 0.12, 0.15]
    short, long = run(sweep(xs, 0.8)), run(sweep(xs, 0.99))
    assert len(short.rows) < len(long.rows)
    assert table(long)[: len(short.rows)] == table(short)
    again = run(sweep(xs, 0.99), 3, lines=short.lines)
    assert table(again) == table(long)
    assert table(run(sweep(xs, 0.8), lines=long.lines)) == table(long)


def test_it_ends_at_the_latest_after_all_its_trials():
    assert len(run(sweep([0.1, 0.1001, 0.1002], 0.999, most=17)).rows) == 17


def test_those_that_fail_are_left_out():
    assert counts(run(sweep([-1, 0.1, 0.11])))[-1] <= 2 + LAG
    assert len(run(sweep([-1, -2])).rows) <= 4 + LAG


def test_an_end_that_has_come_is_found_without_a_worker():
    made = sweep([0.1, 1, 2])
    core = Core(made, run(made).lines)
    assert not core.is_over
    Suggestions(core, Here(made)).step()
    assert core.is_over


def test_a_warm_up_may_come_to_the_end():
    warm_up(sweep([0.1, 0.2]))


def test_it_asks_for_nothing_that_it_must_not_know():
    known = [Known({"x": x}, error=x, status="finished") for x in (0.1, 1) * 2]
    space = Space({"x": [0.1, 1]})
    searcher = TopTwo(9, [{"x": 0.1}, {"x": 1}])
    with pytest.raises(SearchOver):
        searcher.config(space, 0, 4, known)  # no noise: all is certain
    running = [replace(one, error=None, status="running") for one in known]
    assert searcher.config(space, 0, 4, running) == {"x": 0.1}
    assert "2 configurations, at most 9 trainings" in searcher.describe(space)
