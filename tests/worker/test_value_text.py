import collections
import datetime
import enum
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sweeper.worker.value_text import is_told, shorten, value_text

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


def other(value, depth):
    return f"a {type(value).__name__}"


class Colour(enum.Enum):
    RED = 1


class Loud(str):
    def __repr__(self):
        raise AssertionError


Point = collections.namedtuple("Point", "x y")


@given(PLAIN)
def test_plain_values_are_written_as_python_does(value):
    text = value_text(value, other)
    assert text == shorten(text)
    if not isinstance(value, list | tuple | dict):
        assert text == shorten(repr(value))


@given(PLAIN, PLAIN)
def test_texts_are_equal_if_and_only_if_the_values_are(one, two):
    def kinds(value):
        """With the types, since 1 == 1.0 == True, and dicts in any order."""
        if isinstance(value, dict):
            return "dict", sorted((key, repr(kinds(entry))) for key, entry in value.items())
        if isinstance(value, list | tuple):
            return type(value).__name__, [kinds(entry) for entry in value]
        return type(value).__name__, repr(value)

    assert (value_text(one, other) == value_text(two, other)) == (kinds(one) == kinds(two))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({3, 1, 2}, "{1, 2, 3}"),
        (frozenset("ba"), "{'a', 'b'}"),
        (Point(1, [2]), "(1, [2])"),
        ((1,), "(1)"),
        (collections.OrderedDict(b=1, a=2), "{'a': 2, 'b': 1}"),
        (Colour.RED, "Colour.RED"),
        (Loud("x"), "'x'"),
        (b"ab", "b'ab'"),
        (np.float64(0.5), "0.5"),
        (np.int32(3), "3"),
        (np.array(2.5), "2.5"),
        (range(3), "range(0, 3)"),
        (datetime.date(2026, 1, 31), "datetime.date(2026, 1, 31)"),
        (re.compile("a+"), "re.compile('a+')"),
        (len, "builtins.len"),
        (np.sin, "numpy.sin"),
        (torch.float32, "torch.float32"),
        (object(), "a object"),
        ([object()], "[a object]"),
        (np.array([object()]), "array (1,) object"),
    ],
)
def test_other_values(value, text):
    assert value_text(value, other) in (text, text.replace("numpy.sin", "sin"))


def test_arrays_are_told_apart_by_shape_type_and_content():
    base = np.arange(6.0)
    arrays = [base, base.reshape(2, 3), base.astype("f4"), base + 1e-12, base[::-1], base[:5]]
    arrays += [torch.from_numpy(base), torch.from_numpy(base + 1)]
    arrays += [pd.DataFrame({"a": base}), pd.DataFrame({"b": base}), pd.Series(base)]
    texts = [value_text(array, other) for array in arrays]
    assert len(set(texts)) == len(arrays)
    assert texts == [value_text(array, other) for array in arrays]
    assert value_text(base.copy(), other) == texts[0]
    assert value_text(torch.ones(2, dtype=torch.bfloat16), other) == "a Tensor"


def test_large_arrays_are_looked_at_in_part():
    large = np.zeros(20_000_000)
    changed = large.copy()
    changed[::2] = 1
    assert value_text(large, other) != value_text(changed, other)


def test_texts_are_short_and_still_tell_apart():
    one, two = (value_text("x" * 1000 + end, other) for end in "ab")
    assert one != two
    assert len(one) < 200
    circle: list = []
    circle.append(circle)
    assert len(value_text(circle, other)) < 200


def test_the_same_in_other_processes():
    code = (
        "from sweeper.worker.value_text import value_text\n"
        "print(value_text([{'a', 'b', 'c', 1, None}, {'z': {3.5, 'x'}}, frozenset('xyz')], None))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
        ).stdout
        for seed in range(3)
    }
    assert len(texts) == 1
    assert "frozenset" not in texts.pop()


def test_is_told():
    assert all(map(is_told, (int, Loud, Point, Colour, dict, np.ndarray, type(None))))
    assert not any(map(is_told, (object, torch.nn.Linear, type(len))))
