from itertools import count, cycle, islice

import pytest

from sweeper.search.sequences import LazyList, distinct, fulfilling, key


def configs(numbers):
    return ({"x": number} for number in numbers)


def test_a_lazy_list_makes_each_entry_once_and_no_sooner_than_asked_for():
    made = []
    entries = LazyList(made.append(i) or i for i in count())
    assert (entries[3], entries[0], entries[2]) == (3, 0, 2)
    assert made == [0, 1, 2, 3]


def test_a_lazy_list_may_end():
    with pytest.raises(IndexError):
        LazyList(range(3))[3]


def test_keys_tell_types_apart():
    assert len({key({"x": value}) for value in (1, 1.0, True, "1", [1], (1,))}) == 6


def test_distinct_ones_come_once_until_there_are_no_others():
    assert list(distinct(configs(cycle([1, 2, 1, 3])), [key({"x": 2})])) == [{"x": 1}, {"x": 3}]


def test_what_fulfils_comes_and_what_hardly_ever_does_is_refused():
    even = fulfilling(configs(count()), lambda config: config["x"] % 2 == 0)
    assert list(islice(even, 3)) == [{"x": 0}, {"x": 2}, {"x": 4}]
    with pytest.raises(ValueError, match="constraints: none of 10,001 configurations"):
        next(fulfilling(configs(count()), lambda config: False))
