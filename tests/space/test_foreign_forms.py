import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sweeper.space.distributions import support
from sweeper.space.foreign_forms import foreign_call, foreign_dict
from sweeper.space.reading import read_value

low_high = st.tuples(st.integers(1, 99), st.integers(1, 99)).map(lambda p: (p[0], p[0] + p[1]))


@pytest.mark.slow
@given(low_high)
def test_the_cure_has_the_bounds_of_the_other_library(ends):
    low, high = ends
    for form, top in (
        ({"min": low, "max": high}, high),  # W&B: whole numbers, both ends inside
        ({"distribution": "int_uniform", "min": low, "max": high}, high),
        ({"distribution": "uniform", "min": low / 7, "max": high / 7}, None),
        ({"distribution": "log_uniform_values", "min": low / 7, "max": high / 7}, None),
        ({"_type": "uniform", "_value": [low / 7, high / 7]}, None),
        ({"type": "float", "low": low / 7, "high": high / 7, "log": True}, None),
    ):
        bottom, end = (low, top) if top else (low / 7, high / 7)
        assert support(read_value(foreign_dict(form))) == pytest.approx((bottom, end), rel=1e-9)
    for name, arguments, options, top in (
        ("tune.uniform", [low, high], {}, high),
        ("tune.loguniform", [low, high], {}, high),
        ("tune.randint", [low, high], {}, high - 1),
        ("hp.uniform", ["x", low, high], {}, high),
        ("trial.suggest_int", ["x", low, high], {}, high),
        ("trial.suggest_float", ["x", low, high], {"log": True}, high),
        ("optuna.distributions.IntDistribution", [], {"low": low, "high": high}, high),
    ):
        written = re.fullmatch(r"Write (.*)\.", foreign_call(name, arguments, options))[1]
        assert support(read_value(written)) == pytest.approx((low, top), rel=1e-9)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tune.uniform(0.5, 0.9)", r"Write uniform\(0\.5, 0\.4\)\."),
        ("tune.quniform(0, 1, 0.1)", r"Write rounded\(uniform\(0, 1\), to=0\.1\)\."),
        ("tune.qrandint(0, 100, 5)", r"Write range\(0, 101, 5\)\."),
        ("tune.lograndint(1, 100)", r"Write rounded\(loguniform\(1, 99\)\)\."),
        ("tune.randn(0, 2)", r"Write norm\(0, 2\)\."),
        ("tune.choice(['a', b])", r"Choices are a list: \['a', 'b'\]\."),
        ("tune.grid_search([1, 2])", r"Choices are a list: \[1, 2\]\."),
        ("tune.sample_from(lambda config: 1)", "computed in the objective"),
        ('trial.suggest_float("lr", 1e-4, 1, log=True)', r"Write loguniform\(0\.0001, 1\)\."),
        ('suggest_int("n", 16, 256, step=16)', r"Write range\(16, 257, 16\)\."),
        ('suggest_categorical("a", ["b", c])', r"Choices are a list: \['b', 'c'\]\."),
        ("CategoricalDistribution(choices=(1, 2))", r"Choices are a list: \[1, 2\]\."),
        ("FloatDistribution(0, 1, step=0.1)", r"Write rounded\(uniform\(0, 1\), to=0\.1\)\."),
        ("hp.choice('x', [1, 2])", r"Choices are a list: \[1, 2\]\."),
        ("hp.loguniform('x', -5, 0)", r"Write loguniform\(0\.0067379\d*, 1\)\."),
        ("interval(0.1, 1)", r"Write uniform\(0\.1, 0\.9\)\."),
        ("choice(1, 2)", r"Choices are a list: \[1, 2\]\."),
        ("tune.uniform(low)", "Write uniform"),
        ("uniform(low=0.5, high=0.9)", r"Write uniform\(0\.5, 0\.4\)\."),
        ("loguniform(min=1e-4, max=1)", r"Write loguniform\(0\.0001, 1\)\."),
    ],
)
def test_calls_of_other_libraries_are_told_what_to_write(text, told):
    with pytest.raises(ValueError, match=told):
        read_value(text)


@pytest.mark.parametrize(
    ("form", "cure"),
    [
        ({"values": [1, "a"]}, "[1, 'a']"),
        ({"distribution": "categorical", "values": ["a"], "probabilities": [1]}, "['a']"),
        ({"_type": "choice", "_value": [1, 2]}, "[1, 2]"),
        ({"value": "sgd"}, "'sgd'"),
        ({"distribution": "constant", "value": 3}, "3"),
        ({"distribution": "normal", "mu": 0, "sigma": 2}, "norm(0, 2)"),
        ({"distribution": "q_log_uniform_values", "min": 32, "max": 256, "q": 8},
         "rounded(loguniform(32, 256), to=8)"),
        ({"distribution": "log_uniform", "min": 0, "max": 1}, f"loguniform(1, {math.e:.12g})"),
        ({"min": 1e-4, "max": 0.1}, "uniform(0.0001, 0.0999) or loguniform(0.0001, 0.1)"),
        ({"type": "int", "low": 1, "high": 9, "step": 2}, "range(1, 10, 2)"),
        ({"type": "range", "bounds": [0.1, 0.5], "log_scale": True}, "loguniform(0.1, 0.5)"),
        ({"distribution": "uniform"}, "uniform(low, width), loguniform(low, high), a list or a "
         "constant"),
    ],
)  # fmt: skip
def test_dicts_of_other_libraries(form, cure):
    assert foreign_dict(form) == cure


@pytest.mark.parametrize(
    "form",
    [
        *({}, {"type": "sgd"}, {"type": "layer_norm"}, {"mean": 0.1, "std": 0.3}, {"a": 1}),
        *({"name": "adam", "lr": 1}, {"min": "a", "max": "b"}, {"values": 3}, {"step": 10}),
        *({"min": 0, "max": 1, "eps": 3}, {"low": 1}, {"log": True}, {"start": 0, "end": 1}),
    ],
)
def test_other_dicts_are_constants(form):
    assert foreign_dict(form) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(
    st.dictionaries(
        st.sampled_from(["min", "max", "low", "high", "values", "value", "distribution", "q", "log",
                         "_type", "_value", "type", "mu", "sigma", "bounds", "step"]),
        json_values | st.sampled_from(["uniform", "normal", "log_uniform", "choice", "q_uniform"]),
        max_size=5,
    )
)  # fmt: skip
def test_any_dict_gives_a_cure_or_none(form):
    assert isinstance(foreign_dict(form), str | None)


@given(
    st.sampled_from(["tune.uniform", "hp.randint", "suggest_int", "tune.choice", "interval", "f"]),
    st.lists(json_values, max_size=4),
    st.dictionaries(st.sampled_from(["low", "high", "step", "q", "choices"]), json_values),
)
@example("tune.uniform", [], {"low": 0, "high": 1, "step": []})
def test_any_call_gives_a_cure_or_none(name, arguments, options):
    assert isinstance(foreign_call(name, arguments, options), str | None)
