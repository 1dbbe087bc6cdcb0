import pytest
from scipy import stats

from sweeper.search.replacements import first_that_may_come
from sweeper.search.sequences import key
from sweeper.search.whole_spaces import every_config
from sweeper.space.space import check_space


def test_what_may_come_stays():
    space = check_space({"x": stats.uniform(0, 1)})
    assert first_that_may_come({"x": 0.5}, space, 0, set()) == {"x": 0.5}


def test_a_near_one_comes_instead_of_one_that_was_there():
    space = check_space({"x": stats.uniform(0, 1), "n": stats.randint(0, 100)})
    config = {"x": 0.5, "n": 50}
    new = first_that_may_come(config, space, 0, {key(config)})
    assert new != config
    assert abs(new["x"] - 0.5) + abs(new["n"] - 50) / 100 < 0.1


def test_a_near_one_comes_instead_of_one_that_breaks_a_constraint():
    space = check_space({"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}, ["x + y <= 0.5"])
    new = first_that_may_come({"x": 0.3, "y": 0.25}, space, 0, set())
    assert 0.35 < new["x"] + new["y"] <= 0.5


@pytest.mark.slow
def test_a_small_space_is_used_up_and_then_repeated():
    space = check_space({"a": [1, 2, 3], "b": stats.binom(3, 0.01)}, ["a * b <= 6"])
    taken: list[str] = []
    for seed in range(20):
        taken.append(key(first_that_may_come({"a": 2, "b": 0}, space, seed, taken)))
    every = [key(config) for config in every_config(space, 100)]
    assert sorted(taken[: len(every)]) == sorted(every)
    assert set(taken[len(every) :]) <= set(every)


def test_the_seed_decides():
    space = check_space({"x": stats.uniform(0, 1)})
    new = [first_that_may_come({"x": 0.5}, space, s, {key({"x": 0.5})}) for s in (0, 0, 1)]
    assert new[0] == new[1] != new[2]
