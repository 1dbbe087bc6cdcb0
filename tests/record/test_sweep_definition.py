import pytest
from scipy import stats

import sweeper
from sweeper.record.sweep_definition import check_sweep

SPACE = {"x": stats.uniform(0, 1)}


def objective(config):
    return config["x"]


def test_all_faults_at_once():
    with pytest.raises(ValueError, match="objective must be a function") as caught:
        check_sweep(
            3, {"x": stats.uniform}, sweeper.RandomSearch(0), scheduler=sweeper.ASHA(0), seed=-1,
            replicates=0, resources=1,
        )  # fmt: skip
    text = str(caught.value)
    for part in ("config_space", "seed", "replicates", "scheduler", "resources"):
        assert part in text


def test_the_faults_of_a_scheduler():
    with pytest.raises(ValueError, match=r"ASHA\(grace_epochs=…\) must be an int of at least 1"):
        check_sweep(objective, SPACE, sweeper.RandomSearch(3), scheduler=sweeper.ASHA(0))


def test_a_lag_is_chosen_once_and_only_where_results_are_waited_for():
    plain = check_sweep(objective, SPACE, sweeper.RandomSearch(3), scheduler=sweeper.ASHA())
    assert plain.with_lag_for(4).lag is None
    learns = check_sweep(objective, SPACE, sweeper.BayesianSearch(3))
    assert learns.with_lag_for(4).lag == 8
    assert learns.with_lag_for(4).with_lag_for(16).lag == 8
    given = check_sweep(objective, SPACE, sweeper.BayesianSearch(3, lag=5))
    assert given.with_lag_for(4).lag == 5


def test_constraints_belong_to_the_space():
    sweep = check_sweep(objective, SPACE, sweeper.RandomSearch(3), constraints=["x < 0.5"])
    assert sweep.space.constraints == ("x < 0.5",)
    with pytest.raises(ValueError, match=r"constraints\[0\]"):
        check_sweep(objective, SPACE, sweeper.RandomSearch(3), constraints=["y < 0.5"])
