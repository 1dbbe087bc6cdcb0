import math

import numpy as np
import pytest
from distributions import DISCRETE, DISTRIBUTIONS
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.space.distributions import (
    LARGEST,
    SMALLEST,
    is_discrete,
    is_distribution,
    is_folded_too_far,
    probability,
    quantile,
    support,
)

distributions = st.sampled_from(list(DISTRIBUTIONS.values()))


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


@pytest.mark.parametrize(
    "law",
    [
        stats.skellam(3, 102),
        stats.skellam(250, 7.5),
        stats.skellam(3, 102, loc=0.25),
        stats.betanbinom(8, 9, 3),
        stats.yulesimon(2),
    ],
)
def test_quantiles_that_scipy_can_not_find_are_found(law):
    """SciPy's search raises a RuntimeError for up to one probability in ten."""
    for u in np.random.default_rng(0).random(400):
        value = quantile(law, u)
        assert law.cdf(value) >= u > law.cdf(value - 1)


@pytest.mark.parametrize(
    ("law", "is_too_far"),
    [
        (stats.abs(stats.Normal(mu=1)), False),
        (1 + 2 * stats.abs(stats.exp(stats.Uniform(a=-9, b=3))), False),
        (stats.exp(stats.Normal(sigma=1000)), False),
        (stats.abs(stats.exp(stats.Uniform(a=-9, b=1e15))), True),
        (1 + 2 * stats.abs(stats.exp(stats.Uniform(a=-9, b=700))), True),
        (stats.abs(stats.Normal(sigma=1e300)), True),
        (stats.abs(stats.truncate(stats.Normal(mu=1000, sigma=1), lb=0)), False),
        (stats.abs(stats.truncate(stats.Normal(mu=1e15, sigma=1), lb=0)), True),
    ],
)
def test_what_takes_scipy_many_seconds_is_known(law, is_too_far):
    assert is_folded_too_far(law) == is_too_far


@given(distributions, st.floats(1e-6, 1 - 1e-6))
def test_probability_is_the_inverse_of_the_quantile(distribution, u):
    value = quantile(distribution, u)
    found = probability(distribution, value)
    assert 0 < found < 1
    if is_discrete(distribution):
        assert quantile(distribution, found) == value
    else:
        assert found == pytest.approx(u, abs=1e-6)


class _OnlyQuantiles:
    """A user's own distribution, which has no cumulative one."""

    def ppf(self, u):
        return u**2

    def support(self):
        return 0.0, 1.0


def test_probability_without_a_cumulative_distribution():
    assert probability(_OnlyQuantiles(), 0.25) == pytest.approx(0.5)


@pytest.mark.parametrize("value", [-100, 100, 1e300])
def test_probability_stays_inside_of_the_open_interval(value):
    for distribution in (stats.norm(), stats.uniform(0, 1), stats.poisson(3)):
        assert SMALLEST <= probability(distribution, value) <= LARGEST
