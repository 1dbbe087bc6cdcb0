import math

import numpy as np
import pytest
from distributions import DISTRIBUTIONS
from hypothesis import given
from hypothesis import strategies as st
from made_results import STATUSES, made, odd_sweeps, with_asha, with_configs
from scipy import stats

from sweeper.analysis.axes import axes, configurations, diverged, standings
from sweeper.space.distributions import quantile
from sweeper.space.text import to_text

ERRORS = st.none() | st.floats(0, 1) | st.sampled_from([math.nan, math.inf, 0.5])
WITH_TEXT = {name: d for name, d in DISTRIBUTIONS.items() if to_text(d)}


@pytest.mark.parametrize("name", WITH_TEXT)
def test_values_lie_at_their_probability(name):
    u = (np.arange(200) + 0.5) / 200
    values = [quantile(WITH_TEXT[name], float(p)) for p in u]
    (axis,) = axes(made([0.5] * 200, {"x": values}, {"x": to_text(WITH_TEXT[name])}))
    assert axis.is_number
    masses = [float(np.mean(np.array(values) == value)) for value in values]
    assert np.abs(axis.u - u).max() <= max(masses) / 2 + 0.02
    assert axis.u.mean() == pytest.approx(0.5, abs=0.03)


def test_choices_of_numbers_are_in_order_of_size_and_others_in_that_of_the_list():
    numbers, words = axes(
        made(
            [1, 2, 3],
            {"n": [64, 16, 32], "w": ["b", "a", "z"]},
            {"n": "[64, 16, 32]", "w": "[z, b, a]"},
        )
    )
    assert numbers.labels == [16, 32, 64]
    assert numbers.u.tolist() == [5 / 6, 1 / 6, 3 / 6]
    assert words.labels == ["z", "b", "a"]
    assert not words.is_number
    assert words.codes.tolist() == [1, 2, 0]


def test_what_has_no_text_form_lies_among_what_was_seen():
    (axis,) = axes(made([1, 2, 3], {"x": [5.0, 1.0, 3.0]}, {"x": "<object>"}))
    assert axis.distribution is None
    assert axis.u.tolist() == [5 / 6, 1 / 6, 3 / 6]


def test_values_that_look_alike_are_told_apart():
    (axis,) = axes(made([1, 2, 3], {"x": [True, 1, "1"]}, {"x": "[True, 1, '1']"}))
    assert axis.codes.tolist() == [0, 1, 2]
    (axis,) = axes(made([1, 2], {"x": [[1, 2], [1]]}, {"x": "[(1, 2), (1,)]"}))
    assert axis.codes.tolist() == [0, 1]


def test_missing_values_have_no_place():
    (axis,) = axes(made([1, 2], {"x": [None, 0.5]}))
    assert math.isnan(axis.u[0])
    assert axis.u[1] == 0.5
    assert not axis.varies


def test_configurations_average_what_finished():
    results = made([[0.1, 0.3], [0.5, None], [None, None]])
    table = configurations(results)
    assert list(table["status"]) == ["finished", "finished", "failed"]
    assert list(table["count"]) == [2, 1, 0]
    np.testing.assert_allclose(table["loss"], [0.2, 0.5, np.nan])
    np.testing.assert_allclose(table["sd"], [np.std([0.1, 0.3], ddof=1), np.nan, np.nan])
    assert list(table["end_s"]) == [1, 2, 3]


@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_no_trouble(name):
    results = odd_sweeps()[name]
    table = configurations(results)
    for axis in axes(results):
        assert len(axis.u) == len(axis.values) == len(table)


def test_a_random_search_is_uniform_on_every_axis():
    draws = stats.loguniform(1e-4, 1).rvs(500, random_state=0)
    (axis,) = axes(made(draws, {"lr": draws}, {"lr": "loguniform(1e-4, 1)"}))
    assert stats.kstest(axis.u, "uniform").pvalue > 0.01


CONDITIONAL = {
    "optimizer": "['sgd', 'adam']",
    "momentum": "uniform(0.5, 0.4) if optimizer == 'sgd'",
    "lr": "loguniform(0.01, 1) if optimizer == 'sgd' else loguniform(0.0001, 0.01)",
    "decay": "uniform(0, 1) if optimizer == 'sgd' else 0.5",
    "warmup": "[1, 2] if optimizer == 'sgd' else 0",
}
SGD = {"optimizer": "sgd", "momentum": 0.6, "lr": 0.1, "decay": 0.25, "warmup": 2}
ADAM = {"optimizer": "adam", "lr": 0.001, "decay": 0.5, "warmup": 0}


