import itertools

import numpy as np
import pytest
from made_results import made, odd_sweeps, with_asha
from scipy import stats

from sweeper import compare
from sweeper.record.results import Results

# No number of a sweep, however odd, brings a warning of NumPy's or pandas'.
pytestmark = pytest.mark.filterwarnings("error")


def repeated(searcher: str, shift: float, seeds: range, total: int = 12) -> list[Results]:
    return [
        made(np.random.default_rng(seed).random(total) + shift, searcher=searcher, seed=seed)
        for seed in seeds
    ]


def test_repetitions_have_their_mean_and_students_interval():
    sweeps = repeated("RandomSearch", 0, range(5)) + repeated("GridSearch", 1, range(5, 9), 9)
    found = compare(sweeps)
    assert found.limit == 9
    best = np.array(
        [s.frame["validation_error"].cummin() for s in sweeps if "Random" in str(s.sweep)]
    )
    curve = found.curves[found.curves["sweep"] == "RandomSearch"]
    assert list(curve["budget"]) == list(range(1, best.shape[1] + 1))  # beyond the other's end
    np.testing.assert_allclose(curve["mean"], best.mean(axis=0))
    interval = stats.t.interval(0.9, 4, best.mean(axis=0), stats.sem(best, axis=0))
    np.testing.assert_allclose([curve["low"], curve["high"]], interval)
    assert list(found.finals["trials"]) == [9] * 9
    np.testing.assert_allclose(found.finals["best"][:5], best[:, 8])


def test_the_sentence_names_the_rank_test():
    sweeps = repeated("RandomSearch", 0, range(5)) + repeated("GridSearch", 1, range(5, 10))
    found = compare(sweeps)
    best = found.finals.groupby("sweep")["best"].apply(list)
    oracle = stats.mannwhitneyu(best["RandomSearch"], best["GridSearch"])
    assert f"Mann-Whitney U = {oracle.statistic:g}, p = {oracle.pvalue:.2g}" in found.sentence
    assert found.sentence.endswith("more than noise.")
    assert found.sentence.startswith("Best validation error after 12 trials: RandomSearch ")


@pytest.mark.slow
def test_equals_are_no_more_than_noise():
    alarms = 0
    for seed in range(25):
        sweeps = repeated("RandomSearch", 0, range(seed, seed + 5))
        sweeps += repeated("GridSearch", 0, range(seed + 1000, seed + 1005))
        alarms += compare(sweeps).sentence.endswith(": more than noise.")
    assert alarms <= 4


def test_too_few_repetitions_are_said_to_be_too_few():
    sweeps = repeated("RandomSearch", 0, range(3)) + repeated("GridSearch", 9, range(3, 6))
    assert "too few repetitions to tell" in compare(sweeps).sentence


def test_three_searchers_are_compared_with_holms_correction():
    sweeps = [
        sweep
        for i, kind in enumerate(("RandomSearch", "GridSearch", "SobolSearch"))
        for sweep in repeated(kind, i, range(10 * i, 10 * i + 5))
    ]
    sentence = compare(sweeps).sentence
    assert sentence.count("Holm's correction") == 2
    assert "RandomSearch against SobolSearch" in sentence


def test_a_single_sweep_has_the_mean_over_the_orders_of_its_trials():
    errors = [0.4, 0.1, 0.3, 0.2]
    found = compare([made(errors), made([1.0] * 4, searcher="GridSearch")], seed=1)
    orders = [np.minimum.accumulate(o) for o in itertools.permutations(errors)]
    curve = found.curves[found.curves["sweep"] == "RandomSearch"]
    np.testing.assert_allclose(curve["mean"], np.mean(orders, axis=0), atol=0.02)
    assert (curve["low"] <= curve["mean"]).all()
    assert (curve["mean"] <= curve["high"]).all()
    assert curve["mean"].iloc[-1] == pytest.approx(0.1)
    assert "the noise between sweeps is unknown" in found.sentence


@pytest.mark.parametrize(("budget", "limit"), [("trials", 5), ("epochs", 20), ("seconds", 5)])
def test_budgets_are_those_of_the_smallest_sweep(budget, limit):
    sweeps = repeated("RandomSearch", 0, range(2)) + repeated("GridSearch", 1, range(2, 4), 5)
    found = compare(sweeps, budget)
    assert (found.budget, found.limit) == (budget, limit)
    ends = found.curves.groupby("sweep")["budget"].max()
    assert ends["GridSearch"] == limit
    assert ends["RandomSearch"] == 12 * limit / 5
    assert (found.curves["budget"] == limit).sum() == 2
    assert (found.finals["trials"] == 5).all()


