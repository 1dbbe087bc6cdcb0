import pickle

import numpy as np
import pytest
from distributions import DISTRIBUTIONS
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import sweeper
from sweeper.space.checks import check_config_space
from sweeper.space.conditions import when
from sweeper.space.config_space import draw
from sweeper.space.distributions import is_discrete
from sweeper.space.rounded import rounded
from sweeper.space.space import Space, check_space, same
from sweeper.space.text import read_config_space, to_text

NESTED = {
    "nesterov": when("momentum > 0.7", [True, False]),
    "momentum": when("optimizer == 'sgd'", stats.uniform(0.5, 0.49)),
    "optimizer": ["sgd", "adam", "lion"],
    "lr": when(
        "optimizer == 'sgd'",
        stats.loguniform(1e-2, 1),
        otherwise=when("optimizer == 'adam'", stats.loguniform(1e-4, 1e-2), otherwise=3e-4),
    ),
    "units": rounded(stats.loguniform(16, 512)),
    "max_epochs": 8,
}
seeds = st.integers(0, 2**32 - 1)
probabilities = st.floats(1e-9, 1 - 1e-9)


@given(seeds, st.integers(0, 1000))
def test_conditions_hold_in_every_draw(seed, trial):
    space = check_space(NESTED)
    config = draw(space, seed, trial)
    assert list(config) == [name for name in NESTED if name in config]
    assert ("momentum" in config) == (config["optimizer"] == "sgd")
    assert ("nesterov" in config) == (config.get("momentum", 0) > 0.7)
    low, high = {"sgd": (1e-2, 1), "adam": (1e-4, 1e-2), "lion": (3e-4, 3e-4)}[config["optimizer"]]
    assert low <= config["lr"] <= high
    assert type(config["units"]) is int


def test_conditions_change_none_of_the_other_draws():
    plain = {"optimizer": NESTED["optimizer"], "units": NESTED["units"]}
    for trial in range(50):
        assert draw(plain, 3, trial).items() <= draw(check_space(NESTED), 3, trial).items()


@given(st.fixed_dictionaries({name: probabilities for name in NESTED if name != "max_epochs"}))
def test_at_and_u_of_are_inverses(u):
    space = check_space(NESTED)
    assert space.tuned == [name for name in NESTED if name != "max_epochs"]
    config = space.at(u)
    back = space.u_of(config)
    assert list(back) == space.tuned
    assert all(0 < p < 1 for p in back.values())
    again = space.at(back)
    assert list(again) == list(config)
    for name, value in config.items():
        if isinstance(value, float):
            assert again[name] == pytest.approx(value, rel=1e-9)
        else:
            assert again[name] == value
    assert all(back[name] == 0.5 for name in space.tuned if name not in config)


@given(st.sampled_from(list(DISTRIBUTIONS)), st.floats(1e-4, 1 - 1e-4))
def test_at_leads_back_for_every_distribution(name, u):
    space = check_space({"x": DISTRIBUTIONS[name]})
    config = space.at({"x": u})
    again = space.at(space.u_of(config))
    if is_discrete(DISTRIBUTIONS[name]):
        assert again == config
    else:
        assert again["x"] == pytest.approx(config["x"], rel=1e-6, abs=1e-6)


def test_values_of_lists_lie_in_the_middles_of_equal_parts():
    space = check_space({"a": ["x", (1, 2), None, True], "b": [7], "c": 1})
    assert space.tuned == ["a"]
    for value, u in (("x", 0.125), ([1, 2], 0.375), (None, 0.625), (True, 0.875)):
        assert space.u_of({"a": value, "b": 7, "c": 1}) == {"a": u}
    with pytest.raises(ValueError, match="a: 1 is none of its choices"):
        space.u_of({"a": 1, "b": 7, "c": 1})


def test_configurations_are_copies():
    space = check_space({"a": [[1]], "b": [[2], [3]], "c": {"d": {"e": 1}}})
    config = space.at({"b": 0.1})
    config["a"].append(0)
    config["b"].append(0)
    config["c"]["d"]["e"] = 0
    assert space.entries == {"a": [[1]], "b": [[2], [3]], "c": {"d": {"e": 1}}}


@pytest.mark.parametrize(
    ("constraint", "config", "expected"),
    [
        ("a * b <= 6", {"a": 2, "b": 3}, True),
        ("a * b <= 6", {"a": 2, "b": 4}, False),
        ("a % b == 0", {"a": 2, "b": 0}, False),
        ("a < m", {"a": 2, "b": 0}, True),
        ("m > 0 or a > 9", {"a": 2, "b": 0}, True),
        ("a < m", {"a": 2, "b": 0, "m": 1}, False),
    ],
)
def test_constraints_are_fulfilled_where_they_name_what_is_absent(constraint, config, expected):
    space = check_space({"a": [1, 2], "b": [1], "m": when("a == 1", [1])}, [constraint])
    assert space.fulfils(config) is expected


def test_a_space_travels_to_other_processes_and_is_checked_once():
    space = check_space(NESTED, ["units > 20"])
    assert draw(pickle.loads(pickle.dumps(space)), 0, 5) == draw(space, 0, 5)
    assert check_space(space) is space
    assert check_space(space, ["lr < 1"]).constraints == ("units > 20", "lr < 1")