def conditional():
    results = made([0.1, 0.2, 0.3], columns={"x": [1, 2, 3]}, space=CONDITIONAL)
    return with_configs(results, [SGD, ADAM, SGD | {"momentum": "?"}])


def test_conditional_hyperparameters_count_where_they_were_there():
    every = {axis.name: axis for axis in axes(conditional())}
    momentum = every["momentum"]
    np.testing.assert_allclose(momentum.u, [0.25, np.nan, np.nan])
    assert momentum.num_distributions == 1
    assert to_text(momentum.distribution) == "uniform(0.5, 0.4)"
    # Each value at its probability by the law that held for it.
    np.testing.assert_allclose(every["lr"].u, [0.5, 0.5, 0.5])
    assert (every["lr"].num_distributions, every["lr"].distribution) == (2, None)
    np.testing.assert_allclose(every["decay"].u, [0.25, np.nan, 0.25])
    np.testing.assert_allclose(every["decay"].values, [0.25, 0.5, 0.25])
    assert every["warmup"].labels == [0, 1, 2]
    np.testing.assert_allclose(every["warmup"].u, [5 / 6, np.nan, 5 / 6])


def test_absent_values_are_no_category():
    results = made([0.1, 0.2], columns={"x": [1, 2]}, space={"x": "['a', 'b'] if y == 1", "y": "1"})
    (axis, _) = axes(with_configs(results, [{"y": 1, "x": "b"}, {}]))
    assert axis.labels == ["a", "b"]
    assert axis.codes.tolist() == [1, -1]
    np.testing.assert_allclose(axis.u, [0.75, np.nan])


@pytest.mark.parametrize(
    "text",
    [
        "uniform(0, 1) if __import__('os') else 3",
        "uniform(0, 1) if x == 1 else " * 400 + "3",
        "1 if " + "not " * 900 + "y",
        "1 if y == " + "9" * 5000,
        "uniform(0, 1) if x > 0",
        "[1, 2] if x",
        "1 if y if z",
    ],
)
def test_hostile_conditions_are_no_trouble(text):
    results = made([0.1, 0.2], columns={"x": [1, 0.5]}, space={"x": text, "y": text})
    assert len(axes(results)) == 2


def test_a_conditional_law_without_text_form_counts_where_it_was_there():
    results = made([0.1] * 3, columns={"x": [1, 2, 3]}, space={"x": "When(condition='y', …)"})
    (axis,) = axes(with_configs(results, [{"x": 7}, {}, {"x": 3}]))
    np.testing.assert_allclose(axis.u, [0.75, np.nan, 0.25])


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(STATUSES), ERRORS, st.integers(0, 3)), max_size=30))
def test_standings_are_finished_then_far_then_low_then_lost(ends):
    results = made([0.5] * len(ends))
    for row, (status, error, trained) in zip(results.rows, ends, strict=True):
        row.status, row.value, row.epochs = status, error, trained
    table = configurations(results)
    places, lost = standings(table), diverged(table)

    def oracle(end):
        status, error, trained = end
        known = error is not None and np.isfinite(error)
        if status == "finished" and known:
            return 0, 0, error
        return (1, -trained, error) if status == "stopped" and known else (2, 0, 0)

    for i, one in enumerate(ends):
        assert np.isfinite(places[i]) == (oracle(one)[0] < 2)
        assert lost[i] == (oracle(one)[0] == 2 and one[0] != "interrupted")
        for j, other in enumerate(ends):
            assert (places[i] < places[j]) == (oracle(one) < oracle(other))


def test_without_stopped_trials_standings_are_in_the_order_of_errors():
    results = made([0.5, 0.1, None, 0.3, 0.1])
    assert standings(configurations(results)).tolist() == [3, 1, np.inf, 2, 1]


def test_epochs_are_those_of_all_replicates_and_the_last_error_that_of_stopped_ones_too():
    table = configurations(with_asha(30))
    assert table["epochs"].tolist() == [row.epochs for row in with_asha(30).rows]
    assert table["last_loss"].tolist() == [row.value for row in with_asha(30).rows]
    assert configurations(made([[1, 2], [3, None]]))["epochs"].tolist() == [8, 4]
