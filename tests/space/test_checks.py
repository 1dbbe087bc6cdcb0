import copy
import enum
import math
import os
import types

import numpy as np
import pytest
from distributions import DISTRIBUTIONS, LogUniform
from scipy import stats

from sweeper.space.checks import RESULT_COLUMNS, check_config_space, check_seed
from sweeper.space.conditions import when
from sweeper.space.distributions import is_distribution


def test_check_accepts_every_kind_of_value():
    space = DISTRIBUTIONS | {
        "choice": ["sgd", None, 3, 0.5, True, (1, 2), {"a": [1]}],
        "pair": (1, 2),
        "constant list": [[64, 64]],
        "constant": {"momentum": 0.9, "nesterov": True},
        "none": None,
        "nan": math.nan,
    }
    checked = check_config_space(types.MappingProxyType(space))
    assert list(checked) == list(space)
    assert all(checked[name] is space[name] for name in DISTRIBUTIONS)
    assert repr({k: v for k, v in checked.items() if k not in DISTRIBUTIONS}) == repr(
        {k: v for k, v in space.items() if k not in DISTRIBUTIONS}
    )


def test_check_makes_numpy_scalars_plain():
    space = {"a": np.float64(0.5), "b": [np.int64(3), {"c": (np.bool_(True), np.str_("x"))}]}
    checked = check_config_space(space)
    assert checked == {"a": 0.5, "b": [3, {"c": (True, "x")}]}
    assert type(checked["a"]) is float
    assert type(checked["b"][0]) is int
    assert [type(entry) for entry in checked["b"][1]["c"]] == [bool, str]


def test_check_copies_containers():
    space = {"a": [[1, 2]], "b": {"c": 1}}
    checked = check_config_space(space)
    checked["a"][0].append(3)
    checked["b"]["c"] = 2
    assert space == {"a": [[1, 2]], "b": {"c": 1}}


class _Optimiser(enum.Enum):
    SGD = "sgd"


class _FromTune:
    pass


_FromTune.__module__, _FromTune.__name__ = "ray.tune.search.sample", "Integer"


class _FromOptuna:
    pass


_FromOptuna.__module__, _FromOptuna.__name__ = "optuna.distributions", "FloatDistribution"


def _circular():
    entries = [1]
    entries.append(entries)
    return entries


def _deep():
    entries = []
    for _ in range(100_000):
        entries = [entries]
    return entries


BAD_VALUES = {
    "bare uniform": (stats.uniform, r"needs its parameters, but got .*Call it: uniform\(…\)"),
    "bare beta": (copy.deepcopy(stats.beta), r"needs its parameters.*Call it: beta"),
    "new-style class": (stats.Uniform, r"needs its parameters.*\(\w+\)\. Call it: Uniform"),
    "made class": (LogUniform, "needs its parameters"),
    "multivariate": (stats.multivariate_normal, "must be of one number.*multivariate_normal_gen"),
    "multivariate frozen": (stats.multivariate_normal([0, 0]), "must be of one number"),
    "dirichlet": (stats.dirichlet([1, 2]), "must be of one number"),
    "kernel density": (stats.gaussian_kde([1, 2, 3.0]), "quantile function.*rv_histogram"),
    "array parameters": (stats.uniform([0, 1], 1), "single numbers, not arrays"),
    "shape (1,)": (stats.norm([0]), "single numbers, not arrays"),
    "new-style array": (stats.Uniform(a=[0.0], b=[1.0]), "single numbers, not arrays"),
    "negative width": (stats.uniform(1, -3), r"must lie in its domain, but got uniform\(1, -3\)"),
    "log of 0": (stats.loguniform(0, 1), r"but got loguniform\(0, 1\).*needs low > 0"),
    "negative sigma": (stats.Normal(mu=0, sigma=-1), r"lie in its domain, but got Normal\(mu="),
    "infinite": (stats.uniform(0, math.inf), "must lie in its domain"),
    "overflowing": (stats.exp(stats.Uniform(a=0, b=800)), "must lie in its domain"),
    "not a table": (stats.rv_discrete(), r"quantiles and support must exist.*Fix its ppf"),
    "text": (stats.loguniform(0, "a"), "must be numbers, but got .*'a'.*without quotes"),
    "named text": (stats.norm(scale="1"), "must be numbers, but got norm.*without quotes"),
    "shifted loguniform": (stats.loguniform(1e-4, 1, loc=1), "only with loc=0.*Drop loc"),
    "shifted reciprocal": (stats.reciprocal(1e-4, 1, 2), "only with loc=0.*Drop loc"),
    "empty list": ([], r"needs an entry, but got \[\] \(list\)"),
    "empty tuple": ((), r"needs an entry, but got \(\) \(tuple\)"),
    "nested": ([stats.uniform(0, 1)], "can't be in a list or dict.*name of its own"),
    "nested in dict": ({"a": stats.uniform(0, 1)}, r"\[\"a\"\]: a distribution can't be in"),
    "class": (dict, "must be None, a bool.*name as a string.*data="),
    "function": ([len, "x"], r"\[0\]: must be None.*name as a string.*data="),
    "array": (np.zeros(3), r"ndarray\)\. Use \.tolist\(\) for a choice, \[\[…\]\] for"),
    "enum": (_Optimiser.SGD, r"Use its \.value"),
    "range": (range(3), r"range\(0, 3\) \(range\)\. Write a list"),
    "named tuple": (os.times(), "Convert it: tuple"),
    "complex": (1j, r"must be None.*1j \(complex\)"),
    "numpy complex": ([np.complex128(1j)], "must be None"),
    "long double": (np.longdouble(1), "must be None"),
    "integer keys": ({1: 2}, r"keys must be strings, but got \{1: 2\} \(dict\)"),
    "circular": (_circular(), "lists and dicts may be nested at most 20 deep.*flat"),
    "deep": (_deep(), "lists and dicts may be nested at most 20 deep.*flat"),
    "tune": (_FromTune(), r"distribution of scipy\.stats, .*Write stats\.randint\(low, high\)"),
    "optuna": ([_FromOptuna()], r"Write stats\.uniform\(low, high - low\), stats\.loguniform"),
    "grid_search": (
        {"grid_search": [1, 2]},
        r"look like Ray Tune's \{\"grid_search\": …\}.*Use a plain list",
    ),
    "eval": (
        {"a": [{"eval": "1 + 1"}]},
        r"\[\"a\"\]\[0\]: must not look like Ray Tune's \{\"eval\": …\}",
    ),
}


