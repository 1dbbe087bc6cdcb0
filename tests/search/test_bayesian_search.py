import numpy as np
import optuna
import pytest
from scipy import stats
from searching import search

from sweeper.search.bayesian_search import BayesianSearch
from sweeper.search.known import Known
from sweeper.search.random_search import RandomSearch
from sweeper.search.searcher import check_search, first_configs
from sweeper.search.sobol_search import SobolSearch
from sweeper.space.space import check_space

SPACE = check_space({"x": stats.uniform(0, 1), "lr": stats.loguniform(1e-4, 1), "n": [1, 2, 3]})


def bowl(config):
    return (config["x"] - 0.7) ** 2 + (np.log10(config["lr"]) + 2) ** 2 / 16 + abs(config["n"] - 2)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "trials", "seeds"), [("gp", 18, 2), ("tpe", 30, 3)])
def test_it_gets_far_below_random_search(model, trials, seeds):
    """Of 30 trials; a Gaussian process, whose suggestions are the dear ones, needs fewer."""

    def best(searcher, trials):
        tables = (search(searcher, SPACE, bowl, trials, seed) for seed in range(seeds))
        return np.mean([min(trial.error for trial in table) for table in tables])

    assert best(BayesianSearch(trials, model), trials) < 0.5 * best(RandomSearch(30), 30)


@pytest.mark.slow
def test_it_begins_with_sobol_points_until_enough_is_known():
    first = first_configs(BayesianSearch(16), SPACE, 3)
    assert first == first_configs(SobolSearch(16), SPACE, 3)
    table = search(BayesianSearch(16), SPACE, bowl, 16, seed=3, lag=8)
    assert [t.config for t in table[:11]] == first[:11]
    assert all(t.config != config for t, config in zip(table[12:], first[12:], strict=True))


@pytest.mark.slow
def test_what_is_known_decides_what_comes_next():
    table = search(BayesianSearch(12), SPACE, bowl, 12)
    other = [*table[:-1], Known(table[-1].config, (), table[-1].error - 5, "finished")]
    searcher = BayesianSearch(13)
    assert searcher.config(SPACE, 0, 12, table) != searcher.config(SPACE, 0, 12, other)


def test_a_part_of_a_curve_is_learned_from():
    def known(cut):
        return [
            Known(c, tuple((e, bowl(c) + 1 / e) for e in range(1, cut + 1)))
            for c in first_configs(SobolSearch(12), SPACE, 0)
        ]

    searcher = BayesianSearch(13)
    assert searcher.config(SPACE, 0, 12, known(3)) != searcher.config(SPACE, 0, 12, known(0))


@pytest.mark.slow
def test_no_configuration_comes_twice_while_others_are_left():
    space = check_space({"a": [1, 2, 3], "b": stats.randint(0, 5)})
    table = search(BayesianSearch(100), space, lambda c: c["a"] + c["b"], 15)
    assert len({repr(trial.config) for trial in table}) == 15
    assert BayesianSearch(100).num_configs(space) == 15
    assert (
        BayesianSearch(100)
        .describe(space)
        .startswith("15 trials, since the space has no more configurations")
    )


@pytest.mark.slow
def test_failures_are_avoided():
    def objective(config):
        return None if config["x"] > 0.4 else config["lr"]

    table = search(BayesianSearch(20), SPACE, objective, 20)
    failed = [trial.status == "failed" for trial in table]
    assert np.mean(failed[12:]) < np.mean(failed[:10])


def test_a_function_may_give_the_sampler():
    seeds = []

    def sampler(seed):
        seeds.append(seed)
        return optuna.samplers.RandomSampler(seed)

    table = search(BayesianSearch(15, model=sampler), SPACE, bowl, 15)
    assert len(set(seeds)) == 5 == len(seeds)
    assert len({repr(trial.config) for trial in table}) == 15


def test_auto_is_a_gaussian_process_and_later_parzen_estimators():
    searcher = BayesianSearch(1000)
    assert isinstance(searcher._sampler(249, 0), optuna.samplers.GPSampler)
    assert isinstance(searcher._sampler(250, 0), optuna.samplers.TPESampler)


def test_optuna_says_as_much_as_before():
    before = optuna.logging.get_verbosity()
    search(BayesianSearch(12), SPACE, bowl, 12)
    assert optuna.logging.get_verbosity() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "forest"}, r"model must be one of \['auto', 'gp', 'tpe'\] or a function"),
        ({"model": None}, "model must be one of"),
        ({"lag": 0}, "lag must be an int of at least 1, but got 0"),
        ({"lag": 1.5}, "lag must be an int of at least 1"),
        ({"num_trials": 0}, r"BayesianSearch\(num_trials=…\) must be an int of at least 1"),
    ],
)
def test_wrong_arguments_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        check_search(SPACE, BayesianSearch(**{"num_trials": 5, **options}))


def test_what_is_known_must_be_of_all_earlier_trials():
    with pytest.raises(ValueError, match="known must have 3 trials, but got 0"):
        BayesianSearch(5).config(SPACE, 0, 3)
