import itertools

from scipy import stats

from sweeper.search.whole_spaces import every_config
from sweeper.space.conditions import when
from sweeper.space.space import check_space


def test_every_configuration_comes_once_and_in_order():
    space = check_space({"a": [1, 2, 2], "b": stats.randint(0, 3), "c": 5}, ["a + b < 4"])
    product = itertools.product([1, 2], range(3))
    expected = [{"a": a, "b": b, "c": 5} for a, b in product if a + b < 4]
    assert list(every_config(space, 100)) == expected


def test_conditions_are_kept():
    space = check_space({"b": when("a == 1", ["x", "y"], otherwise=0), "a": [1, 2]})
    assert list(every_config(space, 3)) == [
        {"b": "x", "a": 1},
        {"b": "y", "a": 1},
        {"b": 0, "a": 2},
    ]


def test_none_comes_of_a_space_with_too_many():
    assert list(every_config(check_space({"a": [1, 2, 3]}), 2)) == []
    assert list(every_config(check_space({"a": stats.uniform(0, 1)}), 2)) == []
