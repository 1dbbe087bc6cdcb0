import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.cli.option_kinds import (
    number,
    read_kinds,
    unknown_fault,
    whole,
    whole_or_none,
)
from sweeper.cli.options import DEFAULTS, flag


def read(given):
    faults: list[str] = []
    read_kinds(given, flag, faults)
    return given, faults


@given(st.integers(-(10**9), 10**9))
def test_whole_numbers_are_read(value):
    assert whole(str(value)) == whole(float(value)) == whole(value) == value
    assert type(whole(f"{value}.0")) is int


@given(st.floats(-1e9, 1e9))
def test_numbers_are_read(value):
    assert number(repr(value)) == value


@pytest.mark.parametrize("text", ["many", "0,5", "010", "1_000", "", "nan", "1e400x", "٣"])
def test_other_texts_stay_texts(text):
    assert whole(text) == number(text) == text


def test_none_is_none():
    assert whole_or_none("none") is None
    assert [whole_or_none(text) for text in ("8", "some")] == [8, "some"]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"trials": "1e3", "seed": 7, "lag": 1e2}, {"trials": 1000, "lag": 100}),
        ({"target": "1e-3", "cpus": 2}, {"target": 1e-3, "cpus": 2}),
        ({"resume": "yes", "quiet": "on", "test": "no", "fresh": True, "unique": "False"},
         {"resume": True, "quiet": True, "test": False, "fresh": True, "unique": False}),
        ({"time_budget": "1e3", "trial_time": "1.5h"}, {"time_budget": 1000, "trial_time": 5400}),
        ({"lag": None, "first_failures": "none"}, {"lag": None, "first_failures": None}),
    ],
)  # fmt: skip
def test_options_take_what_is_meant(given, values):
    found, faults = read(dict(given))
    assert faults == []
    assert found == given | values
    assert [type(found[name]) for name in values] == [type(value) for value in values.values()] or (
        "time_budget" in values
    )


def test_all_that_can_not_be_is_told_at_once():
    wrong = {"trials": "many", "seed": 1.5, "target": "0,5", "resume": "maybe", "name": 3,
             "workers": True, "first_failures": "x", "time_budget": "soon",
             "replicates": "0", "max_failures": -1}  # fmt: skip
    found, faults = read(wrong | {"lag": 2})
    assert found == {"lag": 2}
    assert faults == [
        "--trials: must be a whole number of at least 1, but got 'many' (str).",
        "--seed: must be a whole number of at least 0, but got 1.5 (float).",
        "--target: must be a number such as 0.5, but got '0,5' (str).",
        "--resume: must be true or false, but got 'maybe' (str).",
        "--name: must be text, but got 3 (int).",
        "--workers: must be a whole number of at least 1, but got True (bool).",
        "--first-failures: must be a whole number or none, but got 'x' (str).",
        "--time-budget must be seconds or a text such as 90, 1e3, 30m, 1.5h or 2d, but got 'soon' "
        "(str).",
        "--replicates: must be a whole number of at least 1, but got 0 (int).",
        "--max-failures: must be a whole number of at least 0, but got -1 (int).",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("--trails", "--trials"),
        ("--time-budge=3", "--time-budget"),
        ("--n-trials", "--trials"),
        ("--num_samples", "--trials"),
        ("--method", "--searcher"),
        ("--n-jobs", "--workers"),
    ],
)
def test_an_unknown_option_is_told_with_the_one_that_is_meant(name, meant):
    fault = unknown_fault(name, flag, list(DEFAULTS))
    assert fault == f"{name.partition('=')[0]}: no such option. Did you mean {meant}?"
    assert "--help lists all" in unknown_fault("--xyzzy", flag, list(DEFAULTS))
