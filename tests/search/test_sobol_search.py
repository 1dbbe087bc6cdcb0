import numpy as np
import pytest
from scipy import stats
from scipy.stats import qmc

from sweeper.search.searcher import first_configs
from sweeper.search.sobol_search import SobolSearch, sobol_point
from sweeper.space.space import check_space

SPACE = {"x": stats.uniform(0, 1), "units": [16, 32, 64, 128], "n": stats.randint(0, 8)}


def points(space, seed, n):
    return np.array([list(sobol_point(space, seed, i).values()) for i in range(n)])


@pytest.mark.parametrize("seed", range(3))
def test_each_part_of_each_axis_is_hit_equally_often(seed):
    space = check_space({f"x{i}": stats.uniform(0, 1) for i in range(5)})
    parts = np.floor(points(space, seed, 64) * 64)
    assert (np.sort(parts, axis=0) == np.arange(64)[:, None]).all()


def test_it_is_spread_more_evenly_than_random_points_and_as_evenly_as_scipys_own():
    space = check_space({f"x{i}": stats.uniform(0, 1) for i in range(4)})
    ours = np.mean([qmc.discrepancy(points(space, seed, 64)) for seed in range(10)])
    scipys = np.mean([qmc.discrepancy(qmc.Sobol(4, rng=s).random(64)) for s in range(10)])
    at_random = np.mean(
        [qmc.discrepancy(np.random.default_rng(s).uniform(size=(64, 4))) for s in range(10)]
    )
    assert ours < 1.2 * scipys < 0.5 * at_random


def test_every_point_is_uniform_over_the_seeds():
    space = check_space({"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)})
    for i in (0, 1, 5):
        drawn = np.array([list(sobol_point(space, seed, i).values()) for seed in range(200)])
        assert stats.kstest(drawn[:, 0], "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.3


def test_a_longer_search_has_the_same_first_trials():
    space = check_space(SPACE)
    assert first_configs(SobolSearch(50), space, 1)[:7] == first_configs(SobolSearch(7), space, 1)


def test_one_hyperparameter_more_changes_no_other_value():
    wider = check_space({**SPACE, "z": [1, 2]})
    for before, after in zip(
        first_configs(SobolSearch(20), check_space(SPACE), 5),
        first_configs(SobolSearch(20), wider, 5),
        strict=True,
    ):
        assert before == {name: after[name] for name in SPACE}


def test_lists_come_in_equal_parts():
    drawn = first_configs(SobolSearch(16), check_space(SPACE), 0)
    assert sorted(c["units"] for c in drawn) == [16] * 4 + [32] * 4 + [64] * 4 + [128] * 4


def test_points_that_break_a_constraint_are_passed_over():
    space = check_space(SPACE, ["n * 16 <= units"])
    plain = check_space(SPACE)
    every = [plain.at(sobol_point(plain, 3, i)) for i in range(200)]
    expected = [config for config in every if config["n"] * 16 <= config["units"]]
    assert first_configs(SobolSearch(30), space, 3) == expected[:30]


@pytest.mark.slow
def test_constraints_that_nothing_fulfils_are_refused():
    space = check_space(SPACE, ["x > 2"])
    with pytest.raises(ValueError, match="none of 10,001 configurations in a row fulfils them"):
        SobolSearch(3).config(space, 0, 0)


def test_a_space_of_constants_has_one_configuration():
    assert first_configs(SobolSearch(2), check_space({"a": 1}), 0) == [{"a": 1}, {"a": 1}]
