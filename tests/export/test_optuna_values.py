import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution as Choices
from optuna.distributions import FloatDistribution as Floats
from optuna.distributions import IntDistribution as Ints
from optuna.distributions import distribution_to_json, json_to_distribution

from sweeper.export.optuna_values import MOST_CHOICES, counterpart
from sweeper.record.lines import decode
from sweeper.space.text import read_value

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(st.text(), PLAIN, max_size=2)
TEXTS = st.sampled_from(
    [
        *("uniform(0, 1)", "loguniform(1e-4, 1)", "norm(0, 1)", "randint(1, 9)", "poisson(3)"),
        *("['a', 1]", "5", "uniform(0, 1) if a > 0 else 'b'"),
    ]
)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("uniform(1, 3)", [2.0], Floats(1, 4)),
        ("loguniform(1e-4, 1)", [0.1], Floats(1e-4, 1, log=True)),
        ("randint(32, 256)", [32], Ints(32, 255)),
        ("rounded(loguniform(1, 64))", [8], Ints(1, 64, log=True)),
        ("rounded(uniform(0, 0.5), 0.1)", [0.3], Floats(0, 0.5)),
        ("poisson(3)", [20], Ints(0, 20)),
        ("norm(0, 1)", [-5.0, 4.0], Floats(-5, 4)),
        ("uniform(0, 1) if a > 0 else 3", [0.5, 3], Floats(0, 3)),
        ("uniform(0, 1) if a > 0 else 'no'", [0.5, "no"], Choices(["no", 0.5])),
        ("['relu', None, 0.5]", [None], Choices(["relu", None, 0.5])),
        ("[1, 1, 2]", [1], Choices([1, 2])),
        ("32", [32], Choices([32])),
        ("None", [None], Choices([None])),
        ("[1, True]", [True], Choices(["1", "true"])),
        ("[[64, 64], (8,)]", [(8,)], Choices(["[64, 64]", "[8]"])),
        (None, [3, 9], Ints(3, 9)),
        (None, [0.5, 3], Floats(0.5, 3)),
        (None, [2**53 + 1, 2], Choices([2**53 + 1, 2])),
    ],
)
def test_optunas_form_of_a_hyperparameter(text, values, expected):
    assert counterpart(text and read_value(text), values).distribution == expected


def test_a_hyperparameter_of_too_many_choices_has_no_form():
    assert counterpart(None, [f"{i}" for i in range(MOST_CHOICES)])
    assert counterpart(None, [f"{i}" for i in range(MOST_CHOICES + 1)]) is None
    assert counterpart(list(range(9999)), [5]).distribution == Ints(0, 9998)
    assert counterpart(None, []) is None


@given(st.none() | TEXTS, st.lists(VALUES, min_size=1, max_size=5))
def test_optuna_gives_every_value_back(text, values):
    """Whatever the space says, as in a foreign record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna says what it thinks of ranges with one value
        form = counterpart(text and read_value(text), values)
        stored = json_to_distribution(distribution_to_json(form.distribution))
        for value in values:
            given_ = form.value(value)
            internal = stored.to_internal_repr(given_)
            assert stored._contains(internal)
            back = stored.to_external_repr(internal)
            assert back == given_
            if given_ is not value:
                assert decode(json.loads(back)) == value