@pytest.mark.parametrize(("value", "message"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_check_refuses_with_key_value_type_and_cure(value, message):
    with pytest.raises(ValueError, match=rf'(?s)^config_space\["lr"\].*{message}.*\.$') as raised:
        check_config_space({"fine": 1, "lr": value})
    assert "\n" not in str(raised.value)
    assert f"({type(value).__name__})" in str(raised.value) or isinstance(value, list | dict)


def test_check_names_every_fault_at_once():
    with pytest.raises(ValueError, match="config_space") as raised:
        check_config_space({name: value for name, (value, _) in BAD_VALUES.items()})
    lines = str(raised.value).splitlines()
    assert [line.split('"')[1] for line in lines] == list(BAD_VALUES)


def test_check_names_every_fault_in_one_value():
    with pytest.raises(ValueError, match=r'\["a"\]\[0\].*\n.*\["a"\]\[1\]\["b"\]'):
        check_config_space({"a": [len, {"b": 1j}]})


@pytest.mark.parametrize("space", [None, [("lr", 1)], "lr", 3])
def test_check_refuses_what_is_no_mapping(space):
    with pytest.raises(TypeError, match=r"config_space: needs to be a dict, but got .*Write \{"):
        check_config_space(space)


def test_check_refuses_an_empty_space():
    with pytest.raises(ValueError, match=r"needs a hyperparameter, but got \{\} \(dict\)"):
        check_config_space({})


def test_check_refuses_unusable_names():
    with pytest.raises(ValueError, match="config_space") as raised:
        check_config_space({3: 1, "": 1, ("a",): 1})
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(
        "config_space[3]: a name must be a non-empty string, but got 3 (int)"
    )


def test_columns_of_the_results_are_good_names():
    space = dict.fromkeys(RESULT_COLUMNS, 1)
    assert check_config_space(space) == space


@pytest.mark.parametrize(
    "value",
    [
        {"min": 0.5, "max": 0.9},
        {"values": [16, 32]},
        {"value": 3},
        {"distribution": "uniform"},
        {"_type": "loguniform", "_value": [1e-4, 1]},
    ],
)
def test_a_dict_that_tells_of_a_distribution_is_no_constant(value):
    with pytest.raises(ValueError, match=r'\["lr"\]: needs .* Write .*; for the dict itself \[\{…'):
        check_config_space({"lr": value})
    assert check_config_space({"lr": [value]}) == {"lr": [value]}
    assert check_config_space({"lr": {**value, "eps": 1e-8} | {"values": 1, "_value": 1}})


@pytest.mark.parametrize(
    ("word", "value"), [("true", "True"), ("false", "False"), ("null", "None")]
)
def test_a_word_of_json_in_a_condition_is_told_as_python_has_it(word, value):
    with pytest.raises(ValueError, match=f"not a hyperparameter of the space. Write {value}.$"):
        check_config_space({"a": [True, None], "b": when(f"a == {word}", 1)})


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.uint64(7)])
def test_check_seed_gives_an_int(seed):
    assert type(check_seed(seed)) is int
    assert check_seed(seed) == seed


@pytest.mark.parametrize("seed", [True, 1.0, "1", None, np.True_])
def test_check_seed_refuses_other_types(seed):
    with pytest.raises(TypeError, match=r"seed: needs an int with 0 <= seed < 2\*\*32, but got"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_check_seed_refuses_what_is_outside(seed):
    with pytest.raises(ValueError, match=rf"0 <= seed < 2\*\*32, but got {seed} \(int\)"):
        check_seed(seed)


@pytest.mark.parametrize("value", [3, "uniform", [stats.uniform(0, 1)], stats.Uniform, None])
def test_other_values_are_no_distributions(value):
    assert not is_distribution(value)


def test_a_space_of_thousands_of_names_is_refused_at_once():
    space = {f"x{i}": stats.uniform() for i in range(1001)}
    with pytest.raises(
        ValueError, match="has 1,001 hyperparameters, but at most 1,000 are allowed"
    ):
        check_config_space(space)
    del space["x0"]
    assert len(check_config_space(space)) == 1000


def test_a_distribution_that_scipy_can_not_compute_is_refused():
    with pytest.raises(ValueError, match=r'config_space\["x"\]: SciPy can.t compute this'):
        check_config_space({"x": stats.binom(10**17, 0.5)})


def test_a_long_name_is_shortened_in_messages():
    with pytest.raises(ValueError, match=r"^config_space\['x{10,}\.\.\.x{10,}'\]: ") as refused:
        check_config_space({"x" * 25_000: object()})
    assert len(str(refused.value)) < 500
