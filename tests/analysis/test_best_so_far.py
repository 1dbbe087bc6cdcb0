import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import made, odd_sweeps, with_asha

from sweeper.analysis.best_so_far import (
    chance_of_top,
    expected_best,
    incumbents,
    promise,
    trials_for_top,
)

# No number of a sweep, however odd, brings a warning of NumPy's or pandas'.
pytestmark = pytest.mark.filterwarnings("error")

ERRORS = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=7)


@pytest.mark.slow
@given(st.lists(st.none() | st.floats(-10, 10), max_size=30), st.randoms())
def test_incumbents_are_the_running_minimum_in_the_order_of_ending(errors, random):
    results = made(errors)
    for row in results.rows:
        row.runtime_s = random.random() * 20
    found = incumbents(results)
    frame = results.frame.assign(end=lambda f: f["start_s"] + f["runtime_s"])
    frame = frame.sort_values("end", kind="stable")
    oracle = frame["validation_error"].where(frame["status"] == "finished").cummin().ffill()
    np.testing.assert_array_equal(found["validation_error"], oracle)
    np.testing.assert_array_equal(found["seconds"], frame["end"])
    assert list(found["trials"]) == list(range(1, len(errors) + 1))
    known = found.dropna(subset="trial")
    assert [errors[trial] for trial in known["trial"]] == list(known["validation_error"])


def test_epochs_of_stopped_trials_are_counted():
    results = with_asha()
    found = incumbents(results)
    assert found["epochs"].tolist() == np.cumsum([row.epochs for row in results.rows]).tolist()


def test_ties_stay_with_the_incumbent_that_ended_first():
    assert list(incumbents(made([0.5, 0.5, 0.4, 0.4]))["trial"]) == [0, 0, 2, 2]


def test_only_what_finished_with_a_number_is_an_incumbent():
    results = made([0.1, 0.2, 0.3])
    results.rows[0].status = "stopped"
    results.rows[1].value = -math.inf
    assert incumbents(results)["validation_error"].isna().tolist() == [True, True, False]


def test_replicates_count_by_their_mean():
    assert list(incumbents(made([[0.1, 0.9], [0.4, 0.4]]))["validation_error"]) == [0.5, 0.4]


@pytest.mark.slow
@given(ERRORS)
def test_expected_best_is_the_mean_over_all_subsets_in_which_one_finished(errors):
    found = expected_best(made(errors), resamples=10).set_index("trials")
    if all(e is None for e in errors):
        assert found.empty
        return
    for n in range(1, len(errors) + 1):
        subsets = [[e for e in s if e is not None] for s in itertools.combinations(errors, n)]
        least = [min(s) for s in subsets if s]
        assert found["expected"][n] == pytest.approx(np.mean(least), abs=1e-12)
        assert found["chance_none"][n] == pytest.approx(1 - len(least) / len(subsets), abs=1e-12)


@pytest.mark.slow
@given(ERRORS)
def test_the_expected_best_falls_to_the_best(errors):
    found = expected_best(made(errors), resamples=10)
    assert (found["expected"].diff().dropna() <= 1e-12).all()
    if len(found):
        assert found["expected"].iloc[-1] == min(e for e in errors if e is not None)
        known = found.dropna()
        assert (known["low"] <= known["expected"]).all()
        assert (known["expected"] <= known["high"]).all()


@pytest.mark.slow
def test_the_interval_of_the_expected_best_holds_what_it_says():
    rng = np.random.default_rng(0)
    total, repeats = 16, 120
    held = np.zeros(total)
    truth = 1 / (np.arange(1, total + 1) + 1)  # of the least of n uniform numbers
    for _ in range(repeats):
        found = expected_best(made(rng.random(total)), confidence=0.9, resamples=150)
        held += ((found["low"] <= truth) & (truth <= found["high"])).to_numpy()
    assert (held / repeats > 0.76).all()


def test_few_finished_trials_have_no_interval():
    assert expected_best(made([0.1, 0.2, None]))[["low", "high"]].isna().all(axis=None)


def test_initial_and_interrupted_configurations_are_no_draws():
    results = made([0.0, 0.2, 0.3, 0.4])
    results.sweep["searcher"]["initial_configs"] = [{"x": 1}]
    results.rows[3].status = "interrupted"
    assert list(expected_best(results)["expected"]) == [0.25, 0.2]


@pytest.mark.parametrize("kind", ["GridSearch", "SobolSearch", "BayesianSearch"])
def test_only_random_searches_have_an_expected_best(kind):
    for function in (expected_best, promise):
        with pytest.raises(ValueError, match=f"independent draws.*{kind}.*incumbents"):
            function(made([0.1, 0.2], searcher=kind))


def test_the_promise_is_what_the_second_half_brought():
    rng = np.random.default_rng(1)
    results = made(rng.random(16))
    found, table = promise(results), expected_best(results).set_index("trials")["expected"]
    assert (found["trials"], found["half"]) == (16, 8)
    assert found["gain"] == table[8] - table[16]
    assert 0 <= found["low"] <= found["gain"] <= found["high"]
    assert found["sentence"].startswith(f"8 trials would have got {table[8]:.4g} on average")


def test_three_trials_promise_nothing():
    found = promise(made([0.1, 0.2, 0.3]))
    assert math.isnan(found["gain"])
    assert "too few" in found["sentence"]


def test_sixty_trials_hit_the_best_twentieth_in_19_of_20_cases():
    assert chance_of_top(60, 0.05) == pytest.approx(1 - 0.95**60)
    assert trials_for_top(0.05, 0.95) == 59
    assert chance_of_top(0, 0.5) == 0
    assert chance_of_top(1, 1) == 1


@given(st.floats(1e-6, 1), st.floats(0, 0.999999))
def test_trials_for_top_is_the_least_number(fraction, probability):
    n = trials_for_top(fraction, probability)
    assert chance_of_top(n, fraction) >= probability
    assert n == 0 or chance_of_top(n - 1, fraction) < probability


def test_fractions_are_checked():
    with pytest.raises(ValueError, match=r"0 < fraction <= 1.*chance_of_top\(60"):
        chance_of_top(3, 0)
    with pytest.raises(ValueError, match=r"probability < 1, but got.*probability=1"):
        trials_for_top(0.1, 1)


@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_no_trouble(name):
    results = odd_sweeps()[name]
    assert len(incumbents(results)) == results.frame["trial"].nunique()
    if any(row.status == "stopped" for row in results.rows) or results.sweep.get("scheduler"):
        for function in (expected_best, promise):
            with pytest.raises(ValueError, match=r"this sweep stops trials early.*incumbents"):
                function(results)
    else:
        assert isinstance(expected_best(results), pd.DataFrame)
        assert isinstance(promise(results)["sentence"], str)