def test_numpy_scalars_become_plain_under_conditions_too():
    checked = check_space({"a": [1, 2], "b": when("a==1", np.float64(0.5), [np.int64(3)])})
    assert repr(checked.entries["b"]) == "When(condition='a == 1', law=0.5, otherwise=[3])"


def test_all_faults_of_conditions_and_constraints_at_once():
    space = {
        "fine": [1],
        "unknown": when("optimiser == 'sgd'", 1),
        "optimizer": ["sgd"],
        "grammar": when("len(optimizer) > 1", 1),
        "law": when("fine == 1", stats.uniform, otherwise=[]),
        "no text": when(3, 1),
        "nested": when("fine == 1", when("fine == 2", 3)),
        "inside": [when("fine == 1", 3)],
        "a": when("b == 1", 1),
        "b": when("c == 1 and fine", 1),
        "c": when("a == 1", 1),
        "self": when("self == 1", 1),
    }
    with pytest.raises(ValueError, match="config_space") as raised:
        check_space(space, ["fine <", "x > fine", "1 + 1", 7])
    message = str(raised.value)
    for part in (
        '"unknown"]: "optimiser == \'sgd\'" looks at optimiser, which is not a hyperparameter of '
        "the space. Did you mean optimizer? Put quotes around a string",
        "\"grammar\"]: 'len(optimizer) > 1': len(optimizer) is not allowed here",
        '"law"]: a distribution needs its parameters',
        '"law"]: a choice needs an entry',
        '"no text"]: must be a string, but got 3 (int)',
        '"nested"]: a condition can\'t contain another condition',
        '"inside"][0]: a condition can\'t be in a list or dict',
        '"a"]: its condition looks at itself, a → b → c → a',
        '"self"]: its condition looks at itself, self → self',
        "constraints[0]: 'fine <': can't be read",
        "constraints[1]: 'x > fine' looks at x",
        "constraints[2]: '1 + 1': looks at no hyperparameter",
        "constraints[3]: must be a string, but got 7 (int)",
    ):
        assert part in message
    assert len(message.splitlines()) == 13


@pytest.mark.parametrize("constraints", ["a < 1", 3, None])
def test_constraints_are_a_list(constraints):
    with pytest.raises(ValueError, match=r"constraints: needs a list of strings, but got"):
        check_space({"a": [1]}, constraints)


def test_a_list_in_a_dict_is_refused_with_the_cure():
    with pytest.raises(
        ValueError, match=r"""\["opt"\]\["name"\]: a list inside a dict can't be a choice"""
    ):
        check_config_space({"opt": {"name": ["adam", "sgd"]}})
    constant = {"opt": [{"name": ["adam", "sgd"]}]}
    assert check_config_space(constant) == constant
    assert draw(constant, 0, 0) == {"opt": {"name": ["adam", "sgd"]}}


def test_spaces_are_read_back_from_their_text():
    texts = {name: to_text(value) for name, value in check_space(NESTED).entries.items()}
    again = check_space(read_config_space(texts))
    assert {name: to_text(value) for name, value in again.entries.items()} == texts
    for trial in range(20):
        assert draw(again, 1, trial) == draw(check_space(NESTED), 1, trial)


@pytest.mark.parametrize(
    ("entries", "constraints", "number"),
    [
        ({"a": [1, 2], "b": ["x", "y", "x"], "c": 5}, [], 4),
        ({"a": stats.randint(0, 5)}, [], 5),
        ({"a": stats.randint(0, 4, loc=0.5), "b": [1, 2]}, [], 8),
        ({"a": stats.binom(5, 0.5)}, [], 6),
        ({"a": stats.rv_discrete(values=([0.1, 0.2, 7], [0.5, 0.3, 0.2]))}, [], 3),
        ({"a": rounded(stats.uniform(0, 0.5), to=0.1)}, [], 6),
        ({"a": [1, 2], "b": when("a == 1", stats.randint(0, 5))}, [], 6),
        ({"a": [1, 2, 3], "b": [1, 2, 3]}, ["a < b"], 3),
        ({"a": [1], "b": [2]}, ["a > b"], 0),
        ({"a": stats.uniform(0, 1)}, [], None),
        ({"a": stats.poisson(3)}, [], None),
        ({"a": stats.randint(0, 2000)}, [], None),
        ({f"h{i}": [0, 1] for i in range(60)}, [], None),
        ({f"h{i}": [0, 1] for i in range(60)}, ["h0 <= h1"], None),
    ],
)
def test_count(entries, constraints, number):
    space = check_space(entries, constraints)
    assert space.count(1000) == number
    if number:
        assert space.count(number - 1) is None
        drawn = {repr(draw(space, 0, trial)) for trial in range(50 * number)}
        assert len(drawn) == number


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 1.0, True),
        (True, 1, False),
        ((1, 2), [1, 2], True),
        ([True], [1], False),
        (float("nan"), float("nan"), True),
        ({"a": (1,)}, {"a": [1]}, True),
        ({"a": 1}, {"b": 1}, False),
        ("1", 1, False),
    ],
)
def test_same(one, other, expected):
    assert same(one, other) is expected


def test_a_plain_mapping_draws_as_its_space():
    plain = {"a": stats.norm(), "b": [1, 2], "c": "x"}
    assert draw(plain, 0, 3) == draw(Space(plain), 0, 3) == draw(check_space(plain), 0, 3)


def test_public_names():
    assert sweeper.when is when
    assert sweeper.rounded is rounded
