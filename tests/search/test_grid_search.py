import itertools

import pytest
from scipy import stats

import sweeper
from sweeper.search.grid_search import GridSearch
from sweeper.search.searcher import check_search, first_configs
from sweeper.space.conditions import when
from sweeper.space.space import check_space

SPACE = {"lr": stats.loguniform(1e-4, 1), "units": [16, 32, 64], "epochs_a_trial": 3}
CONDITIONAL = {
    "optimizer": ["sgd", "adam"],
    "momentum": when("optimizer == 'sgd'", [0.5, 0.9]),
    "lr": when("optimizer == 'sgd'", stats.uniform(0, 1), otherwise=1e-3),
}


def configs(searcher, space, constraints=()):
    return first_configs(searcher, check_space(space, constraints), 0)


def test_grid_search_is_the_product():
    space = {"a": [1, 2, 3], "b": ["x", "y"], "c": 0}
    expected = [{"a": a, "b": b, "c": 0} for a, b in itertools.product([1, 2, 3], ["x", "y"])]
    assert configs(GridSearch(), space) == expected


def test_grid_search_with_initial_configs():
    space = {"a": [1, 2]}
    searcher = GridSearch(initial_configs=[{"a": 2}])
    assert configs(searcher, space) == [{"a": 2}, {"a": 1}, {"a": 2}]
    assert searcher.num_configs(check_space(space)) == 3
    assert searcher.describe(check_space(space)) == "1 + 2 = 3 trials"


def test_a_huge_grid_costs_nothing_before_it_starts():
    space = check_search({f"x{i}": [0, 1] for i in range(30)}, GridSearch())
    assert GridSearch().num_configs(space) == 2**30
    last = GridSearch().config(space, 0, 2**30 - 2)
    assert list(last.values()) == [1] * 29 + [0]
    assert list(last) == list(space.entries)


def test_an_axis_is_there_only_where_its_condition_holds():
    assert configs(GridSearch(points=2), CONDITIONAL) == [
        *({"optimizer": "sgd", "momentum": m, "lr": lr} for m in (0.5, 0.9) for lr in (0.0, 1.0)),
        {"optimizer": "adam", "lr": 1e-3},
    ]
    assert GridSearch(points=2).describe(check_space(CONDITIONAL)) == "5 trials"


def test_constraints_leave_configurations_out():
    space = {"a": [1, 2, 3], "b": [1, 2, 3]}
    expected = [{"a": a, "b": b} for a in (1, 2, 3) for b in (1, 2, 3) if b <= a]
    assert configs(GridSearch(), space, ["b <= a"]) == expected


def test_a_grid_of_which_nothing_is_left_is_refused():
    with pytest.raises(ValueError, match="none of the grid's configurations fulfils"):
        check_search({"a": [1, 2]}, GridSearch(), ["a > 2"])


def test_a_grid_over_a_distribution_needs_points():
    for space in (SPACE, CONDITIONAL):
        with pytest.raises(ValueError, match=r'"lr".*points'):
            check_search(space, GridSearch())


def test_the_public_name_is_this_one():
    assert sweeper.GridSearch is GridSearch
