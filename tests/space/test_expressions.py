import ast
import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.space.expressions import parse

NAMES = ("a", "b", "c")
values = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=2)
values |= st.lists(st.integers(-3, 3), max_size=2)
configs = st.fixed_dictionaries(dict.fromkeys(NAMES, values))
leaves = st.sampled_from(NAMES) | (st.integers(-9, 9) | st.text(max_size=2)).map(repr)
lists = st.lists(st.integers(-3, 3).map(repr), max_size=3).map(lambda x: f"[{', '.join(x)}]")


def _larger(parts):
    comparisons = st.tuples(parts, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), parts)
    members = st.tuples(parts, st.sampled_from(["in", "not in"]), lists)
    logical = st.tuples(parts, st.sampled_from(["and", "or"]), parts)
    every = comparisons | members | logical
    return every.map(lambda p: f"({' '.join(p)})") | parts.map(lambda p: f"(not {p})")


conditions = st.recursive(leaves, _larger, max_leaves=8).filter(
    lambda text: any(isinstance(node, ast.Name) for node in ast.walk(ast.parse(text)))
)


@given(conditions, configs)
def test_conditions_say_what_python_says(text, config):
    try:
        expected = bool(eval(text, {"__builtins__": {}}, dict(config)))
    except TypeError:
        return  # Python can't compare these; here such a comparison is false
    assert parse(text).holds(config) == expected


numbers = st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(-9, 9) | st.floats(-9, 9)))
sums = st.recursive(
    st.sampled_from(NAMES) | st.integers(0, 9).map(str),
    lambda parts: (
        st.tuples(parts, st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]), parts).map(
            lambda p: f"({' '.join(p)})"
        )
        | parts.map(lambda p: f"(-{p})")
    ),
    max_leaves=5,
)


@given(sums, numbers)
def test_constraints_compute_what_python_computes(text, config):
    try:
        expected = eval(f"{text} <= a", {"__builtins__": {}}, dict(config))
    except (ArithmeticError, TypeError):  # a complex number can't be compared
        expected = False
    except MemoryError:
        return
    found = parse(f"{text} <= a", arithmetic=True).holds(config)
    assert found == expected or found is False  # not-a-number and huge powers fulfil nothing


@given(st.text(max_size=30) | conditions.map(lambda text: text[:-1]))
def test_any_text_is_read_or_refused(text):
    for arithmetic in (False, True):
        with contextlib.suppress(ValueError):
            parse(text, arithmetic).holds({"a": 1})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("__import__('os').system('true')", "is not allowed here"),
        ("a.b == 1", "a.b is not allowed here"),
        ("a[0] == 1", "is not allowed here"),
        ("a is None", "Write == in place of is"),
        ("(a == 1) & (b == 2)", "Write and, or in place of &"),
        ("a + 1 == 2", "Only constraints may compute"),
        ("[x for x in a]", "is not allowed here"),
        ("(lambda: a)()", "is not allowed here"),
        ("(a := 1)", "is not allowed here"),
        ("a if b else c", "is not allowed here"),
        ("f'{a}'", "is not allowed here"),
        ("a in [b, 1]", "a literal is None, True, a number"),
        ("a in {1: 2}", "is not allowed here"),
        ("a ==", "can't be read"),
        ("a = 1", "can't be read"),
        ("", "can't be read"),
        ("1 == 1", "looks at no hyperparameter"),
        ("not " * 500 + "a", "nested too deeply"),
        ("(" * 300 + "a" + ")" * 300, "can't be read|nested"),
        ("a == 1 or " * 1000 + "a", "at most 10,000 characters"),
        ("a == \0", "null|can't be read"),
        ("a == '\udc80'", "can't be read"),
        ("a == 9j", "is not allowed here|literal"),
        ("a == ...", "is not allowed here|literal"),
    ],
)
def test_other_texts_are_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse(text)


def test_arithmetic_stays_small():
    for text in ("9 ** 9 ** 9 ** 9 > a", "a ** a ** a >= a", "2 ** (10 ** 10) > a"):
        assert parse(text, arithmetic=True).holds({"a": 99}) is False
    assert parse("a ** 2 == 9801", arithmetic=True).holds({"a": 99})
    assert parse("1 ** (10 ** 10) == a", arithmetic=True).holds({"a": 1})


@pytest.mark.parametrize(
    ("text", "config", "expected"),
    [
        ("a < 3", {"a": "x"}, False),
        ("a >= 3", {"a": None}, False),
        ("not a < 3", {"a": "x"}, True),
        ("a in 'sgd'", {"a": 3}, False),
        ("a == (1, 2)", {"a": [1, 2]}, True),
        ("a == [1, 2]", {"a": (1, 2)}, True),
        ("a in ((1, 2), 3)", {"a": [1, 2]}, True),
        ("1 < a < 3", {"a": 2}, True),
        ("a", {"a": True}, True),
        ("a", {"a": 0}, False),
        # One that has to look at an absent hyperparameter is false.
        ("a == 1", {}, False),
        ("not a == 1", {}, False),
        ("a != 1", {}, False),
        ("b == 1 or a == 1", {"b": 1}, True),
        ("b == 1 and a == 1", {"b": 2}, False),
        ("a == 1 or b == 1", {"b": 1}, False),
    ],
)
def test_conditions_on_odd_values(text, config, expected):
    assert parse(text).holds(config) is expected


@pytest.mark.parametrize("text", ["a / b > 0", "a // b >= 0", "a % b == 0", "b ** -1 > 0"])
def test_division_by_zero_fulfils_nothing(text):
    assert not parse(text, arithmetic=True).holds({"a": 1, "b": 0})
    assert parse(text, arithmetic=True).holds({"a": 2, "b": 1})


@pytest.mark.parametrize("text", ["a * 'x' == 'x'", "a + b > 0", "-a < 0", "(-8) ** 0.5 != a"])
def test_arithmetic_is_for_real_numbers(text):
    assert not parse(text, arithmetic=True).holds({"a": "x", "b": [1]})


@given(conditions)
def test_the_text_of_an_expression_means_the_same(text):
    first = parse(text)
    again = parse(first.text)
    assert (again.text, again.names) == (first.text, first.names)
    assert first.names == tuple(dict.fromkeys(re.findall(r"(?<!['\w])\b[abc]\b(?!')", first.text)))
