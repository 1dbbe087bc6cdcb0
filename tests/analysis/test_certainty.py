import math

import numpy as np
import pytest
from made_results import made, made_stopped, odd_sweeps, with_asha
from scipy import stats

from sweeper.analysis.best_so_far import expected_best, promise
from sweeper.analysis.certainty import winner
from sweeper.analysis.importance import importance

RESAMPLES = 1000


def noisy(means, replicates: int, seed: int = 0, sd: float = 1.0):
    rng = np.random.default_rng(seed)
    means = np.asarray(means, dtype=float)[:, None]
    return made(means + sd * rng.normal(size=(len(means), replicates)))


def test_the_winner_has_the_lowest_mean():
    results = noisy([3, 1, 2, 1.5], 5, sd=0.1)
    frame, found = results.frame, winner(results)
    assert found.trial == 1
    ours = frame.loc[frame["trial"] == 1, "validation_error"]
    assert found.mean == pytest.approx(ours.mean())
    assert found.standard_error == pytest.approx(stats.sem(ours))
    assert list(found.probability_best["trial"]) == [1, 3, 2, 0]
    assert found.probability_best["probability"].sum() == pytest.approx(1)
    assert found.indistinguishable == []
    assert found.more_replicates == 0
    assert "every other configuration is worse by more than noise" in found.sentence


def test_one_replicate_tells_nothing_of_the_noise():
    found = winner(made([0.3, 0.1, 0.2]))
    assert (found.trial, found.mean) == (1, 0.1)
    assert math.isnan(found.standard_error)
    assert found.probability_best["probability"].isna().all()
    assert (found.indistinguishable, found.more_replicates) == ([], None)
    assert "nothing is known of the noise" in found.sentence


def test_a_lucky_single_one_does_not_beat_a_mean():
    assert winner(made([[0.1, None], [0.2, 0.3]])).trial == 1


def test_two_configurations_are_compared_by_welchs_test():
    for seed in range(30):
        results = noisy([0, 1.5], 5, seed)
        one, other = (
            group["validation_error"].to_numpy() for _, group in results.frame.groupby("trial")
        )
        found = winner(results, resamples=RESAMPLES)
        p = stats.ttest_ind(one, other, equal_var=False).pvalue
        assert (found.indistinguishable == []) == (p <= 0.05)


def test_holms_correction_is_that_of_scipy():
    for seed in range(20):
        results = noisy([0, 1, 1.5, 2, 2.5], 4, seed)
        found = winner(results, resamples=RESAMPLES)
        groups = {t: g["validation_error"] for t, g in results.frame.groupby("trial")}
        best = groups.pop(found.trial)
        p = {t: stats.ttest_ind(best, g, equal_var=False).pvalue for t, g in groups.items()}
        ordered = sorted(p, key=p.get)
        while ordered and p[ordered[0]] <= 0.05 / len(ordered):
            ordered.pop(0)
        assert found.indistinguishable == sorted(ordered)


@pytest.mark.parametrize("replicates", [2, 5])
def test_the_true_best_is_rarely_left_out(replicates):
    kept = 0
    for seed in range(100):
        found = winner(noisy([0, 0, 0.5, 5, 5], replicates, seed), resamples=10)
        kept += {found.trial, *found.indistinguishable} >= {0, 1}
    assert kept >= 92


def test_the_probability_to_be_best_is_how_often_it_is():
    said, true = 0.0, 0
    for seed in range(100):
        found = winner(noisy(np.arange(6) * 0.7, 3, seed), resamples=300)
        said += found.probability_best["probability"][0] / 100
        true += found.trial == 0
    assert said == pytest.approx(true / 100, abs=0.12)


def test_the_bootstrap_agrees_with_the_normal_distribution():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(2, 400))
    draws += np.array([[0], [0.1]]) - draws.mean(axis=1, keepdims=True)
    found = winner(made(draws))
    oracle = stats.norm.cdf(0.1 / math.sqrt(draws.var(axis=1, ddof=1).sum() / 400))
    assert found.probability_best["probability"][0] == pytest.approx(oracle, abs=0.02)


def test_as_many_replicates_more_do_settle_it():
    first = np.array([[-1.0, 0, 1], [-0.2, 0.8, 1.8]])  # standard deviations of 1, 0.8 apart
    more = winner(made(first)).more_replicates
    assert more == math.ceil((1.959964 + 0.841621) ** 2 * 2 / 0.64) - 3
    rng = np.random.default_rng(0)
    shape = (2000, 3 + more)
    p = stats.ttest_ind(rng.normal(size=shape), 0.8 + rng.normal(size=shape), axis=1).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.04)


def test_equal_means_are_never_settled():
    found = winner(made([[0.1, 0.3], [0.2, 0.2]]))
    assert found.more_replicates is None
    assert found.indistinguishable == [1]


def test_replicates_without_noise_are_certain():
    found = winner(made([[0.1, 0.1], [0.2, 0.2]]))
    assert found.probability_best["probability"].tolist() == [1, 0]
    assert found.indistinguishable == []


def test_the_same_seed_says_the_same():
    results = noisy([0, 0.1], 3)
    assert winner(results, seed=1).probability_best.equals(winner(results, seed=1).probability_best)


@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_no_trouble(name):
    found = winner(odd_sweeps()[name], resamples=100)
    assert (found.trial is None) == math.isnan(found.mean)
    assert found.sentence.endswith(".")


def test_only_whole_trials_win_and_it_is_said_how_many_were_stopped():
    results = with_asha(60)
    finished = [row for row in results.rows if row.status == "finished"]
    best = min(finished, key=lambda row: row.value)
    best.value = 9.0  # worse than all that were stopped
    found = winner(results)
    assert sorted(found.probability_best["trial"]) == [row.trial for row in finished]
    ends = f"of {len(finished)} trained to the end ({60 - len(finished)} were stopped early), but"
    assert ends in found.sentence
    assert winner(made_stopped(results)).sentence == "No trial has finished, so nothing has won."


@pytest.mark.parametrize("seed", ["a", -1, True])
def test_a_seed_is_checked_wherever_numbers_are_drawn(seed):
    results = made([0.1, 0.2, 0.3])
    for draws in (winner, importance, expected_best, promise):
        with pytest.raises((TypeError, ValueError), match="seed: needs an int"):
            draws(results, seed=seed)
