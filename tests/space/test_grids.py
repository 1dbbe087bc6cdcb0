import itertools
import warnings

import numpy as np
import pytest
from distributions import CONTINUOUS, DISCRETE, DISTRIBUTIONS
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.space import grids
from sweeper.space.checks import check_config_space
from sweeper.space.conditions import when
from sweeper.space.config_space import draw
from sweeper.space.distributions import quantile
from sweeper.space.grids import axis, grid, grid_axes, grid_config, num_grid
from sweeper.space.rounded import rounded
from sweeper.space.space import check_space


@pytest.mark.parametrize("points", [2, 3, 7, 100])
def test_bounded_axes_include_both_ends(points):
    uniform = axis("a", stats.uniform(1, 3), points)
    loguniform = axis("a", stats.loguniform(1e-4, 1), points)
    np.testing.assert_allclose(uniform, np.linspace(1, 4, points), rtol=1e-14)
    np.testing.assert_allclose(loguniform, np.geomspace(1e-4, 1, points), rtol=1e-13)
    assert (uniform[0], uniform[-1]) == (1, 4)
    assert (loguniform[0], loguniform[-1]) == (1e-4, 1)
    np.testing.assert_allclose(
        axis("a", stats.exp(stats.Uniform(a=-9, b=0)), points), np.geomspace(np.exp(-9), 1, points)
    )


@pytest.mark.parametrize("name", ["norm", "expon", "Normal", "truncated", "mixture"])
@pytest.mark.parametrize("points", [1, 2, 5])
def test_unbounded_axes_are_middles_of_equal_parts(name, points):
    values = axis(name, CONTINUOUS[name], points)
    probabilities = [(i + 0.5) / points for i in range(points)]
    np.testing.assert_allclose(CONTINUOUS[name].cdf(np.array(values)), probabilities, atol=1e-12)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_one_point_is_the_median(name):
    assert axis(name, DISTRIBUTIONS[name], 1) == [quantile(DISTRIBUTIONS[name], 0.5)]


def test_discrete_axes_have_each_value_once():
    assert axis("a", stats.randint(0, 4), 100) == [0, 1, 2, 3]
    assert axis("a", stats.randint(32, 257), 2) == [32, 256]
    assert axis("a", stats.Binomial(n=2, p=0.5), 50) == [0, 1, 2]
    assert axis("a", DISCRETE["table"], 50) == [0.1, 0.2, 7]


def test_lists_and_constants_are_axes_as_they_are():
    assert grid_axes({"a": (1, 1, 2), "b": ["x"], "c": "xyz", "d": {"e": 1}}, None) == {
        "a": [1, 1, 2],
        "b": ["x"],
        "c": ["xyz"],
        "d": [{"e": 1}],
    }


def test_points_for_all_or_by_name():
    space = {"a": stats.uniform(0, 1), "b": [1, 2], "c": stats.norm()}
    assert [len(values) for values in grid_axes(space, 5).values()] == [5, 2, 5]
    by_name = grid_axes(space, {"c": np.int64(4), "a": 3})
    assert [len(values) for values in by_name.values()] == [3, 2, 4]


@pytest.mark.parametrize("points", [None, 0, -1, True, 2.0, "3", [3]])
def test_points_of_a_distribution_must_be_positive_ints(points):
    with pytest.raises(
        ValueError, match=r"an int from 1 to .*, but got .*\. Write points=5"
    ) as raised:
        grid_axes({"a": stats.uniform(0, 1), "b": [1], "c": stats.norm()}, points)
    assert [line.split('"')[1] for line in str(raised.value).splitlines()] == ["a", "c"]


def test_points_by_name_name_every_fault():
    space = {"a": stats.uniform(0, 1), "b": [1], "c": stats.norm()}
    with pytest.raises(ValueError, match=r'config_space\["c"\]: a grid needs') as raised:
        grid_axes(space, {"a": 2, "b": 3, "d": 4})
    for name in "bd":
        assert f'points["{name}"]: must be the name of a distribution' in str(raised.value)
    assert "The distributions are 'a', 'c'." in str(raised.value)


axes_of_plain_values = st.dictionaries(
    st.text(max_size=3), st.lists(st.integers() | st.text(max_size=2), max_size=4), max_size=4
)


@given(axes_of_plain_values)
def test_grid_is_the_product_in_order(axes):
    expected = [
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    ]
    assert list(grid(axes)) == expected


def test_grid_gives_copies():
    axes = {"a": [[1], [2]], "b": [1, 2]}
    for config in grid(axes):
        config["a"].append(3)
    assert axes == {"a": [[1], [2]], "b": [1, 2]}


