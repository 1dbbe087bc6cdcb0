import itertools
import math
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from distributions import CONTINUOUS, DISCRETE, DISTRIBUTIONS
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.space.checks import check_config_space, check_seed, is_distribution
from sweeper.space.config_space import (
    axis,
    draw,
    grid,
    grid_axes,
    is_discrete,
    quantile,
    support,
    trial_seed,
    uniform_draw,
)

SMALLEST, LARGEST = 2.0**-53, 1 - 2.0**-53  # the ends of what uniform_draw gives

seeds = st.integers(0, 2**32 - 1)
trials = st.integers(0, 2**40)
names = st.text(st.characters(), min_size=1)
distributions = st.sampled_from(list(DISTRIBUTIONS.values()))


# Distributions


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_kinds_of_distribution(name):
    assert is_distribution(DISTRIBUTIONS[name])
    assert is_discrete(DISTRIBUTIONS[name]) == (name in DISCRETE)


@given(distributions, st.sampled_from([0.0, 1.0]) | st.floats(SMALLEST, LARGEST))
def test_quantiles_lie_in_the_support(distribution, u):
    low, high = support(distribution)
    value = quantile(distribution, u)
    assert low <= value <= high
    assert type(value) in (int, float)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_quantiles_at_the_ends(name):
    low, high = support(DISTRIBUTIONS[name])
    assert (quantile(DISTRIBUTIONS[name], 0.0), quantile(DISTRIBUTIONS[name], 1.0)) == (low, high)
    # The quantiles of a truncated distribution are rounded to its end at the very last u.
    for u in (SMALLEST, 1 - 2**-52 if name == "truncated" else LARGEST):
        assert math.isfinite(quantile(DISTRIBUTIONS[name], u))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_only_whole_numbers_of_discrete_distributions_are_ints(name):
    for u in np.linspace(0.05, 0.95, 19):
        value = quantile(DISTRIBUTIONS[name], u)
        assert isinstance(value, int) == (name in DISCRETE and value == round(value))


def test_a_continuous_whole_number_stays_a_float():
    truncated = stats.truncate(stats.Uniform(a=0, b=10), ub=8)
    assert [type(quantile(d, 0.5)) for d in (stats.uniform(0, 2), truncated)] == [float, float]


# Draws


@given(seeds, names, trials)
def test_uniform_draws_lie_in_the_open_interval(seed, name, trial):
    assert SMALLEST <= uniform_draw(seed, name, trial) <= LARGEST


@pytest.mark.parametrize(("word", "u"), [(0, SMALLEST), (2**64 - 1, LARGEST)])
def test_uniform_draw_is_exact_at_the_ends(monkeypatch, word, u):
    monkeypatch.setattr("sweeper.space.config_space._random_word", lambda *_: word)
    assert uniform_draw(0, "lr", 0) == u
    assert draw({"a": [0, 1, 2]}, 0, 0)["a"] == (0 if word == 0 else 2)


@given(st.integers(1, 2**40))
def test_the_largest_draw_stays_inside_a_list(n):
    assert int(LARGEST * n) == n - 1


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_draws_follow_the_distribution(name):
    distribution = DISTRIBUTIONS[name]
    n = 200 if name == "mixture" else 1500  # its quantiles take 3 ms each
    values = np.array([draw({name: distribution}, 1, trial)[name] for trial in range(n)])
    if name in DISCRETE:
        # The Kolmogorov distance; its continuous critical value is conservative here.
        points = np.unique(values)
        shares = np.array([np.mean(values <= point) for point in points])
        assert np.max(np.abs(shares - distribution.cdf(points))) < 1.95 / math.sqrt(n)
    else:
        assert stats.kstest(values, distribution.cdf).pvalue > 1e-3


def test_choices_are_equally_likely_and_hyperparameters_independent():
    space = {"a": list("xyz"), "b": list("uvw")}
    counts = np.zeros((3, 3))
    for trial in range(3000):
        config = draw(space, 0, trial)
        counts["xyz".index(config["a"]), "uvw".index(config["b"])] += 1
    assert stats.chisquare(counts.ravel()).pvalue > 1e-3


def test_trials_and_seeds_are_independent():
    by_trial = [uniform_draw(0, "lr", trial) for trial in range(2000)]
    by_seed = [uniform_draw(seed, "lr", 0) for seed in range(2000)]
    for series in (by_trial, by_seed):
        assert stats.kstest(series, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(series[1:], series[:-1])[0, 1]) < 0.08


@given(seeds, st.integers(0, 1000), names, distributions)
def test_one_more_hyperparameter_changes_nothing(seed, trial, name, distribution):
    space = {"lr": stats.loguniform(1e-4, 1), "act": ["relu", "tanh"], "n": stats.randint(1, 9)}
    before = draw(space, seed, trial)
    after = draw({name: distribution} | space, seed, trial)
    assert {key: after[key] for key in before} == before


def test_draws_are_copies():
    space = {"choice": [{"layers": [1]}], "constant": {"layers": [1]}}
    config = draw(space, 0, 0)
    config["choice"]["layers"].append(2)
    config["constant"]["layers"].append(2)
    assert space == {"choice": [{"layers": [1]}], "constant": {"layers": [1]}}


