import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.space.conditions import when
from sweeper.space.config_space import draw
from sweeper.space.membership import config_faults
from sweeper.space.rounded import rounded
from sweeper.space.space import check_space

SPACE = check_space(
    {
        "optimizer": ["sgd", "adam"],
        "momentum": when("optimizer == 'sgd'", stats.uniform(0.5, 0.49)),
        "nesterov": when("momentum > 0.7", [True, False]),
        "num_layers": stats.randint(1, 9),
        "dropout": rounded(stats.uniform(0, 0.5), to=0.1),
        "lr": stats.norm(),
        "max_epochs": 8,
    },
    ["num_layers * max_epochs < 60"],
)
GOOD = {"optimizer": "adam", "num_layers": 3, "dropout": 0.3, "lr": 1, "max_epochs": 8}


@given(st.integers(0, 2**32 - 1), st.integers(0, 1000))
def test_every_draw_is_one_of_the_space(seed, trial):
    assert config_faults(SPACE, draw(SPACE, seed, trial), "it") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "Adam"}, r'it\["optimizer"\]: must be one of the choices, but got \'Adam\''),
        ({"optimizer": "sgd"}, r"it: lacks \['momentum'\]"),
        ({"momentum": 0.9}, r"must be absent, since its condition.*or change optimizer"),
        ({"num_layers": 9}, r"must be a number in the support, but got 9 .*from 1 to 8"),
        ({"num_layers": 3.0}, r"must be an int, but got 3.0 \(float\). Write 3"),
        ({"num_layers": 2.5}, r"must be a value of the distribution"),
        ({"num_layers": True}, r"must be a number in the support, but got True \(bool\)"),
        ({"dropout": 0.33}, r"must be a value of the distribution, but got 0.33"),
        ({"lr": "abc"}, r"must be a number in the support, but got 'abc' \(str\)"),
        ({"lr": float("nan")}, r"must be a number in the support"),
        ({"max_epochs": 9}, r"must be the constant of the space, but got 9 \(int\). Write 8"),
        ({"num_layers": 8}, r"must fulfil the constraint num_layers \* max_epochs < 60"),
        ({"units": 3}, r"has \['units'\], which the configuration space does not"),
        ({"lr": len}, r"it: config_space.*must be None, a bool"),
    ],
)
def test_faults_are_told_with_the_cure(change, message):
    (fault,) = config_faults(SPACE, GOOD | change, "it")
    assert re.search(message, fault)


@pytest.mark.parametrize("wrong", [3, None, [GOOD], "x"])
def test_only_dicts_are_configurations(wrong):
    assert "must be a dict" in config_faults(SPACE, wrong, "it")[0]


def test_all_faults_at_once():
    faults = config_faults(SPACE, {"optimizer": "x", "lr": "y", "z": 1}, "it")
    assert len(faults) == 4
    assert "lacks ['num_layers', 'dropout', 'max_epochs']" in faults[1]
    assert config_faults(SPACE, {}, "it")[0].startswith("it: lacks")
