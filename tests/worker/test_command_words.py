"""What of a command becomes which argument."""

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.worker.command_words import as_argument, fill, placeholders, split


def filled(command: str, **values) -> list[str]:
    words, faults = split(command)
    assert not faults
    return fill(words, values)


@given(st.lists(st.text(st.characters(exclude_characters="{}")), min_size=1))
def test_without_names_it_is_what_shlex_makes_of_it(words):
    assert filled(shlex.join(words)) == words


@given(st.text())
def test_a_value_is_one_argument_or_part_of_one_whatever_it_holds(value):
    assert filled("p --x {x} --y={x} z{x}{x}", x=value) == [
        *("p", "--x", value, f"--y={value}", f"z{value}{value}")
    ]


@given(st.text())
def test_braces_are_written_twice(text):
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert filled(shlex.join(["p", doubled])) == ["p", text]


@given(st.floats() | st.integers())
def test_numbers_arrive_to_the_last_digit(number):
    read = type(number)(as_argument(number))
    assert read == number or read != read


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@given(st.lists(nested) | st.dictionaries(st.text(), nested))
def test_lists_and_dicts_arrive_as_json(value):
    assert json.loads(as_argument(value)) == value


def test_the_other_values_are_written_as_in_python():
    values = {"a": True, "b": False, "c": None, "d": 1e-05, "e": (64, 64), "f": "True"}
    command = " ".join(f"{{{name}}}" for name in values)
    assert filled(command, **values) == ["True", "False", "None", "1e-05", "[64, 64]", "True"]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("p --m {m} --lr {lr}", ["p", "--lr", "1"]),
        ("p -m {m} --lr {lr}", ["p", "--lr", "1"]),
        ("p --m={m} -x --lr={lr}", ["p", "-x", "--lr=1"]),
        ("p file {m}", ["p", "file"]),
        ("p --both {lr} {m}", ["p", "--both", "1"]),
        ("p --both {m} {lr}", ["p", "--both", "1"]),
        ("p --both {m} {n}", ["p"]),
        ("p --pair {lr},{m} last", ["p", "last"]),
        ("p -- {m}", ["p", "--"]),
        ("p --set m={m} --set lr={lr}", ["p", "--set", "lr=1"]),
        ("p model.m={m} model.lr={lr}", ["p", "model.lr=1"]),
        ("p -1 {m}", ["p", "-1"]),
        ("p -x {m:--m} {m}", ["p", "-x"]),
    ],
)
def test_what_is_absent_goes_with_its_option(command, arguments):
    assert filled(command, lr=1) == arguments


def test_flags_stand_where_their_value_is_true():
    command = "p --quiet {amp:--amp} {fast:-f} --lr {lr}"
    assert filled(command, amp=True, fast=False, lr=1) == ["p", "--quiet", "--amp", "--lr", "1"]
    assert filled(command, amp=False, fast=True) == ["p", "--quiet", "-f"]
    with pytest.raises(TypeError, match=r"\{amp:--amp\}: a flag needs True or False, but got 1 "):
        filled(command, amp=1)


def test_names_may_have_any_letters():
    words, _ = split("p {model.lr} '{a b}' {x-y:z} {é}")
    assert placeholders(words) == ["model.lr", "a b", "x-y:z", "é"]


@pytest.mark.parametrize(
    ("command", "faults"),
    [
        ("", ["there is no program in it. Write"]),
        ("p 'x", ["No closing quotation. Close it"]),
        ("p {x", [r"'{x': a lone {; write {{ for one that is meant."]),
        ("p x} {}", ["a lone }; write }}", "a name is missing between the braces"]),
        ("p --x={amp:--amp} {:--x}", ["a flag must be a word of its own", "a name is missing"]),
        ("p > log 2>&1 | tee x && y; z", ["> >& | && ; have a meaning only in a shell"]),
        ("p a;b {", ["; has a meaning only in a shell", "a lone {"]),
    ],
)
def test_all_faults_at_once(command, faults):
    _, found = split(command)
    assert len(found) == len(faults)
    assert all(fault in told for fault, told in zip(faults, found, strict=True))


def test_what_is_quoted_means_nothing_to_a_shell():
    assert filled("p 'a;b' \"c|d\" e\\>f 'it'\"'\"'s > it'") == [
        "p",
        "a;b",
        "c|d",
        "e>f",
        "it's > it",
    ]