def test_no_warnings_from_draws_and_grids():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checked = check_config_space(DISTRIBUTIONS)
        draw(checked, 0, 0)
        grid_axes(checked, 3)


plain_spaces = st.dictionaries(
    st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=3),
    st.lists(st.integers() | st.text(max_size=2), min_size=1, max_size=4),
    min_size=1,
    max_size=4,
)


@given(plain_spaces)
def test_random_access_gives_the_grid(entries):
    space = check_space({f"{name}_": values for name, values in entries.items()})
    expected = list(grid(grid_axes(space, None)))
    assert num_grid(space, None) == len(expected)
    assert [grid_config(space, None, i) for i in range(len(expected))] == expected


def test_a_large_grid_costs_nothing():
    space = check_space({f"h{i}": [0, 1] for i in range(100)})
    assert num_grid(space, None) == 2**100
    assert list(grid_config(space, None, 2**100 - 2).values()) == [1] * 99 + [0]
    with pytest.raises(IndexError, match="index must be from 0 to"):
        grid_config(space, None, 2**100)


def test_conditional_grids_have_no_doubles_and_filter():
    space = check_space(
        {
            "nesterov": when("momentum > 0.7", [True, False]),
            "momentum": when("optimizer == 'sgd'", stats.uniform(0.5, 0.4)),
            "optimizer": ["sgd", "adam"],
            "lr": when("optimizer == 'adam'", [1e-4, 1e-3], otherwise=stats.loguniform(1e-2, 1)),
            "depth": stats.randint(1, 4),
        },
        ["depth * momentum <= 1.5"],
    )
    expected = []
    for optimizer, depth in itertools.product(["sgd", "adam"], [1, 2, 3]):
        rates = [1e-4, 1e-3] if optimizer == "adam" else [1e-2, 1e-1, 1]
        for momentum in [0.5, 0.7, 0.9] if optimizer == "sgd" else [None]:
            for nesterov in [True, False] if (momentum or 0) > 0.7 else [None]:
                for rate in rates:
                    whole = {
                        "nesterov": nesterov, "momentum": momentum, "optimizer": optimizer,
                        "lr": pytest.approx(rate), "depth": depth,
                    }  # fmt: skip
                    if momentum is None or depth * momentum <= 1.5:
                        expected.append({k: v for k, v in whole.items() if v is not None})
    found = [grid_config(space, 3, i) for i in range(num_grid(space, 3))]
    assert len(found) == len(expected)
    assert all(config in expected for config in found)
    assert len({repr(config) for config in found}) == len(found)
    assert all(list(c) == [n for n in space.entries if n in c] for c in found)


def test_axes_of_a_hyperparameter_with_several_laws_hold_all_values_once():
    space = check_space({"a": [1, 2], "b": when("a == 1", [3, 4], otherwise=(4, 5))})
    assert grid_axes(space, None) == {"a": [1, 2], "b": [3, 4, 5]}


def test_rounded_axes_have_each_value_once():
    assert axis("a", rounded(stats.uniform(0, 0.5), to=0.1), 50) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert axis("a", rounded(stats.loguniform(1, 4)), 100) == [1, 2, 3, 4]


def test_grids_that_would_take_too_long_are_refused_with_the_cure(monkeypatch):
    space = check_space({f"h{i}": list(range(10)) for i in range(8)}, ["h0 <= h1"])
    with pytest.raises(ValueError, match=r"at most 10,000,000 combinations.*RandomSearch"):
        num_grid(space, None)
    monkeypatch.setattr(grids, "MOST_COMBINATIONS", 1000)
    entries = {f"h{i}": list(range(10)) for i in range(4)}
    conditional = check_space(entries | {"h4": when("h0 > 4", [1, 2])})
    with pytest.raises(ValueError, match=r"at most 1,000 combinations"):
        num_grid(conditional, None)


def test_a_grid_without_any_configuration_is_refused():
    space = check_space({"a": [1, 2], "b": [3, 4]}, ["a > b"])
    with pytest.raises(ValueError, match="none of the grid's configurations fulfils"):
        num_grid(space, None)


def test_conditional_axes_need_points_too():
    space = check_space({"a": [1, 2], "b": when("a == 1", stats.uniform(0, 1))})
    for points in (None, 2.0, {"b": 0}, {"a": 3, "b": 2}):
        with pytest.raises(ValueError, match="points"):
            num_grid(space, points)
    assert num_grid(space, {"b": 3}) == 4