def test_draws_are_the_same_in_every_process():
    code = (
        "from scipy import stats; from sweeper.space.config_space import draw, trial_seed\n"
        "space = {'lr': stats.loguniform(1e-4, 1), '\\udc80': stats.norm(), 'c': list('abcdef')}\n"
        "print(ascii([draw(space, 7, i) for i in range(20)]), trial_seed(7, 3, 1))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    }
    space = {"lr": stats.loguniform(1e-4, 1), "\udc80": stats.norm(), "c": list("abcdef")}
    here = ascii([draw(space, 7, i) for i in range(20)])
    assert outputs == {f"{here} {trial_seed(7, 3, 1)}\n"}


def test_draws_stay_from_release_to_release():
    # Sweeps on disk are resumed by drawing again: a change here breaks every one of them.
    assert uniform_draw(0, "learning_rate", 0) == 0.4830369780885778
    assert uniform_draw(2**32 - 1, "λ", 10**6) == 0.5019852798638674
    assert (trial_seed(0, 0), trial_seed(7, 3, 1)) == (505235233, 3854350017)


@given(seeds, st.integers(0, 2**40), st.integers(0, 1000))
def test_trial_seeds_are_seeds_of_their_own(seed, trial, replicate):
    value = trial_seed(seed, trial, replicate)
    assert check_seed(value) == value
    assert value not in (trial_seed(seed, trial + 1, replicate), trial_seed(seed, trial, 1001))


def test_no_name_shares_the_random_numbers_of_trial_seeds():
    seed = trial_seed(0, 5)
    for name in ("trial_seed", "seed", "hyperparameter:trial_seed"):
        assert int(uniform_draw(0, name, 5) * 2**32) != seed


# Grids


@pytest.mark.parametrize("points", [2, 3, 7, 100])
def test_bounded_axes_include_both_ends(points):
    uniform = axis("a", stats.uniform(1, 3), points)
    loguniform = axis("a", stats.loguniform(1e-4, 1), points)
    np.testing.assert_allclose(uniform, np.linspace(1, 4, points), rtol=1e-14)
    np.testing.assert_allclose(loguniform, np.geomspace(1e-4, 1, points), rtol=1e-13)
    assert (uniform[0], uniform[-1]) == (1, 4)
    assert (loguniform[0], loguniform[-1]) == (1e-4, 1)
    np.testing.assert_allclose(
        axis("a", stats.exp(stats.Uniform(a=-9, b=0)), points), np.geomspace(np.exp(-9), 1, points)
    )


@pytest.mark.parametrize("name", ["norm", "expon", "Normal", "truncated", "mixture"])
@pytest.mark.parametrize("points", [1, 2, 5])
def test_unbounded_axes_are_middles_of_equal_parts(name, points):
    values = axis(name, CONTINUOUS[name], points)
    probabilities = [(i + 0.5) / points for i in range(points)]
    np.testing.assert_allclose(CONTINUOUS[name].cdf(np.array(values)), probabilities, atol=1e-12)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_one_point_is_the_median(name):
    assert axis(name, DISTRIBUTIONS[name], 1) == [quantile(DISTRIBUTIONS[name], 0.5)]


def test_discrete_axes_have_each_value_once():
    assert axis("a", stats.randint(0, 4), 100) == [0, 1, 2, 3]
    assert axis("a", stats.randint(32, 257), 2) == [32, 256]
    assert axis("a", stats.Binomial(n=2, p=0.5), 50) == [0, 1, 2]
    assert axis("a", DISCRETE["table"], 50) == [0.1, 0.2, 7]


def test_lists_and_constants_are_axes_as_they_are():
    assert grid_axes({"a": (1, 1, 2), "b": ["x"], "c": "xyz", "d": {"e": 1}}, None) == {
        "a": [1, 1, 2],
        "b": ["x"],
        "c": ["xyz"],
        "d": [{"e": 1}],
    }


def test_points_for_all_or_by_name():
    space = {"a": stats.uniform(0, 1), "b": [1, 2], "c": stats.norm()}
    assert [len(values) for values in grid_axes(space, 5).values()] == [5, 2, 5]
    by_name = grid_axes(space, {"c": np.int64(4), "a": 3})
    assert [len(values) for values in by_name.values()] == [3, 2, 4]


@pytest.mark.parametrize("points", [None, 0, -1, True, 2.0, "3", [3]])
def test_points_of_a_distribution_must_be_positive_ints(points):
    with pytest.raises(ValueError, match=r"an int >= 1, but got .*\. Write points=5") as raised:
        grid_axes({"a": stats.uniform(0, 1), "b": [1], "c": stats.norm()}, points)
    assert [line.split('"')[1] for line in str(raised.value).splitlines()] == ["a", "c"]


def test_points_by_name_name_every_fault():
    space = {"a": stats.uniform(0, 1), "b": [1], "c": stats.norm()}
    with pytest.raises(ValueError, match=r'config_space\["c"\]: a grid needs') as raised:
        grid_axes(space, {"a": 2, "b": 3, "d": 4})
    for name in "bd":
        assert f'points["{name}"]: must be the name of a distribution' in str(raised.value)
    assert "The distributions are 'a', 'c'." in str(raised.value)


axes_of_plain_values = st.dictionaries(
    st.text(max_size=3), st.lists(st.integers() | st.text(max_size=2), max_size=4), max_size=4
)


@given(axes_of_plain_values)
def test_grid_is_the_product_in_order(axes):
    expected = [
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    ]
    assert list(grid(axes)) == expected


def test_grid_gives_copies():
    axes = {"a": [[1], [2]], "b": [1, 2]}
    for config in grid(axes):
        config["a"].append(3)
    assert axes == {"a": [[1], [2]], "b": [1, 2]}


def test_no_warnings_from_draws_and_grids():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checked = check_config_space(DISTRIBUTIONS)
        draw(checked, 0, 0)
        grid_axes(checked, 3)
