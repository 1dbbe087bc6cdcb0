"""The model behind "best with probability p", beside oracles; `test_calibration.py` measures it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats

from sweeper.search.ranking import _log_f, _moderated, rank, rank_by

settings = hypothesis_settings(deadline=None, max_examples=20)


def shown(losses):
    """The means, variances and counts of `(m, r)` losses."""
    losses = np.asarray(losses, dtype=float)
    counts = np.full(len(losses), losses.shape[1])
    return losses.mean(axis=1), losses.var(axis=1, ddof=1), counts


def noisy(means, replicates, seed=0, sd=1.0):
    means = np.asarray(means, dtype=float)[:, None]
    return means + sd * np.random.default_rng(seed).normal(size=(len(means), replicates))


def test_the_density_is_that_of_scipy():
    x, d = np.array([0.01, 0.5, 1.0, 7.0]), np.array([1.0, 2.0, 5.0, 9.0])
    assert _log_f(x, d, 3.5) == pytest.approx(stats.f.logpdf(x, d, 3.5))


def test_variances_are_drawn_together_as_far_as_they_are_equal():
    equal, _ = _moderated(*shown(noisy(np.arange(300), 3)))
    assert np.sqrt(np.mean((equal - 1) ** 2)) < 0.2 < np.std(shown(noisy(np.arange(300), 3))[1])
    sds = np.repeat([0.1, 1.0], 150)
    order = np.random.default_rng(0).permutation(300)  # so that no trend explains them
    unequal, _ = _moderated(*shown(noisy(np.arange(300), 10)[order] * sds[order, None]))
    assert np.median(unequal[sds[order] < 1]) == pytest.approx(0.01, rel=0.7)
    assert np.median(unequal[sds[order] == 1]) == pytest.approx(1, rel=0.2)


def test_a_trend_of_the_noise_is_followed():
    sds = np.geomspace(0.2, 2, 100)
    losses = np.arange(100)[:, None] * 10 + noisy(np.zeros(100), 3) * sds[:, None]
    found, freedom = _moderated(*shown(losses))
    assert np.median(found[:20] / sds[:20] ** 2) == pytest.approx(1, rel=0.4)
    assert np.median(found[-20:] / sds[-20:] ** 2) == pytest.approx(1, rel=0.4)
    assert (freedom > 5).all()


@pytest.mark.parametrize("difference", [0, 0.5, 1, 2, 3, 4])
def test_two_means_are_compared_as_by_a_normal_distribution_but_drawn_together(difference):
    losses = noisy([0, 0], 4000)
    losses *= np.sqrt(2000) / losses.std(axis=1, ddof=1, keepdims=True)  # each mean ± sqrt(1 / 2)
    losses += np.array([[0], [difference]]) - losses.mean(axis=1, keepdims=True)
    oracle = stats.norm.cdf(difference)
    found = rank(*shown(losses)).probability[0]
    assert oracle - 0.26 < found < oracle + 1e-3
    assert (found > 0.96) == (difference >= 3)


@settings
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(2, 5))
def test_probabilities_are_how_often_drawn_means_are_the_lowest(seed, m, replicates):
    rng = np.random.default_rng(seed)
    found = rank(*shown(noisy(rng.normal(size=m), replicates, seed)))
    drawn = np.array([rng.choice(found.grid, 4000, p=of_one) for of_one in found.mass])
    least = drawn == drawn.min(axis=0)
    oracle = (least / least.sum(axis=0)).mean(axis=1) * (1 - found.equal) + found.equal / m
    assert oracle == pytest.approx(found.probability, abs=0.05)
    gain = drawn[0] - drawn[1:].min(axis=0, initial=np.inf)
    for difference in (0.0, 0.5):
        assert np.mean(gain <= difference) == pytest.approx(
            found.none_better_by(0, difference), abs=0.06
        )


@settings
@given(st.integers(0, 10**6), st.integers(2, 30))
def test_order_and_unit_change_nothing(seed, m):
    rng = np.random.default_rng(seed)
    losses, order = noisy(rng.normal(size=m), 3, seed), rng.permutation(m)
    found = rank(*shown(losses))
    assert rank(*shown(losses[order])).probability == pytest.approx(
        found.probability[order], abs=0.01
    )
    other = rank(*shown(100 * losses + 7))
    assert other.probability == pytest.approx(found.probability, abs=0.01)
    assert other.most_to_gain(0) == pytest.approx(100 * found.most_to_gain(0), abs=5)


def test_what_may_be_gained_is_the_inverse_of_its_probability():
    found = rank(*shown(noisy([0, 0.1, 0.5], 4)))
    for one in range(3):
        most = found.most_to_gain(one)
        assert found.none_better_by(one, most) == pytest.approx(0.95, abs=1e-3)
        assert found.none_better_by(one, most / 2) < 0.95 < found.none_better_by(one, 2 * most)


def test_the_best_of_many_is_drawn_to_the_others_and_a_lone_winner_is_not():
    means, variances, counts = shown(noisy(np.zeros(60), 2))
    best = means.argmin()
    found = rank(means, variances, counts)
    assert means[best] < -1.3
    assert found.expected[best] > 0.4 * means[best]
    assert found.probability[best] < 0.5
    lone = rank(np.append(means, -40), np.append(variances, 1), np.append(counts, 2))
    assert lone.probability[60] > 0.999
    assert lone.expected[60] == pytest.approx(-40, abs=0.5)


def test_no_mean_is_below_what_there_can_be():
    found = rank(*shown(noisy([0.01, 0.02, 0.3], 2, sd=0.02).clip(0)), least=0.0)
    assert found.grid[0] >= 0
    assert all(found.interval(one)[0] >= 0 for one in range(3))


def test_without_noise_all_is_certain_and_ties_are_shared_out():
    found = rank(*shown([[0.2, 0.2], [0.1, 0.1], [0.1, 0.1]]))
    assert found.probability.tolist() == [0, 0.5, 0.5]
    assert found.interval(1) == (0.1, 0.1)
    assert found.none_better_by(1, 0) == 1
    assert [found.most_to_gain(one) for one in range(3)] == pytest.approx([0.1, 0, 0])


def test_nothing_is_known_of_the_noise():
    one_each = np.array([0.1, 0.2]), np.array([np.nan, np.nan]), np.array([1, 1])
    assert rank(*one_each) is None
    far = np.array([1e308, -1e308]), np.array([1e300, 1e300]), np.array([2, 2])
    assert rank(*far) is None
    assert rank(far[0], np.array([np.inf, 1]), far[2]) is None


def test_a_single_replicate_borrows_the_noise_of_the_others():
    means, counts = np.array([0.1, 0.12, 0.5]), np.array([3, 1, 3])
    found = rank(means, np.array([0.01, np.nan, 0.01]) ** 2, counts)
    assert found.noise[1] == pytest.approx(0.01, rel=0.3)
    assert found.probability[2] < 0.05 < found.probability[1]


def test_known_variances_are_taken_as_they_are():
    means, counts = np.array([0.0, 1.0]), np.array([1, 1])
    sharp = rank_by(means, np.full(2, 0.01), np.full(2, 1e6), counts)
    blunt = rank_by(means, np.full(2, 9.0), np.full(2, 1e6), counts)
    assert sharp.probability[0] > 0.999
    assert blunt.probability[0] < 0.65
    assert (list(sharp.contenders()), len(blunt.contenders())) == ([0], 2)
