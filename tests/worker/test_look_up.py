import argparse
import json
import types

import pytest

from sweeper.worker.look_up import look_up
from sweeper.worker.reads import reads_of

HERE = __import__(__name__)
ARGUMENTS = argparse.Namespace(lr=0.1, inner=types.SimpleNamespace(deep=3))
NUMBER = 5


@pytest.mark.parametrize(
    ("chain", "value", "expected"),
    [
        (("x",), 3, (3, "f", ("x",))),
        (("x", "real"), 3, (3, "f", ("x",))),  # of a number nothing is looked at
        (("m", "NUMBER"), HERE, (5, "test_look_up", ("NUMBER",))),
        (("m", "NUMBER", "real"), HERE, (5, "test_look_up", ("NUMBER",))),
        (("m", "none"), HERE, (HERE, "test_look_up", ("m",))),
        (("m", "HERE", "NUMBER"), HERE, (5, "test_look_up", ("NUMBER",))),
        (("m", "ARGUMENTS", "lr"), HERE, (0.1, "test_look_up", ("ARGUMENTS", "lr"))),
        (("a", "lr"), ARGUMENTS, (0.1, "f", ("a", "lr"))),
        (("a", "inner", "deep"), ARGUMENTS, (3, "f", ("a", "inner", "deep"))),
        (("a", "none"), ARGUMENTS, (ARGUMENTS, "f", ("a",))),
    ],
)
def test_through_own_modules_and_parsed_arguments(chain, value, expected):
    found = look_up(chain, value, "f", None)
    assert (found.value, found.space, found.chain) == expected
    assert found.name == ".".join(found.chain)
    assert found.file == (__file__ if found.space == "test_look_up" else None)


def test_other_modules_lead_nowhere():
    assert look_up(("json", "dumps"), json, "f", None) is None
    assert look_up(("m", "json", "dumps"), HERE, "f", None) is None


def test_as_a_function_reads_it():
    def function():
        return HERE.ARGUMENTS.inner.deep + NUMBER

    chains = reads_of(function.__code__, None).chains
    found = [look_up(chain, globals()[chain[0]], "f", None) for chain in chains]
    assert [one.value for one in found] == [3, 5]
