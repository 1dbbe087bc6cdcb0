import itertools

import numpy as np
import pytest
from scipy import stats

from sweeper.space.config_space import draw
from sweeper.space.searchers import GridSearch, RandomSearch, check_search

SPACE = {"lr": stats.loguniform(1e-4, 1), "units": [16, 32, 64], "epochs_a_trial": 3}


def test_random_search_is_the_draws():
    configs = RandomSearch(num_trials=5).configs(SPACE, 7)
    assert configs == [draw(SPACE, 7, trial) for trial in range(5)]


def test_more_trials_continue_the_same_search():
    assert RandomSearch(20).configs(SPACE, 1)[:5] == RandomSearch(5).configs(SPACE, 1)


def test_initial_configs_run_first_and_change_no_other_trial():
    first = {"lr": 0.1, "units": 128, "epochs_a_trial": 1}
    configs = RandomSearch(4, initial_configs=[first]).configs(SPACE, 0)
    assert configs[0] == first
    assert configs[1:] == RandomSearch(4).configs(SPACE, 0)[1:]


def test_initial_configs_that_would_be_left_out_are_a_fault():
    first = {"lr": 0.1, "units": 128, "epochs_a_trial": 1}
    with pytest.raises(ValueError, match="leaves out some of its 2 initial_configs"):
        check_search(SPACE, RandomSearch(1, initial_configs=[first, first]))


@pytest.mark.parametrize("searcher", [RandomSearch, GridSearch])
def test_initial_configs_are_a_list(searcher):
    for wrong in (iter([{"x": 1}]), None, {"x": 1}):
        with pytest.raises(ValueError, match="initial_configs must be a list"):
            check_search({"x": [1]}, searcher(1, initial_configs=wrong))


def test_numpy_scalars_of_initial_configs_become_plain():
    configs = RandomSearch(1, initial_configs=[{"x": np.int64(3)}]).configs({"x": [1]}, 0)
    assert [type(config["x"]) for config in configs] == [int]


def test_grid_search_is_the_product():
    space = {"a": [1, 2, 3], "b": ["x", "y"], "c": 0}
    expected = [{"a": a, "b": b, "c": 0} for a, b in itertools.product([1, 2, 3], ["x", "y"])]
    assert GridSearch().configs(space, 0) == expected


def test_grid_search_with_initial_configs():
    space = {"a": [1, 2]}
    searcher = GridSearch(initial_configs=[{"a": 9}])
    assert searcher.configs(space, 0) == [{"a": 9}, {"a": 1}, {"a": 2}]
    assert searcher.num_configs(space) == 3
    assert searcher.describe(space) == "1 + 2 = 3 trials"


@pytest.mark.parametrize(
    ("searcher", "text"),
    [
        (GridSearch(points=4), "4 × 3 = 12 trials"),
        (GridSearch(points={"lr": 1}), "3 trials"),
        (RandomSearch(1), "1 trial"),
        (RandomSearch(12_000), "12,000 trials"),
    ],
)
def test_describe_tells_how_many_trials_there_will_be(searcher, text):
    assert searcher.describe(SPACE) == text
    assert searcher.num_configs(SPACE) == len(searcher.configs(SPACE, 0))


@pytest.mark.parametrize("num_trials", [0, -1, 2.0, True, "5", None])
def test_num_trials_must_be_a_positive_int(num_trials):
    with pytest.raises(ValueError, match=r"num_trials=….*at least 1, but got"):
        check_search(SPACE, RandomSearch(num_trials))


def test_all_faults_of_initial_configs_at_once():
    bad = [{"lr": 0.1}, {**dict.fromkeys(SPACE, 1), "momentum": 0}, "no", {**SPACE, "lr": print}]
    with pytest.raises(ValueError, match="initial_configs") as caught:
        check_search(SPACE, RandomSearch(5, initial_configs=bad))
    message = str(caught.value)
    assert "initial_configs[0]: lacks ['units', 'epochs_a_trial']" in message
    assert "initial_configs[1]: has ['momentum']" in message
    assert "initial_configs[2]: must be a dict, but got 'no' (str)" in message
    assert "initial_configs[3]:" in message


def test_a_grid_over_a_distribution_needs_points():
    with pytest.raises(ValueError, match=r'"lr".*points'):
        check_search(SPACE, GridSearch())


def test_other_searchers_are_refused():
    with pytest.raises(TypeError, match=r"searcher must be sweeper\.RandomSearch"):
        check_search(SPACE, 5)
