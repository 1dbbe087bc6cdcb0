import functools
import re
import threading

import numpy as np
import pytest

from sweeper.sweep.travelling import packed

LARGE = 12_000_000


def closure(table, other=None):
    return lambda config: table[0] + (other is None)


class Holds:
    def __init__(self, table):
        self.table = table
        self.small = 1

    def objective(self, config):
        return self.table[0]


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        (closure(np.zeros(LARGE // 8)), r"table of test_travelling\.closure\.<lambda>"),
        (closure([0.5], b"x" * LARGE), r"other of test_travelling\.closure\.<lambda>"),
        (Holds(np.zeros(LARGE // 8)).objective, r"self\.table"),
        (functools.partial(closure, np.zeros(LARGE // 8)), "argument 0"),
        (closure({"a": [np.zeros(LARGE // 8)]}), "table of"),
    ],
)
def test_a_large_objective_is_told_of_with_its_largest_value(objective, name):
    said = []
    found = packed(objective, said.append)
    (hint,) = said
    assert re.search(rf"takes 12 MB pickled, most of it {name}.*\(12 MB\)", hint), hint
    assert "data=…" in hint
    assert len(found.first.pickled) > LARGE


def test_several_that_are_large_together_are_not_blamed_alone():
    said = []
    parts = [np.zeros(LARGE // 32) for _ in range(4)]
    first, second, third, fourth = parts
    packed(lambda config: first[0] + second[0] + third[0] + fourth[0], said.append)
    assert said[0].startswith("Note: the objective takes 12 MB pickled, of which")


def test_what_a_module_holds_does_not_travel():
    said = []
    packed(of_module, said.append)
    assert said == []


TABLE = np.zeros(LARGE // 8)


def of_module(config):
    return TABLE[0]


def test_what_cannot_be_pickled_is_refused():
    lock = threading.Lock()
    with pytest.raises(TypeError, match=r"objective can't be pickled: .*through data="):
        packed(lambda config: lock, print)
