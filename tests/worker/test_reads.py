import functools
import inspect
import math as arithmetic

from sweeper.worker.reads import (
    closed_over,
    defaults_of,
    functions_in,
    reads_of,
    source_of,
    written_attributes,
)

A, B, C, D, E, F = [], {}, 0, [], {}, 1


def reading(config, own=None):
    global C
    C += 1
    A.append(config.D)
    B[config["x"], len(A)] = arithmetic.pi
    for name in D:
        own = name
    E["deep"]["er"].attribute = [F for _ in range(3)]
    own.append(1)
    return arithmetic.exp.real.imag


def reads(function):
    return reads_of(function.__code__, source_of(function))


def test_names_with_their_attributes_and_nothing_that_is_local():
    found = reads(reading)
    roots = {chain[0] for chain in found.chains}
    assert roots == {"A", "B", "C", "D", "E", "F", "arithmetic", "len", "range"}
    assert ("arithmetic", "pi") in found.chains
    assert ("arithmetic", "exp", "real", "imag") in found.chains
    assert found.chains == list(dict.fromkeys(found.chains))


def test_what_is_written():
    assert {chain[0] for chain in reads(reading).written} == {"A", "B", "C", "E"}


def test_without_a_source_less_is_seen():
    found = reads_of(reading.__code__, None)
    assert {chain[0] for chain in found.written} == {"A", "C"}
    assert {chain[0] for chain in found.chains} >= {"A", "B", "D", "E", "F"}


def test_imports_inside():
    def importing():
        import os.path
        from json import decoder as d
        from math import pi

        return os, d, pi

    assert reads(importing).imported == [
        ("os.path", 0), ("json", 0), ("json.decoder", 0), ("math", 0), ("math.pi", 0),
    ]  # fmt: skip


def test_a_variable_of_its_own_by_the_name_of_another_is_none():
    def local(config):
        D = {}
        D["x"] = A
        return D

    found = reads(local)
    assert found.chains == [("A",)]
    assert found.written == set()


def test_closures_and_nonlocal():
    counter, limit = 0, 3

    def outer():
        nonlocal counter
        counter += 1
        return [limit for _ in range(2)], later

    assert closed_over(outer) == {"counter": 0, "limit": 3}  # `later` has no value yet
    later = None
    assert closed_over(outer) == {"counter": 0, "limit": 3, "later": later}
    assert ("counter",) in reads(outer).written


def test_defaults_as_inspect_has_them():
    def function(a, b, c=1, /, d=2, *rest, e, f=3, **others):
        """Nothing."""

    oracle = inspect.signature(function).parameters.values()
    assert list(defaults_of(function)) == [
        (p.name, p.default) for p in oracle if p.default is not p.empty
    ]


class Changing:
    limit = 3

    def __init__(self):
        self.kept, self.log, self.table = 1, [], {}

    def __post_init__(self):
        self.derived = 2

    @property
    def read(self):
        return self.kept

    @functools.lru_cache  # noqa: B019
    def cached(self):
        return 1

    @staticmethod
    def free():
        return 2

    def step(self, other):
        self.calls = 1
        self.count += 1
        self.log.append(1)
        self.table["x"]["y"] = 2
        del other.gone
        return self.kept


def test_attributes_that_methods_change_after_the_making():
    assert written_attributes(source_of(Changing)) == {"calls", "count", "log", "table", "gone"}
    assert written_attributes(None) == set()
    assert written_attributes("lambda x:\n") == set()  # cut out of a statement


def test_functions_in_a_class():
    inside = {name: functions_in(value) for name, value in vars(Changing).items()}
    assert {name for name, found in inside.items() if found} == {
        "__init__", "__post_init__", "read", "cached", "free", "step",
    }  # fmt: skip


def test_the_source_of_what_is_decorated_is_its_own():
    def decorate(function):
        @functools.wraps(function)
        def around():
            return function()

        return around

    @decorate
    def plain():
        return 1

    assert "return function()" in source_of(plain)
    assert source_of(len) is None
    assert source_of(eval("lambda: 1")) is None
