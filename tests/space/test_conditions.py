import pickle

import pytest
from scipy import stats

from sweeper.space.conditions import ABSENT, When, law_in, laws, parents, when

NESTED = when("a == 1", "x", otherwise=when("b > a", [2], otherwise=3))


@pytest.mark.parametrize(
    ("config", "law"),
    [
        ({"a": 1}, "x"),
        ({"a": 0, "b": 2}, [2]),
        ({"a": 0, "b": 0}, 3),
        ({"a": 0}, 3),
        ({}, 3),
    ],
)
def test_the_first_condition_that_holds_decides(config, law):
    assert law_in(NESTED, config) == law


def test_nothing_where_nothing_is_given_in_its_place():
    assert law_in(when("a", 1), {"a": False}) is ABSENT
    assert law_in(when("a", 1, otherwise=None), {"a": False}) is None
    assert law_in(7, {}) == 7


def test_laws_and_parents():
    assert list(laws(NESTED)) == ["x", [2], 3]
    assert list(laws(when("a", 1))) == [1]
    assert list(laws(5)) == [5]
    assert parents(NESTED) == ["a", "b"]
    assert parents([1]) == []


def test_it_travels_to_other_processes():
    again = pickle.loads(pickle.dumps(when("a", 1)))
    assert again == When("a", 1)
    assert again.otherwise is ABSENT
    assert law_in(pickle.loads(pickle.dumps(when("a", stats.norm()))), {}) is ABSENT
