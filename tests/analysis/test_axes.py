import math

import numpy as np
import pytest
from distributions import DISTRIBUTIONS
from made_results import made, odd_sweeps
from scipy import stats

from sweeper.analysis.axes import axes, configurations
from sweeper.space.config_space import quantile
from sweeper.space.text import to_text

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
    np.testing.assert_allclose(table["validation_error"], [0.2, 0.5, np.nan])
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
