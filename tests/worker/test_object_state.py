import functools
from fractions import Fraction

import torch

from sweeper.worker.object_state import attributes, changed_by_methods


class Plain:
    def __init__(self):
        self.b, self.a, self.calls = 2, 1, 0

    def step(self):
        self.calls += 1

    @functools.cached_property
    def total(self):
        return self.a + self.b


class Derived(Plain):
    def __init__(self):
        super().__init__()
        self.c = 3

    def other(self):
        self.b = 5


class Slots:
    __slots__ = ("never", "x", "y")

    def __init__(self):
        self.x, self.y = 1, 2


class Guarded(Plain):
    def __getattr__(self, name):
        raise AssertionError(name)

    def __getstate__(self):
        raise AssertionError


class Net(torch.nn.Module):
    pass


def test_attributes_are_those_that_methods_leave_alone():
    worn = Plain()
    worn.step()
    assert worn.total == 3
    assert attributes(worn) == attributes(Plain()) == [("a", 1), ("b", 2)]
    assert attributes(Derived()) == [("a", 1), ("c", 3)]
    assert changed_by_methods(Derived) == {"b", "calls", "total"}


def test_slots():
    assert attributes(Slots()) == [("x", 1), ("y", 2)]


def test_nothing_of_the_object_is_called():
    assert attributes(Guarded()) == [("a", 1), ("b", 2)]


def test_of_foreign_classes_and_models_nothing_is_known():
    assert [attributes(value) for value in (Fraction(1, 2), object(), Net(), 1)] == [None] * 4
