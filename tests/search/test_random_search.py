import numpy as np
import pytest
from scipy import stats

from sweeper.search.random_search import RandomSearch
from sweeper.search.searcher import check_search, first_configs
from sweeper.space.config_space import draw
from sweeper.space.space import check_space

SPACE = {"lr": stats.loguniform(1e-4, 1), "units": [16, 32, 64], "epochs_a_trial": 3}
SMALL = {"x": [1, 2, 3], "y": stats.randint(0, 2)}


def configs(searcher, space, seed=0):
    return first_configs(searcher, check_space(space), seed)


def test_random_search_is_the_draws():
    assert configs(RandomSearch(5), SPACE, 7) == [draw(SPACE, 7, trial) for trial in range(5)]


def test_more_trials_continue_the_same_search():
    assert configs(RandomSearch(20), SPACE)[:5] == configs(RandomSearch(5), SPACE)


def test_a_far_trial_is_drawn_without_those_before():
    space = check_space(SPACE)
    assert RandomSearch(10**12).config(space, 0, 10**11) == draw(SPACE, 0, 10**11)


def test_initial_configs_run_first_and_change_no_other_trial():
    first = {"lr": 0.1, "units": 32, "epochs_a_trial": 3}
    drawn = configs(RandomSearch(4, initial_configs=[first]), SPACE)
    assert drawn[0] == first
    assert drawn[1:] == configs(RandomSearch(4), SPACE)[1:]


def test_unique_draws_are_all_that_there_are_once_each():
    searcher = RandomSearch(100, unique=True)
    drawn = configs(searcher, SMALL)
    assert {(c["x"], c["y"]) for c in drawn} == {(x, y) for x in (1, 2, 3) for y in (0, 1)}
    assert len(drawn) == 6 == searcher.num_configs(check_space(SMALL))
    assert "6 trials, since the space has no more configurations" in searcher.describe(
        check_space(SMALL)
    )


def test_unique_draws_are_the_draws_without_repetitions():
    every = [draw(SMALL, 4, trial) for trial in range(100)]
    expected = [config for i, config in enumerate(every) if config not in every[:i]]
    assert configs(RandomSearch(100, unique=True), SMALL, 4) == expected
    assert configs(RandomSearch(3, unique=True), SMALL, 4) == expected[:3]


def test_unique_draws_repeat_no_initial_config_either():
    first = {"x": 2, "y": 1}
    drawn = configs(RandomSearch(6, [first], unique=True), SMALL)
    assert drawn[0] == first
    assert first not in drawn[1:]


def test_what_is_next_to_never_drawn_comes_too():
    rare = {"x": stats.rv_discrete(values=([0, 1], [1 - 1e-12, 1e-12]))}
    assert configs(RandomSearch(2, unique=True), rare) == [{"x": 0}, {"x": 1}]


def test_a_caller_may_change_what_it_gets():
    space = check_space({"x": [[1, 2], [3]]})
    for searcher in (RandomSearch(2), RandomSearch(2, unique=True)):
        before = searcher.config(space, 0, 0)
        searcher.config(space, 0, 0)["x"].append(9)
        assert searcher.config(space, 0, 0) == before


@pytest.mark.parametrize("unique", [1, "yes", None, np.True_])
def test_unique_is_true_or_false(unique):
    with pytest.raises(ValueError, match="unique must be True or False, but got"):
        check_search(SMALL, RandomSearch(2, unique=unique))
