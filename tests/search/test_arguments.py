import pytest
from scipy import stats

import sweeper
from sweeper.space.space import check_space


def test_initial_configs_have_the_order_of_the_space():
    space = check_space({"a": [1, 2], "b": [3, 4]})
    for searcher in (sweeper.RandomSearch, sweeper.SobolSearch):
        first = searcher(3, initial_configs=[{"b": 3, "a": 1}]).config(space, 0, 0)
        assert list(first.items()) == [("a", 1), ("b", 3)]
    unique = sweeper.RandomSearch(4, initial_configs=[{"b": 3, "a": 1}], unique=True)
    assert len({tuple(unique.config(space, 0, trial).items()) for trial in range(4)}) == 4


@pytest.mark.slow
def test_initial_configs_must_be_of_the_space_and_constraints_common():
    space = check_space({"lr": stats.uniform(0, 1), "a": [1, 2]}, ["lr > 0.9999"])
    faults = sweeper.RandomSearch(3, initial_configs=[{"lr": "abc", "a": 1}]).faults(space)
    assert "initial_configs[0][\"lr\"]: must be a number in the support, but got 'abc'" in faults[0]
    assert "at least 1 in 1,000 random configurations" in faults[1]


def test_an_initial_config_comes_once():
    space = check_space({"a": [1, 2]})
    for searcher in (sweeper.RandomSearch, sweeper.BayesianSearch):
        (fault,) = searcher(3, initial_configs=[{"a": 1}, {"a": 2}, {"a": 1}]).faults(space)
        assert fault.startswith(
            "initial_configs[2]: equals initial_configs[0]; each may be listed once"
        )


def test_the_function_of_a_model_is_tried_before_anything_starts():
    space = check_space({"a": stats.uniform(0, 1)})
    for model, told in {
        (lambda seed: 3): r"model(0) returned 3 (int)",
        (lambda: 3): "model(0) raised TypeError",
    }.items():
        (fault,) = sweeper.BayesianSearch(3, model=model).faults(space)
        assert told in fault