def test_replicates_cost_trials():
    found = compare([made([[0.1, 0.2]] * 3), made([0.3] * 6, searcher="GridSearch")])
    assert found.limit == 6
    assert list(found.finals["trials"]) == [3, 6]


def test_folders_are_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="no sweep here"):
        compare([tmp_path, made([1])])


def test_faults_are_named_all_at_once():
    with pytest.raises(ValueError, match=r"at least two sweeps, but got 1.*\n.*but got 'hours'"):
        compare([made([1])], "hours")
    with pytest.raises(TypeError, match="a list of sweeps, but got one alone"):
        compare("runs/one")
    with pytest.raises(TypeError, match="results or folders, but got int"):
        compare([1, 2])
    with pytest.raises(ValueError, match="no trial has ended with a number of trials"):
        compare([made([]), made([1])])


@pytest.mark.parametrize("budget", ["trials", "epochs", "seconds"])
@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_compared_or_refused(name, budget):
    try:
        found = compare([odd_sweeps()[name], made([0.5] * 3, searcher="GridSearch")], budget)
    except ValueError as error:
        assert "nothing to compare" in str(error)  # noqa: PT017
        return
    assert found.sentence.endswith(".")
    assert not np.isinf(found.curves[["mean", "low", "high"]].to_numpy()).any()


def test_the_budget_is_epochs_where_trials_are_stopped_early():
    whole, early = made([0.3, 0.2, 0.1] * 20), with_asha(60)
    assert compare([whole, made([0.5] * 3, searcher="GridSearch")]).budget == "trials"
    found = compare([whole, early])
    assert found.budget == "epochs"
    assert found.limit == min(240, sum(row.epochs for row in early.rows))
    assert "epochs: " in found.sentence
    assert "Trials that were stopped early" not in found.sentence
    by_trials = compare([whole, early], "trials")
    assert (by_trials.budget, by_trials.limit) == ("trials", 60)
    assert "count as whole ones: take epochs instead" in by_trials.sentence


def test_a_single_sweep_whose_order_matters_is_as_it_went():
    rng = np.random.default_rng(0)
    learned = made(rng.random(30), searcher="BayesianSearch")
    early = with_asha(60, luck=2)
    found = compare([learned, early], "epochs")
    for results, label in ((learned, "BayesianSearch"), (early, "RandomSearch with ASHA")):
        curve = found.curves[found.curves["sweep"] == label]
        spent = results.frame["epochs"].cumsum()
        errors = results.frame["validation_error"].where(results.frame["status"] == "finished")
        oracle = [errors[spent <= point].min() for point in curve["budget"]]
        np.testing.assert_array_equal(curve["mean"], oracle)
        assert curve[["low", "high"]].isna().all(axis=None)
    # Trials that depend on each other are no sample to test.
    assert found.sentence.endswith("The noise is unknown: repeat each with at least 4 seeds.")


def test_repetitions_with_early_stopping_are_compared_by_their_bests():
    sweeps = [with_asha(40, seed, seed=seed) for seed in range(5)]
    sweeps += [made(np.random.default_rng(s).random(20) + 1, seed=s) for s in range(5)]
    found = compare(sweeps)
    assert sorted(found.finals["sweep"].unique()) == ["RandomSearch", "RandomSearch with ASHA"]
    assert "more than noise" in found.sentence


def test_a_sweep_is_no_repetition_of_itself(tmp_path):
    time = {"created": "2026-01-31T12:00:00+00:00"}
    one = made([0.5] * 3, folder=str(tmp_path / "one"), **time)
    other = made([0.5] * 3, searcher="GridSearch")
    with pytest.raises(ValueError, match="one is given twice"):
        compare([one, other, made([0.5] * 3, folder=str(tmp_path / "x" / ".." / "one"), **time)])
    with pytest.raises(ValueError, match="made is given twice"):
        compare([other, other])
    with pytest.raises(TypeError, match="seed: needs an int"):
        compare([one, other], seed="a")
    with pytest.raises(TypeError, match=r"needs a list of sweeps, but got 3 \(int\)"):
        compare(3)
