import numpy as np
import pytest
from scipy import stats

from sweeper.search.grid_search import GridSearch
from sweeper.search.random_search import RandomSearch
from sweeper.search.searcher import check_search, first_configs
from sweeper.search.sobol_search import SobolSearch
from sweeper.space.conditions import when
from sweeper.space.space import check_space

SPACE = {"lr": stats.loguniform(1e-4, 1), "units": [16, 32, 64], "epochs_a_trial": 3}


@pytest.mark.parametrize("searcher", [RandomSearch, SobolSearch])
def test_initial_configs_that_would_be_left_out_are_a_fault(searcher):
    first = {"lr": 0.1, "units": 16, "epochs_a_trial": 3}
    with pytest.raises(ValueError, match="leaves out some of its 2 initial_configs"):
        check_search(SPACE, searcher(1, initial_configs=[first, {**first, "lr": 0.2}]))


@pytest.mark.parametrize("searcher", [RandomSearch, GridSearch, SobolSearch])
def test_initial_configs_are_a_list(searcher):
    for wrong in (iter([{"x": 1}]), None, {"x": 1}):
        with pytest.raises(ValueError, match="initial_configs must be a list"):
            check_search({"x": [1]}, searcher(1, initial_configs=wrong))


def test_numpy_scalars_of_initial_configs_become_plain():
    searcher = RandomSearch(1, initial_configs=[{"x": np.int64(1)}])
    configs = first_configs(searcher, check_search({"x": [1]}, searcher), 0)
    assert [type(config["x"]) for config in configs] == [int]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("searcher", "text"),
    [
        (GridSearch(points=4), "4 × 3 = 12 trials"),
        (GridSearch(points={"lr": 1}), "3 trials"),
        (RandomSearch(1), "1 trial"),
        (RandomSearch(12_000), "12,000 trials"),
        (SobolSearch(16), "16 trials"),
    ],
)
def test_describe_tells_how_many_trials_there_will_be(searcher, text):
    space = check_space(SPACE)
    assert searcher.describe(space) == text
    assert searcher.num_configs(space) == len(first_configs(searcher, space, 0))


@pytest.mark.parametrize("num_trials", [0, -1, 2.0, True, "5", None])
@pytest.mark.parametrize("searcher", [RandomSearch, SobolSearch])
def test_num_trials_must_be_a_positive_int(num_trials, searcher):
    with pytest.raises(ValueError, match=r"num_trials=….*at least 1, but got"):
        check_search(SPACE, searcher(num_trials))


def test_all_faults_of_initial_configs_at_once():
    good = {"lr": 0.1, "units": 16, "epochs_a_trial": 3}
    bad = [{"lr": 0.1}, {**good, "momentum": 0}, "no", {**good, "lr": print}, {**good, "lr": 2}]
    bad += [{**good, "lr": "abc"}, {**good, "units": 17}, {**good, "epochs_a_trial": 4}]
    with pytest.raises(ValueError, match="initial_configs") as caught:
        check_search(SPACE, RandomSearch(9, initial_configs=[*bad, good]))
    lines = [
        "initial_configs[0]: lacks ['units', 'epochs_a_trial']",
        "initial_configs[1]: has ['momentum'], which the configuration space does not",
        "initial_configs[2]: must be a dict, but got 'no' (str)",
        "initial_configs[3]: ",
        'initial_configs[4]["lr"]: must be a number in the support, but got 2 (int)',
        """initial_configs[5]["lr"]: must be a number in the support, but got 'abc' (str)""",
        'initial_configs[6]["units"]: must be one of the choices, but got 17 (int)',
        'initial_configs[7]["epochs_a_trial"]: must be the constant of the space, but got 4 (int)',
    ]
    said = str(caught.value).splitlines()
    assert all(line in message for line, message in zip(lines, said, strict=True))


def test_initial_configs_keep_conditions_and_constraints():
    space = {"a": [1, 2], "b": when("a == 1", stats.randint(0, 9)), "c": stats.randint(0, 9)}
    good = [{"a": 1, "b": 3, "c": 4}, {"a": 2, "c": 8}]
    check_search(space, RandomSearch(2, good), ["b <= c"])
    bad = [{"a": 1, "c": 4}, {"a": 2, "b": 1, "c": 4}, {"a": 1, "b": 5, "c": 4}, {"a": 2, "c": 0.5}]
    with pytest.raises(ValueError, match="initial_configs") as caught:
        check_search(space, RandomSearch(4, bad), ["b <= c"])
    lines = [
        "initial_configs[0]: lacks ['b']",
        'initial_configs[1]["b"]: must be absent, since its condition does not hold',
        "initial_configs[2]: must fulfil the constraint b <= c",
        'initial_configs[3]["c"]: must be a value of the distribution, but got 0.5 (float)',
    ]
    said = str(caught.value).splitlines()
    assert all(line in message for line, message in zip(lines, said, strict=True))


def test_faults_of_constraints_and_of_the_searcher_are_told_at_once():
    searcher = RandomSearch(0, initial_configs=[{"depth": 5}])
    with pytest.raises(ValueError, match=r"constraints\[0\]") as caught:
        check_search({"depth": [1, 2]}, searcher, ["depth <"])
    for told in ("initial_configs[0]", "num_trials"):
        assert told in str(caught.value)
    with pytest.raises(ValueError, match="depth") as caught:  # no space to judge the searcher by
        check_search({"depth": []}, searcher, ["depth <"])
    assert "num_trials" not in str(caught.value)


def test_other_searchers_are_refused():
    with pytest.raises(TypeError, match=r"searcher must be sweeper\.RandomSearch"):
        check_search(SPACE, 5)


def test_the_first_configurations_are_the_first_of_all():
    space = check_space(SPACE)
    for searcher in (RandomSearch(6), GridSearch(points=2), SobolSearch(6)):
        assert first_configs(searcher, space, 3, 4) == first_configs(searcher, space, 3)[:4]
        assert len(first_configs(searcher, space, 3, 100)) == 6
