import pytest
from distributions import DISTRIBUTIONS
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.space.changes import is_logarithmic, logarithmic, narrower, wider
from sweeper.space.distributions import support
from sweeper.space.text import read_value


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("upwards", [False, True])
def test_wider_ranges_can_be_read_and_reach_further(name, upwards):
    old = DISTRIBUTIONS[name]
    found = wider(old, upwards)
    if found is None:
        return
    text, end = found
    low, high = support(read_value(text))
    if low > float("-inf"):
        old_low, old_high = support(old)
        assert (high > old_high and low == pytest.approx(old_low)) or not upwards
        assert (low < old_low and high == pytest.approx(old_high)) or upwards
        assert (high if upwards else low) == pytest.approx(end)


@pytest.mark.parametrize(
    ("distribution", "upwards", "text"),
    [
        (stats.loguniform(1e-4, 1), True, "loguniform(0.0001, 10)"),
        (stats.loguniform(1e-4, 1), False, "loguniform(1e-05, 1)"),
        (stats.uniform(1, 2), True, "uniform(1, 3)"),
        (stats.uniform(0.5, 0.4), True, "uniform(0.5, 0.45)"),
        (stats.randint(16, 257), True, "randint(16, 377)"),
        (stats.randint(16, 257), False, "randint(8, 257)"),
        (stats.Uniform(a=-1, b=1), False, "Uniform(a=-2, b=1)"),
        (stats.norm(0, 1), True, "norm(1.645, 1)"),
    ],
)
def test_ranges_grow_by_what_is_said(distribution, upwards, text):
    assert wider(distribution, upwards)[0] == text


@pytest.mark.parametrize(
    ("distribution", "upwards"),
    [
        (stats.uniform(0, 0.5), False),  # a dropout below 0
        (stats.uniform(0, 1), True),  # a momentum over 1
        (stats.randint(1, 9), False),  # no layers
        (stats.beta(2, 5), True),
    ],
)
def test_natural_ends_stay(distribution, upwards):
    assert wider(distribution, upwards) is None


def test_narrower_ranges_keep_one_end():
    assert narrower(stats.loguniform(1e-4, 1), 0.5, upper=True) == "loguniform(0.0001, 0.5)"
    assert narrower(stats.randint(1, 9), 4, upper=False) == "randint(4, 9)"
    assert narrower(stats.norm(0, 1), 0.5, upper=True) is None
    assert narrower(stats.uniform(0, 1), 2, upper=True) is None


def test_logarithmic_axes_take_positive_ranges_over_a_decade():
    assert logarithmic(stats.uniform(1e-4, 1)) == "loguniform(0.0001, 1)"
    for other in (stats.uniform(0, 1), stats.uniform(1, 5), stats.loguniform(1e-4, 1)):
        assert logarithmic(other) is None


@given(st.floats(-20, 5), st.floats(0.1, 10))
def test_logarithmic_distributions_are_told_from_linear_ones(low, width):
    assert is_logarithmic(stats.loguniform(10**low, 10 ** (low + width)))
    assert not is_logarithmic(stats.uniform(10**low, 10 ** (low + width)))


@pytest.mark.parametrize(
    ("text", "new", "end"),
    [
        ("rounded(loguniform(16, 512))", "rounded(loguniform(16, 2896))", 2896),
        ("rounded(uniform(0, 0.5), to=0.1)", "rounded(uniform(0, 0.75), to=0.1)", 0.7),
    ],
)
def test_rounded_distributions_stay_rounded(text, new, end):
    distribution = read_value(text)
    assert wider(distribution, upwards=True) == (new, end)
    assert narrower(distribution, 0.3, upper=True) in (None, "rounded(uniform(0, 0.3), to=0.1)")
    assert logarithmic(distribution) is None
    assert is_logarithmic(distribution) == ("log" in text)
    assert wider(read_value("rounded(beta(2, 3), to=0.1)"), upwards=True) is None
    assert logarithmic(read_value("rounded(uniform(1, 100))")) == "rounded(loguniform(1, 101))"
