import math

import numpy as np
import pytest
from made_results import made, made_stopped, odd_sweeps, with_asha
from scipy import stats

from sweeper.analysis.best_so_far import expected_best, promise
from sweeper.analysis.certainty import winner
from sweeper.analysis.importance import importance


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
    assert found.standard_error == pytest.approx(stats.sem(ours), rel=0.5)
    assert list(found.probability_best["trial"]) == [1, 3, 2, 0]
    assert found.probability_best["probability"].sum() == pytest.approx(1)
    assert found.indistinguishable == []
    assert found.more_replicates == 0
    assert (found.most_to_gain, found.is_settled) == (0, True)
    assert "every other one is worse by more than noise" in found.sentence


def test_one_replicate_tells_nothing_of_the_noise():
    found = winner(made([0.3, 0.1, 0.2]))
    assert (found.trial, found.mean) == (1, 0.1)
    assert math.isnan(found.standard_error)
    assert found.probability_best["probability"].isna().all()
    assert (found.indistinguishable, found.more_replicates) == ([], None)
    assert "the noise is unknown" in found.sentence
    assert "sweeper confirm runs/made, or sweeper.confirm(…), trains" in found.sentence
    assert found.confirmed is None


def test_a_lucky_single_one_does_not_beat_a_mean():
    assert winner(made([[0.1, None], [0.2, 0.3]])).trial == 1


def test_sixty_pairs_tell_the_clearly_worse_apart():
    """Welch's test with one degree of freedom each can't tell 0.82 from 0.098."""
    rng = np.random.default_rng(0)
    means = np.concatenate([[0.82, 0.098], 0.1 + 0.3 * rng.random(58)])
    for seed in range(20):
        found = winner(noisy(means, 2, seed, sd=0.01))
        table = found.probability_best.set_index("trial")
        assert 0 not in found.indistinguishable
        clearly_worse = table.index[means[table.index] > 0.2]
        assert not set(clearly_worse) & set(found.indistinguishable)
        assert table["low"].min() > 0.05
        assert found.more_replicates is None or found.more_replicates < 100


def test_errors_have_no_interval_below_0_and_accuracies_none_above_1():
    losses = noisy([0.001, 0.002, 0.02, 0.5], 2, sd=0.01)
    rows = np.array([row.value for row in losses.rows]).reshape(4, 2).clip(0)
    errors, accuracies = winner(made(rows)), winner(made(1 - rows, metric="acc", mode="max"))
    assert errors.probability_best["low"].min() >= 0
    assert accuracies.probability_best["high"].max() <= 1
    assert accuracies.interval == pytest.approx([1 - end for end in errors.interval[::-1]])
    signed = winner(made(rows - 0.01))
    assert signed.probability_best["low"].min() < -0.01


def test_the_winner_of_equal_ones_is_lucky_and_its_interval_says_so():
    found = winner(noisy(np.full(60, 0.5), 3, sd=0.1))
    low, high = found.interval
    assert found.mean < 0.42
    assert low < 0.5 < high
    assert len(found.indistinguishable) > 20


def test_as_many_replicates_more_do_settle_it():
    first = np.array([[-1.0, 0, 1], [0.4, 1.4, 2.4]])
    found = winner(made(first))
    assert f"About {found.more_replicates} more replicates each would tell it" in found.sentence
    rng = np.random.default_rng(0)
    shape = (1000, 3 + found.more_replicates)
    p = stats.ttest_ind(rng.normal(size=shape), 1.4 + rng.normal(size=shape), axis=1).pvalue
    assert np.mean(p < 0.05) > 0.8


def test_what_makes_no_practical_difference_is_said_to():
    found = winner(noisy([0.1, 0.1, 0.1], 60, sd=0.01))
    assert found.is_settled
    assert found.more_replicates is None
    assert 0 < found.most_to_gain <= 0.006
    assert "for all practical purposes none is better." in found.sentence
    open_still = winner(noisy([0.1, 0.1, 0.1], 3, sd=0.01))
    assert not open_still.is_settled
    assert open_still.most_to_gain > 0.006


def test_thousands_of_configurations_are_no_trouble():
    found = winner(noisy(np.arange(6_000), 2, sd=0.1))
    table = found.probability_best
    assert (found.trial, found.indistinguishable, len(table)) == (0, [], 6_000)
    assert table["probability"].notna().all()
    assert table["low"].notna().sum() == 5_000


def test_many_replicates_stand_beside_few():
    """With a slightly worse mean, but known far better."""
    rng = np.random.default_rng(1)
    rows = np.full((3, 40), None, dtype=object)
    rows[0, :2] = 0.099 + np.array([-0.03, 0.03])
    rows[1:] = np.array([[0.1], [0.2]]) + 0.03 * rng.normal(size=(2, 40))
    rows[1] += 0.1 - rows[1].mean()
    found = winner(made(rows.tolist()))
    assert (found.trial, found.indistinguishable) == (0, [1])
    assert found.probability_best["probability"].sum() == pytest.approx(1)


def test_replicates_without_noise_are_certain():
    found = winner(made([[0.1, 0.1], [0.2, 0.2]]))
    assert found.probability_best["probability"].tolist() == [1, 0]
    assert found.indistinguishable == []
    assert "or it doesn't use its seed ({seed} in a command)" in found.sentence
    assert "probability" not in found.sentence


def test_the_same_results_say_the_same():
    results = noisy([0, 0.1], 3)
    assert winner(results).probability_best.equals(winner(results).probability_best)


@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_no_trouble(name):
    found = winner(odd_sweeps()[name])
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
    for draws in (importance, expected_best, promise):
        with pytest.raises((TypeError, ValueError), match="seed: needs an int"):
            draws(results, seed=seed)
