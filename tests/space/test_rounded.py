import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.space.checks import check_config_space
from sweeper.space.config_space import draw
from sweeper.space.distributions import is_discrete, quantile, support
from sweeper.space.rounded import rounded
from sweeper.space.text import read_value, to_text

BASES = [
    stats.loguniform(16, 512),
    stats.uniform(-3, 10.2),
    stats.norm(0, 3),
    stats.Normal(mu=2, sigma=4),
    stats.randint(0, 50),
]
bases = st.sampled_from(BASES)
steps = st.sampled_from([1, 2, 0.5, 0.1, 0.25, 7])
probabilities = st.floats(1e-9, 1 - 1e-9)


@given(bases, steps, probabilities)
def test_values_are_multiples_of_the_step_near_the_base_inside_its_support(base, step, u):
    value = quantile(rounded(base, to=step), u)
    assert Decimal(repr(value)) % Decimal(repr(step)) == 0
    assert type(value) is (int if isinstance(step, int) else float)
    low, high = support(base)
    assert low - 1e-9 <= value <= high + 1e-9
    assert abs(value - quantile(base, u)) <= step * (0.5 + 1e-9) or value in support(
        rounded(base, to=step)
    )


@given(bases, steps)
def test_masses_sum_to_the_cumulative_distribution(base, step):
    distribution = rounded(base, to=step)
    low, high = (quantile(distribution, u) for u in (1e-12, 1 - 1e-12))
    values = [distribution.nearest(x) for x in np.arange(low, high + step / 2, step)]
    masses = distribution.pmf(values)
    assert (masses >= 0).all()
    np.testing.assert_allclose(np.cumsum(masses), distribution.cdf(values), atol=1e-9)
    assert distribution.pmf(values[0] + step / 3) == 0


@given(bases, steps, probabilities)
def test_the_quantile_is_the_lowest_value_that_reaches_the_probability(base, step, u):
    distribution = rounded(base, to=step)
    value = quantile(distribution, u)
    assert distribution.cdf(value) >= u - 1e-12
    assert distribution.cdf(value - step) <= u + 1e-12


def test_draws_follow_the_masses():
    distribution = rounded(stats.uniform(0, 0.5), to=0.1)
    draws = [draw({"a": distribution}, 0, trial)["a"] for trial in range(2000)]
    assert sorted(set(draws)) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    counts = [draws.count(value) for value in sorted(set(draws))]
    assert stats.chisquare(counts, [200, 400, 400, 400, 400, 200]).pvalue > 1e-3


def test_it_is_discrete_and_has_its_ends():
    distribution = rounded(stats.loguniform(16, 512))
    assert is_discrete(distribution)
    assert distribution.support() == (16, 512)
    assert rounded(stats.uniform(0.3, 10)).support() == (1, 10)
    assert rounded(stats.norm()).support() == (-math.inf, math.inf)


def test_a_step_of_one_as_a_float_gives_ints():
    assert quantile(rounded(stats.uniform(0, 9), to=1.0), 0.5) in (4, 5)
    assert type(quantile(rounded(stats.uniform(0, 9), to=np.int64(2)), 0.5)) is int
    assert type(quantile(rounded(stats.uniform(0, 9), to=0.5), 0.501)) is float


@given(bases, steps)
def test_the_text_reads_back(base, step):
    distribution = rounded(base, to=step)
    text = to_text(distribution)
    assert text.startswith("rounded(")
    assert to_text(read_value(text)) == text


def test_faults_of_the_base_are_found_by_the_check():
    with pytest.raises(ValueError, match=r"needs its parameters.*Call it: uniform"):
        check_config_space({"a": rounded(stats.uniform)})
    with pytest.raises(ValueError, match="must lie in its domain"):
        check_config_space({"a": rounded(stats.uniform(0, -1))})
    with pytest.raises(ValueError, match="single numbers"):
        check_config_space({"a": rounded(stats.uniform([0, 1], 2))})


@pytest.mark.parametrize("wrong", [3, "x", [1, 2], None])
def test_only_distributions_are_rounded(wrong):
    with pytest.raises(TypeError, match=r"needs a distribution of scipy\.stats, but got"):
        rounded(wrong)


@pytest.mark.parametrize("step", [0, -1, math.inf, math.nan])
def test_the_step_must_be_positive(step):
    with pytest.raises(ValueError, match="to must be positive and finite, but got"):
        rounded(stats.norm(), to=step)


@pytest.mark.parametrize("step", ["1", None, True, [1]])
def test_the_step_must_be_a_number(step):
    with pytest.raises(TypeError, match="to must be a number, but got"):
        rounded(stats.norm(), to=step)


def test_a_support_without_a_multiple_is_refused():
    with pytest.raises(ValueError, match=r"must hold a multiple of 1, but got \[0.2, 0.7\]"):
        rounded(stats.uniform(0.2, 0.5))


def test_a_support_that_ends_where_floats_do_is_refused():
    assert rounded(stats.loguniform(8, 1e299), to=8).support()[0] == 8
    for ends in ((8, 1.7976931348623157e308), (1, 1e301)):
        with pytest.raises(ValueError, match=r"must end below 1e\+300, but rounded\(loguniform"):
            rounded(stats.loguniform(*ends), to=8)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("rounded(uniform(0, 1), to=1e-300)", [0.25, 0.5]),
        ("rounded(uniform(0, 1e300), to=1e-300)", [2.5e299, 5e299]),
        ("rounded(norm(), to=1e300)", [0, 0]),
        ("rounded(loguniform(1e9, 1e18))", [177827941004, 31622776601684]),
    ],
)
def test_steps_of_any_size_are_no_trouble(text, values):
    distribution = read_value(text)
    found = [quantile(distribution, u) for u in (0.25, 0.5)]
    assert found == pytest.approx(values) or not any(map(math.isfinite, found))
