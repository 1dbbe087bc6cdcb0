import itertools

import numpy as np
import pytest
from made_results import made, odd_sweeps, with_asha, with_configs

from sweeper.analysis.advice import advice
from sweeper.space.text import read_value


def sweep(function, total: int = 60, seed: int = 0, **space: str):
    """A sweep of a function of hyperparameters and noise, drawn at random."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name, text in space.items():
        value = read_value(text)
        if isinstance(value, list):
            columns[name] = [value[i] for i in rng.integers(len(value), size=total)]
        else:
            columns[name] = value.ppf(rng.random(total))
    return made(function(columns, rng.normal(size=total)), columns, space)


def found(results, kind: str) -> dict:
    return {a.hyperparameter: a for a in advice(results) if a.kind == kind}


def test_crowding_at_the_top_is_told_with_its_numbers():
    results = sweep(
        lambda c, noise: -np.log(c["lr"]) + 0.1 * noise, lr="loguniform(1e-4, 1)", p="uniform(0, 1)"
    )
    one = found(results, "edge")["lr"]
    hits, of, share = (one.evidence[name] for name in ("hits", "of", "share"))
    assert one.text == (
        f"best lr lies in the top {np.ceil(100 * share):.0f} % of its range ({hits} of the best "
        f"{of} trials): try up to 10, loguniform(0.0001, 10)"
    )
    best = np.sort(results.frame.nsmallest(of, "validation_error")["lr"])
    assert share == pytest.approx(1 - (np.log10(best[of - hits]) + 4) / 4)
    assert found(results, "no_effect").keys() == {"p"}


def test_crowding_at_the_bottom_and_among_choices():
    results = sweep(
        lambda c, noise: 4 * c["x"] - np.log2(c["n"]) + 0.05 * noise,
        total=200,
        x="uniform(1, 2)",
        n="[16, 32, 64]",
    )
    edges = found(results, "edge")
    assert "try down to 0.5, uniform(0.5, 2.5)" in edges["x"].text
    assert "the best n is 64, at the top end of its values" in edges["n"].text


def test_edges_of_grids_are_seen():
    lr, p = zip(*itertools.product(np.geomspace(1e-4, 1, 5), np.linspace(0, 1, 5)), strict=True)
    errors = -np.log(lr) + 0.1 * np.random.default_rng(0).normal(size=25)
    space = {"lr": "loguniform(1e-4, 1)", "p": "uniform(0, 1)"}
    results = made(errors, {"lr": list(lr), "p": list(p)}, space, searcher="GridSearch")
    assert found(results, "edge")["lr"].evidence["bounds"] == "loguniform(0.0001, 10)"


def test_a_best_value_inside_is_no_edge():
    results = sweep(lambda c, noise: (c["x"] - 0.5) ** 2 + 0.01 * noise, x="uniform(0, 1)")
    assert advice(results) == []


def with_momentum(text: str, of_adam: float | None):
    """SGD's trials, better for low momentum and failing above 0.9, alone, and among Adam's."""
    rng = np.random.default_rng(0)
    momentum = rng.uniform(0, 1, 60).tolist()
    errors = [None if m > 0.9 else m + 0.02 * rng.normal() for m in momentum]
    alone = made(errors, {"momentum": momentum}, {"momentum": "uniform(0, 1)"})
    space = {"optimizer": "['sgd', 'adam']", "momentum": text}
    mixed = made([e for error in errors for e in (error, of_adam)], space=space)
    sgd = [{"optimizer": "sgd", "momentum": m} for m in momentum]
    adam = {"optimizer": "adam"}
    return alone, with_configs(mixed, [config for one in sgd for config in (one, adam)])


@pytest.mark.parametrize("of_adam", [None, 0.01, 5.0], ids=["fails", "better", "worse"])
def test_a_conditional_hyperparameter_counts_only_where_it_is(of_adam):
    alone, mixed = with_momentum("uniform(0, 1) if optimizer == 'sgd'", of_adam)
    about = [[a for a in advice(r) if a.hyperparameter == "momentum"] for r in (alone, mixed)]
    assert {one.kind for one in about[0]} == {"failures", "edge"}
    assert about[1] == about[0]


def test_a_hyperparameter_with_two_laws_gets_no_advice_on_its_range():
    text = "uniform(0, 1) if optimizer == 'sgd' else uniform(0, 0.5)"
    _, mixed = with_momentum(text, of_adam=0.01)
    assert "momentum" not in [one.hyperparameter for one in advice(mixed)]


def test_failures_at_the_edge_keep_from_going_there():
    results = sweep(lambda c, noise: -c["x"], total=100, x="uniform(1, 4)")
    for row in results.rows:
        if row.config["x"] > 4.2:
            row.status, row.value = "failed", None
    assert found(results, "edge") == {}
    assert found(results, "failures").keys() == {"x"}


@pytest.mark.slow
@pytest.mark.parametrize("best", [-3, -2])
def test_a_linear_axis_whose_order_of_magnitude_counts_should_be_logarithmic(best):
    told = 0
    for seed in range(10):
        results = sweep(
            lambda c, noise: (np.log10(c["wd"]) - best) ** 2 + 0.02 * noise,
            total=80,
            seed=seed,
            wd="uniform(1e-4, 1)",
        )
        one = found(results, "log_axis")
        told += bool(one) and one["wd"].evidence["bounds"] == "loguniform(0.0001, 1)"
    assert told >= 8


@pytest.mark.slow
def test_a_linear_axis_that_acts_linearly_stays():
    for seed in range(10):
        results = sweep(
            lambda c, noise: (c["wd"] - 0.6) ** 2 + 0.02 * noise, seed=seed, wd="uniform(1e-4, 1)"
        )
        assert found(results, "log_axis") == {}


@pytest.mark.slow
@pytest.mark.parametrize("total", [16, 64])
def test_pure_noise_rarely_gets_advice(total):
    alarms = 0
    for seed in range(30):
        results = sweep(
            lambda c, noise: noise,
            total,
            seed,
            lr="loguniform(1e-4, 1)",
            wd="uniform(1e-4, 1)",
            n="[16, 32, 64]",
            act="[relu, tanh]",
        )
        alarms += bool(advice(results))
    assert alarms <= 2


@pytest.mark.slow
def test_a_small_effect_is_not_called_none():
    for seed in range(10):
        results = sweep(
            lambda c, noise: 3 * c["x"] + c["y"], seed=seed, x="uniform(0, 1)", y="uniform(0, 1)"
        )
        assert found(results, "no_effect") == {}


def test_a_given_importance_is_used():
    from sweeper.analysis.importance import importance

    results = sweep(lambda c, noise: c["x"], x="uniform(0, 1)", y="uniform(0, 1)")
    assert advice(results, importance(results)) == advice(results)


@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_no_trouble(name):
    for one in advice(odd_sweeps()[name]):
        assert one.text


@pytest.mark.slow
def test_stopped_trials_are_no_failures():
    for seed in range(10):  # the lower half of y is worse, so that it is stopped
        results = with_asha(60, seed, matters=1)
        assert not [one for one in advice(results) if one.kind == "failures"]


def test_trials_that_were_stopped_at_nan_have_diverged():
    results = with_asha(60, matters=0)
    for row in results.rows:
        if row.config["x"] > 0.7:
            row.status, row.value = "stopped", float("nan")
    (found,) = [one for one in advice(results) if one.kind == "failures"]
    assert found.hyperparameter == "x"
    assert found.evidence["lost"] == found.evidence["of"]


def test_how_far_trials_came_tells_of_an_edge():
    results = with_asha(80, matters=1)
    assert sum(row.status == "finished" for row in results.rows) < 8
    (found,) = [one for one in advice(results) if one.kind == "edge"]
    assert found.hyperparameter == "x"
    assert "lowest" in found.text


def test_early_errors_never_call_a_hyperparameter_useless():
    kinds = {one.kind for one in advice(with_asha(200, matters=1, grace_epochs=3))}
    assert "no_effect" not in kinds
    assert with_asha(200, matters=1, grace_epochs=3).statuses().count("stopped")


@pytest.mark.slow
def test_noise_of_stopped_trials_rarely_gets_advice():
    for seed in range(40):  # that curves still fall at their end is none
        found = advice(with_asha(40, seed, matters=0, noise=0.3))
        assert {one.kind for one in found} <= {"epochs"}


@pytest.mark.slow
def test_the_first_points_of_a_grid_which_go_on_easily_are_no_edge():
    for seed in range(30):
        results = with_asha(36, seed, matters=0, noise=0.3, searcher={"kind": "GridSearch"})
        for row in results.rows:
            row.config["x"] = row.trial // 6 / 5
        assert {one.kind for one in advice(results)} <= {"epochs"}
