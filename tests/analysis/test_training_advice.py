import numpy as np
import pytest
from made_results import made
from scipy import stats

from sweeper.analysis.axes import axes, configurations
from sweeper.analysis.training_advice import epochs, failures, noise


def failing(values, lost, text: str):
    (axis,) = axes(made([0.5] * len(values), {"x": values}, {"x": text}))
    return failures(axis, np.array(lost), 1)


def test_the_region_that_fails_is_found_and_left_out():
    values = np.random.default_rng(0).permutation(np.geomspace(1e-4, 1, 60))
    found = failing(values, values > 0.3, "loguniform(1e-4, 1)")
    threshold = values[values > 0.3].min()
    assert found.evidence["threshold"] == threshold
    lost, last = int((values > 0.3).sum()), values[values <= 0.3].max()
    assert found.text == (
        f"training diverges or fails where x ≥ {threshold:.4g}: {lost} of {lost} trials, against "
        f"0 of {60 - lost} elsewhere: leave that out, loguniform(0.0001, {last:.4g})"
    )


def test_the_lower_end_may_fail_too():
    values = np.arange(1, 41)
    found = failing(values, values < 8, "randint(1, 41)")
    assert found.evidence["threshold"] == 7
    assert found.evidence["bounds"] == "randint(8, 41)"


def test_a_choice_may_fail():
    values = ["sgd", "adam", "lbfgs", "sgd"] * 8
    found = failing(values, [v == "lbfgs" for v in values], "[sgd, adam, lbfgs]")
    assert "where x = 'lbfgs': 8 of 8 trials, against 0 of 24" in found.text
    assert found.evidence["bounds"] is None


@pytest.mark.parametrize("lost", [[True] * 30, [False] * 30])
def test_all_or_none_failing_shows_no_region(lost):
    assert failing(np.linspace(0.01, 0.99, 30), lost, "uniform(0, 1)") is None


def test_the_chance_is_that_of_fishers_exact_test():
    values = np.repeat(np.arange(11), 2)
    found = failing(values, values >= 6, "randint(0, 11)")
    oracle = stats.fisher_exact([[10, 0], [0, 12]], alternative="greater").pvalue
    assert found.evidence["p"] == pytest.approx(oracle)


def test_failures_anywhere_are_no_region():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(300):
        lost = rng.random(40) < rng.random()
        alarms += failing(rng.random(40), lost, "uniform(0, 1)") is not None
    assert alarms <= 9


def curves(rng, total: int, slope: float):
    return [
        [[e + 1, float(np.exp(-slope * e) + 0.02 * rng.normal()), 1.0 * e] for e in range(8)]
        for _ in range(total)
    ]


def test_curves_that_still_fall_are_seen():
    found = epochs(made([0.5] * 20, curves=curves(np.random.default_rng(0), 20, 0.2)))
    assert (found.evidence["epochs"], found.evidence["of"]) == (8, 5)
    assert found.evidence["gain"] == pytest.approx(1 - np.exp(-0.4), abs=0.05)
    assert found.text.endswith("train longer")


def test_flat_curves_are_left_alone():
    rng = np.random.default_rng(0)
    alarms = sum(
        epochs(made([0.5] * 24, curves=curves(rng, 24, 0))) is not None for _ in range(100)
    )
    assert alarms <= 3


def test_curves_cut_short_without_numbers_or_with_odd_epochs_do_not_count():
    results = made([0.5] * 6, curves=curves(np.random.default_rng(0), 6, 0.2))
    results.rows[0].curve = results.rows[0].curve[:3]
    results.rows[1].curve[-1][1] = float("nan")
    assert epochs(results) is None
    results = made([0.5] * 6, curves=curves(np.random.default_rng(0), 6, 0.2))
    results.rows[0].curve[-1][0] = 10**9
    assert epochs(results) is None
    assert epochs(made([0.5] * 6)) is None


def noisy(between: float, within: float):
    rng = np.random.default_rng(0)
    means = between * rng.normal(size=(20, 1))
    table = configurations(made(means + within * rng.normal(size=(20, 3))))
    return noise(table["loss"], table["count"], table["sd"])


def test_noise_larger_than_the_differences_is_told():
    found = noisy(0.0, 0.1)
    assert found.evidence["within"] == pytest.approx(0.1, rel=0.25)
    assert found.evidence["between"] < found.evidence["within"]
    assert noisy(1.0, 0.01) is None


def test_without_replicates_noise_is_not_spoken_of():
    table = configurations(made(np.random.default_rng(0).random(20)))
    assert noise(table["loss"], table["count"], table["sd"]) is None
