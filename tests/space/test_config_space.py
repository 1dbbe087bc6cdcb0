import math
import os
import subprocess
import sys

import numpy as np
import pytest
from distributions import DISCRETE, DISTRIBUTIONS
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.space.checks import check_seed
from sweeper.space.conditions import when
from sweeper.space.config_space import draw, sample, share_fault, trial_seed, uniform_draw
from sweeper.space.distributions import quantile
from sweeper.space.space import check_space

SMALLEST, LARGEST = 2.0**-53, 1 - 2.0**-53  # the ends of what uniform_draw gives

seeds = st.integers(0, 2**32 - 1)
trials = st.integers(0, 2**40)
names = st.text(st.characters(), min_size=1)
distributions = st.sampled_from(list(DISTRIBUTIONS.values()))


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


@pytest.mark.slow
def test_draws_are_the_same_in_every_process():
    code = (
        "from scipy import stats; from sweeper.space.config_space import draw, trial_seed\n"
        "space = {'lr': stats.loguniform(1e-4, 1), '\\udc80': stats.norm(), 'c': list('abcdef')}\n"
        "print(ascii([draw(space, 7, i) for i in range(20)]), trial_seed(7, 3, 1))"
    )
    other = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"  # than this process has
    output = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": other},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    space = {"lr": stats.loguniform(1e-4, 1), "\udc80": stats.norm(), "c": list("abcdef")}
    here = ascii([draw(space, 7, i) for i in range(20)])
    assert output == f"{here} {trial_seed(7, 3, 1)}\n"


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


LAYERS = check_space(
    {
        "optimizer": ["sgd", "adam"],
        "momentum": when("optimizer == 'sgd'", stats.uniform(0.5, 0.49)),
        "first": stats.randint(1, 65),
        "second": stats.randint(1, 65),
    },
    ["second <= first"],
)


@given(seeds, st.integers(0, 1000))
def test_draws_fulfil_the_constraints_and_are_the_first_attempt_that_does(seed, trial):
    config = draw(LAYERS, seed, trial)
    assert LAYERS.fulfils(config)
    assert ("momentum" in config) == (config["optimizer"] == "sgd")
    attempts = 0
    while True:
        names = ("first", "second")
        first, second = (
            quantile(LAYERS.entries[n], uniform_draw(seed, n, trial, attempts)) for n in names
        )
        if second <= first:
            break
        attempts += 1
    assert (config["first"], config["second"]) == (first, second)


def test_a_constraint_changes_no_draw_that_fulfils_it():
    space = check_space(LAYERS.entries)
    for trial in range(100):
        config = draw(space, 0, trial)
        if LAYERS.fulfils(config):
            assert draw(LAYERS, 0, trial) == config


def test_constrained_draws_follow_the_law_given_the_constraint():
    space = check_space({"a": stats.uniform(0, 1), "b": stats.uniform(0, 1)}, ["a + b <= 1"])
    values = [draw(space, 0, trial)["a"] for trial in range(1500)]
    assert stats.kstest(values, stats.beta(1, 2).cdf).pvalue > 1e-3  # the density 2 (1 - a)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("constraints", "hits"),
    [(["a == b"], "0 of 20,000"), (["a < 4", "b < 0"], r"[1-9] of 20,000 .*'a < 4' alone")],
)
def test_rare_constraints_are_refused_with_their_share(constraints, hits):
    # Choices are drawn in a tenth of the time of SciPy's distributions.
    space = check_space({"a": list(range(10_000)), "b": [-1, -2]}, constraints)
    with pytest.raises(ValueError, match=f"at least 1 in 1,000 .* {hits}"):  # says share_fault
        [draw(space, 0, trial) for trial in range(10)]


def test_a_share_of_1_in_200_can_be_drawn():
    space = check_space({"a": stats.uniform(0, 1)}, ["a < 0.005"])
    assert share_fault(space) is None
    assert all(draw(space, 0, trial)["a"] < 0.005 for trial in range(5))


def test_sample_gives_only_what_fulfils():
    assert len(sample(LAYERS, 0, 50)) == 50
    assert all(map(LAYERS.fulfils, sample(LAYERS, 0, 50)))
    assert sample(check_space({"a": stats.norm()}, ["a > 99"]), 0, 5) == []
