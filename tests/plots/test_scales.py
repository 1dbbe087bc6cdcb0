import html
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from made_records import row
from made_results import made as results_of
from made_results import with_configs
from sample_sweeps import MARKUP, made

from sweeper.plots.scales import (
    ABSENT,
    label,
    markup,
    round_ticks,
    scale_of,
    shorten,
    tuned,
    values_of,
)


def sweep_of(values: list, text: str = "?"):
    return made([row(i, config={"h": value}) for i, value in enumerate(values)], {"h": text})


@pytest.mark.parametrize(
    ("text", "logarithmic"),
    [
        ("loguniform(0.0001, 1)", True),
        ("lognorm(2)", True),
        ("uniform(0.001, 1)", False),
        ("norm(5, 1)", False),
        ("expon", False),
        ("expon(scale=2)", False),
        ("randint(1, 1000)", False),
        ("Uniform(a=0.001, b=1.0)", False),
        ("loguniform(0.5, 1)", False),  # no decades to spread
        ("beta(-1)", False),  # can't be read
    ],
)
def test_an_axis_is_logarithmic_where_the_distribution_is(text, logarithmic):
    assert scale_of(sweep_of([0.5, 0.6], text), "h").logarithmic == logarithmic


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        (np.geomspace(1e-4, 1, 9).tolist(), True),
        ([2**i for i in range(12)], True),
        (np.linspace(1, 100, 50).tolist(), False),
        ([0.0, 1.0, 10.0, 100.0], False),
        ([5.0], False),
        ([math.nan, math.inf], False),
    ],
)
def test_without_a_distribution_the_observed_values_tell(values, logarithmic):
    assert scale_of(sweep_of(values, "Mine(1)"), "h").logarithmic == logarithmic


def test_values_that_are_not_positive_are_never_logarithmic():
    assert not scale_of(sweep_of([0.0, 0.5], "loguniform(0.0001, 1)"), "h").logarithmic


def test_categories_stand_in_the_order_of_the_space():
    found = sweep_of(["adam", "sgd", "adam", "other"], "['sgd', 'adam', 'unused']")
    axis = scale_of(found, "h")
    assert axis.labels == ("sgd", "adam", "other")
    assert axis.positions(values_of(found, "h")).tolist() == [1, 0, 1, 2]
    assert axis.text(1) == "adam"


def test_short_lists_of_numbers_are_categories_in_their_order():
    assert scale_of(sweep_of([64, 256, 128], "[256, 64, 128]"), "h").labels == ("64", "128", "256")
    assert scale_of(sweep_of(list(range(40)), str(list(range(40)))), "h").labels == ()


def test_values_of_different_kinds_are_different_categories():
    values = [1, 1.0, True, None, "1", [1, 2], 10**400, {"a": 1}]
    axis = scale_of(sweep_of(values), "h")
    assert sorted(axis.positions(values)) == list(range(len(values)))


def test_absent_values_have_no_place():
    found = made([row(0, config={"h": 0.5}), row(1, config={})], {"h": "uniform(0, 1)"})
    values = values_of(found, "h")
    assert values == [0.5, ABSENT]
    assert np.isnan(scale_of(found, "h").positions(values)).tolist() == [False, True]


def test_tuned_are_those_that_take_several_values():
    rows = [row(i, config={"a": i, "b": 1, "c": [1]}) for i in range(3)]
    assert tuned(made(rows, {"a": "", "b": "", "c": ""})) == ["a"]
    assert tuned(made(rows[:1], {"a": "", "b": "", "c": ""})) == ["a", "b", "c"]


@given(st.text() | st.just(MARKUP))
def test_markup_is_read_back_as_the_text(text):
    found = markup(text)
    assert not set(found) & set("<>{")
    assert html.unescape(found) == shorten(text, 40) or "&" in text
    assert len(shorten(text, 40)) <= 40


def test_long_texts_lose_their_middle():
    assert shorten("weight_decay_of_layer_1", 12) == "weight_…er_1"
    assert label(0.123456789) == "0.1235"
    assert label("x") == "x"
    assert label(ABSENT) == "–"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_round_ticks_are_few_and_within(low, width):
    ticks = round_ticks(low, low + width)
    assert 2 <= len(ticks) <= 7
    assert low - 1e-9 * width <= ticks[0] <= ticks[-1] <= low + width * (1 + 1e-9)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2))
def test_any_two_numbers_have_ticks_between_them(ends):
    low, high = sorted(ends)
    assume(low < high)
    ticks = round_ticks(low, high)
    assert 1 <= len(ticks) <= 7
    assert np.isfinite(ticks).all()


def conditional(configs):
    space = {
        "optimizer": "['sgd', 'adam']",
        "lr": "loguniform(0.0001, 1) if optimizer == 'sgd'",
        "act": "['relu', 'tanh'] if optimizer == 'sgd' else 'gelu'",
        "momentum": "0.9 if optimizer == 'sgd'",
    }
    return with_configs(results_of([0.1] * len(configs), space=space), configs)


def test_the_scale_of_a_conditional_hyperparameter_is_that_of_its_law():
    results = conditional(
        [
            {"optimizer": "sgd", "lr": 0.5, "act": "tanh", "momentum": 0.9},
            {"optimizer": "sgd", "lr": 0.4, "act": "relu", "momentum": 0.9},
            {"optimizer": "adam", "act": "gelu"},
        ]
    )
    assert scale_of(results, "lr").logarithmic
    assert scale_of(results, "act").labels == ("relu", "tanh", "gelu")
    assert tuned(results) == ["optimizer", "lr", "act"]
    positions = scale_of(results, "lr").positions(values_of(results, "lr"))
    np.testing.assert_array_equal(positions, [0.5, 0.4, math.nan])
