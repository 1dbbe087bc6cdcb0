from dataclasses import replace

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import made, odd_sweeps, with_asha, with_configs
from scipy import stats
from sklearn.ensemble import RandomForestRegressor

from sweeper.analysis import importance as module
from sweeper.analysis.importance import importance
from sweeper.record.results import Results

optuna.logging.set_verbosity(optuna.logging.ERROR)


def sweep(function, total: int, dimensions: int = 3, noise: float = 0.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    u = rng.random((total, dimensions))
    errors = function(u)
    errors = errors / (errors.std() or 1) + noise * rng.normal(size=total)
    return made(errors, {f"x{j}": u[:, j] for j in range(dimensions)})


def additive(u):  # shares 0.9, 0.1
    return 3 * u[:, 0] + u[:, 1]


def bowl(u):  # shares 0.8, 0.2
    return 4 * (u[:, 0] - 0.5) ** 2 + 2 * (u[:, 1] - 0.5) ** 2


def paired(u):  # shares 0.75, 0.08, 0, and 0.11 of the first and third together, over 0.94
    return 3 * u[:, 0] + u[:, 1] + 4 * (u[:, 0] - 0.5) * (u[:, 2] - 0.5)


def shares(results) -> dict[str, float]:
    return importance(results).frame.set_index("hyperparameter")["importance"].to_dict()


def test_single_shares_are_those_of_optunas_fanova_on_the_same_forest():
    rng = np.random.default_rng(0)
    u = rng.random((40, 3))
    y = paired(u)
    space = {f"x{j}": optuna.distributions.FloatDistribution(0, 1) for j in range(3)}
    study = optuna.create_study()
    for point, value in zip(u, y, strict=True):
        params = {f"x{j}": float(x) for j, x in enumerate(point)}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=space, value=float(value))
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=8, seed=0)
    oracle = evaluator.evaluate(study)
    forest = RandomForestRegressor(n_estimators=8, max_depth=64, random_state=0).fit(u, y)
    trees = [module._boxes(tree.tree_) for tree in forest.estimators_]
    for j in range(3):
        ours = np.mean([module._single(tree, j) for tree in trees])
        assert ours == pytest.approx(oracle[f"x{j}"], abs=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_shares_of_a_tree_of_two_hyperparameters_add_up_to_one(seed):
    rng = np.random.default_rng(seed)
    u = rng.random((30, 2))
    tree = RandomForestRegressor(n_estimators=1, random_state=seed).fit(u, rng.random(30))
    boxes = module._boxes(tree.estimators_[0].tree_)
    parts = [module._single(boxes, 0), module._single(boxes, 1), module._pair(boxes, 0, 1)]
    assert sum(parts) == pytest.approx(1)
    assert min(parts) > -1e-9


@pytest.mark.parametrize(("function", "truth"), [(additive, [0.9, 0.1, 0]), (bowl, [0.8, 0.2, 0])])
def test_known_shares_are_found(function, truth):
    found = shares(sweep(function, 300))
    assert [found["x0"], found["x1"], found["x2"]] == pytest.approx(truth, abs=0.12)


def test_known_pairs_are_found():
    found = importance(sweep(paired, 300))
    assert found.pairs.loc[0, ["first", "second"]].tolist() == ["x0", "x2"]
    assert found.pairs.loc[0, "importance"] == pytest.approx(0.11 / 0.94, abs=0.04)
    assert found.pairs.loc[1, "importance"] < 0.05


def test_the_distribution_does_not_change_what_matters():
    u = np.random.default_rng(0).random((100, 2))
    plain = made(additive(u), {"a": u[:, 0], "b": u[:, 1]})
    columns = {"a": stats.loguniform(1e-4, 1).ppf(u[:, 0]), "b": stats.norm(3, 2).ppf(u[:, 1])}
    other = made(additive(u), columns, {"a": "loguniform(1e-4, 1)", "b": "norm(3, 2)"})
    assert shares(other) == pytest.approx(shares(plain), abs=1e-6)


def test_choices_matter_too():
    rng = np.random.default_rng(0)
    act, x = rng.choice(["relu", "tanh", "gelu"], 60), rng.random(60)
    errors = (act == "tanh") + 0.1 * x
    columns = {"act": act.tolist(), "x": x}
    found = shares(made(errors, columns, {"act": "[relu, tanh, gelu]", "x": "uniform(0, 1)"}))
    assert found["act"] > 0.9 > 0.1 > found["x"]


# Of functions with two hyperparameters that matter and three that don't, 40 sweeps each with noise
# of 0.3 and 1 standard deviations of the signal: at 8 trials a hyperparameter that does nothing
# came first in up to 47 of 100, and the forest's score on trials it had not seen kept that from
# being said in all but 8; at 16 trials and more in all but 0 to 5 (one in 8, bowl at 32). Hence at
# least 16 trials and a score of 0.2.
@pytest.mark.slow
@pytest.mark.parametrize("total", [16, 32])
def test_what_does_nothing_is_rarely_said_to_matter_most(total):
    wrong = 0
    for seed in range(15):
        try:
            found = importance(sweep(additive, total, dimensions=5, noise=1.0, seed=seed))
        except ValueError:
            continue
        wrong += found.frame["hyperparameter"][0] not in ("x0", "x1")
    assert wrong <= 2


@pytest.mark.slow
def test_noise_is_refused():
    said = 0
    for seed in range(20):
        try:
            importance(sweep(lambda u: 0 * u[:, 0], 24, noise=1.0, seed=seed))
        except ValueError as error:
            assert "don't show what matters" in str(error)  # noqa: PT017
            continue
        said += 1
    assert said <= 2


@pytest.mark.slow
def test_the_interval_holds_a_strong_share():
    held = 0
    for seed in range(12):
        row = importance(sweep(additive, 40, seed=seed)).frame.iloc[0]
        held += row["low"] <= 0.9 <= row["high"]
    assert held >= 9


def test_few_trials_are_refused():
    with pytest.raises(
        ValueError, match="at least 16 trials with an error to say anything, but got 15"
    ):
        importance(made([*np.random.default_rng(0).random(15), None, None]))


def test_nothing_that_varies_is_refused():
    with pytest.raises(ValueError, match="a hyperparameter that varies"):
        importance(odd_sweeps()["a constant"])
    with pytest.raises(ValueError, match=r"errors that differ, but all 40 are 0\.1"):
        importance(odd_sweeps()["equal errors"])


def test_a_few_far_out_errors_do_not_hide_the_rest():
    results = sweep(additive, 100)
    results.rows[0].value = results.rows[1].value = 1e9
    assert shares(results)["x0"] > 0.5


def test_very_many_trials_are_thinned_and_it_says_so():
    found = importance(sweep(additive, 3000))
    assert (found.trials_used, found.trials) == (300, 3000)
    assert found.frame["hyperparameter"][0] == "x0"


def test_the_same_seed_says_the_same():
    one, other = importance(sweep(bowl, 50), seed=3), importance(sweep(bowl, 50), seed=3)
    assert one.frame.equals(other.frame)


@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_answered_or_refused(name):
    try:
        found = importance(odd_sweeps()[name])
    except ValueError as error:
        assert str(error).endswith(".")  # noqa: PT017
        return
    assert found.frame["importance"].between(0, 1).all()


def with_condition(effect, seed=0, trials=160):
    """Errors by the optimizer, and by momentum where the optimizer has one."""
    rng = np.random.default_rng(seed)
    configs, errors = [], []
    for _ in range(trials):
        config = {"optimizer": ["sgd", "adam"][rng.integers(2)], "lr": rng.uniform()}
        if config["optimizer"] == "sgd":
            config["momentum"] = rng.uniform()
        optimizer = 0.3 * (config["optimizer"] == "sgd") + 0.1 * config["lr"]
        errors.append(optimizer + effect * config.get("momentum", 0.5) + 0.01 * rng.normal())
        configs.append(config)
    space = {
        "optimizer": "['sgd', 'adam']",
        "momentum": "uniform(0, 1) if optimizer == 'sgd'",
        "lr": "uniform(0, 1)",
    }
    results = made(errors, columns={"x": [0.5] * trials}, space=space)
    return with_configs(results, configs)


def test_a_conditional_hyperparameter_has_only_its_own_effect():
    for seed in range(3):
        frame = importance(with_condition(0.0, seed)).frame.set_index("hyperparameter")
        assert frame["importance"]["momentum"] < 0.03
        assert frame["importance"]["optimizer"] > 0.8


def test_a_conditional_hyperparameter_is_found_where_it_was_there():
    found = importance(with_condition(0.8))
    shares = found.frame.set_index("hyperparameter")["importance"]
    assert shares["momentum"] > 2 * shares["lr"]
    pairs = found.pairs.set_index(["first", "second"])["importance"]
    assert {*pairs.idxmax()} == {"optimizer", "momentum"}


def test_stopped_trials_count_with_their_last_error():
    results = with_asha(60, matters=1, grace_epochs=3)
    stopped = sum(row.status == "stopped" for row in results.rows)
    found = importance(results)
    assert (found.trials_used, found.stopped) == (60, stopped)
    assert found.trials_used - stopped < module.LEAST_TRIALS  # the finished ones would be too few
    assert found.frame["hyperparameter"][0] == "x"
    as_if = [replace(row, status="finished") for row in results.rows]
    whole = importance(Results(results.folder, results.sweep, as_if))
    assert whole.frame.equals(found.frame)
    assert whole.stopped == 0
