"""What every searcher keeps to, whatever it searches."""

import copy
import dataclasses
import functools
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from distributions import DISTRIBUTIONS
from scipy import stats
from searching import known_before, search

from sweeper.search.bayesian_search import BayesianSearch
from sweeper.search.grid_search import GridSearch
from sweeper.search.random_search import RandomSearch
from sweeper.search.searcher import check_search, first_configs
from sweeper.search.sobol_search import SobolSearch
from sweeper.space.conditions import when
from sweeper.space.distributions import support

N = 14  # trials: four more than BayesianSearch begins with
SEARCHERS = {
    "random": lambda n=N: RandomSearch(n),
    "unique": lambda n=N: RandomSearch(n, unique=True),
    "grid": lambda n=N: GridSearch(points=3),
    "sobol": lambda n=N: SobolSearch(n),
    "gp": lambda n=N: BayesianSearch(n),
    "tpe": lambda n=N: BayesianSearch(n, model="tpe"),
}
SPACE = {
    "lr": stats.loguniform(1e-4, 1),
    "n": stats.randint(1, 6),
    "kind": ["a", None, True, 2.5],
    "shape": [(8, 8), (16,)],
    "fixed": {"depth": 3},
}
CONDITIONAL = {
    "momentum": when("optimizer == 'sgd'", stats.uniform(0.5, 0.49)),
    "optimizer": ["sgd", "adam"],
    "lr": when(
        "optimizer == 'sgd'", stats.loguniform(1e-2, 1), otherwise=stats.loguniform(1e-4, 1e-2)
    ),
    "nesterov": when("momentum > 0.7", [True, False]),
}


def square(config):
    """An error that depends on a number of any space here."""
    numbers = [v for v in config.values() if isinstance(v, int | float)]
    return sum(math.atan(number - 0.3) ** 2 for number in numbers)


@pytest.fixture(params=SEARCHERS)
def name(request):
    return request.param


@pytest.fixture
def make(name):
    return SEARCHERS[name]


@pytest.fixture
def table(name):
    """What the searcher makes of `SPACE`, of which several tests look at one side each."""
    return copy.deepcopy(_table(name))


@functools.cache
def _table(name):
    return search(SEARCHERS[name](), check_search(SPACE, SEARCHERS[name]()), square, N)


@pytest.fixture
def configs(name):
    return configs_of(name)


def configs_of(name):
    return [trial.config for trial in copy.deepcopy(_table(name))]


def table_of(searcher, space, objective=square, constraints=(), trials=N, seed=0):
    checked = check_search(space, searcher, constraints)
    trials = min(trials, searcher.num_configs(checked))
    return [t.config for t in search(searcher, checked, objective, trials, seed)]


@pytest.mark.slow
def test_values_are_plain_and_in_the_support(configs):
    for config in configs:
        assert list(config) == list(SPACE)
        assert [type(config[name]) for name in ("lr", "n")] == [float, int]
        assert 1e-4 <= config["lr"] <= 1
        assert 1 <= config["n"] <= 5
        assert config["kind"] in SPACE["kind"]
        assert type(config["kind"]) in (str, type(None), bool, float)
        assert config["shape"] in SPACE["shape"]
        assert config["fixed"] == {"depth": 3}


@pytest.mark.slow
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_every_distribution_is_searched(distribution):
    low, high = support(DISTRIBUTIONS[distribution])
    for searcher in (SobolSearch(12), BayesianSearch(11)):  # whose eleventh is the model's
        for config in table_of(searcher, {"x": DISTRIBUTIONS[distribution]}, trials=12):
            assert low <= config["x"] <= high
            assert math.isfinite(config["x"])


@pytest.mark.slow
def test_the_seed_decides(make, configs):
    searcher = make()
    if isinstance(searcher, GridSearch):
        assert table_of(searcher, SPACE, seed=2) == configs
    else:
        assert table_of(searcher, SPACE, seed=2, trials=11) != configs[:11]


@pytest.mark.slow
def test_a_longer_search_has_the_same_first_trials(make, configs):
    assert table_of(make(N + 50), SPACE) == configs


@pytest.mark.slow
def test_the_same_is_known_the_same_is_chosen(make, table):
    """Whatever was asked before, in whatever order, as after a kill."""
    space = check_search(SPACE, make())
    for trial in (13, 3, 11, 13, 0):
        again = make().config(space, 0, trial, known_before(trial, table, 2))
        assert again == table[trial].config


@pytest.mark.slow
def test_another_process_chooses_the_same():
    code = (
        "import json, test_contract as t; from sweeper.search.searcher import check_search\n"
        "print(json.dumps([t.table_of(t.SEARCHERS[name](), t.SPACE) for name in t.SEARCHERS]))"
    )
    here = Path(__file__).parent
    path = f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parent)!r}]\n"
    threads = os.environ | {"OMP_NUM_THREADS": "2"}  # which change no configuration
    done = subprocess.run(
        [sys.executable, "-c", path + code], capture_output=True, text=True, env=threads
    )
    assert done.stdout, done.stderr
    assert json.loads(done.stdout) == json.loads(
        json.dumps([configs_of(name) for name in SEARCHERS])
    )


@pytest.mark.slow
def test_what_is_known_stays_as_it_is(make, table):
    searcher, space = make(), check_search(SPACE, make())
    table = table[:-1]
    before = copy.deepcopy(table)
    searcher.config(space, 0, N - 1, tuple(table))["fixed"]["depth"] = 9
    assert table == before
    assert SPACE["fixed"] == {"depth": 3}


@pytest.mark.slow
@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf])
def test_it_survives_trials_that_fail_or_diverge(make, bad):
    def objective(config):
        return bad if config["lr"] > 0.01 else config["lr"]

    space = {"lr": SPACE["lr"], "n": [1, 2, 3, 4, 5]}
    for of_config in (objective, lambda config: bad):
        assert len(table_of(make(12), space, of_config, trials=12)) == 12


def test_a_small_space_is_searched_to_its_end(make):
    space = {"a": [1, 2, 3], "b": stats.randint(0, 2), "c": when("a == 1", ["x", "y"])}
    every = [{"a": a, "b": b} for a in (2, 3) for b in (0, 1)]
    every += [{"a": 1, "b": b, "c": c} for b in (0, 1) for c in "xy"]
    searcher = make(100)
    drawn = table_of(searcher, space, trials=100)
    if isinstance(searcher, RandomSearch | SobolSearch) and not getattr(searcher, "unique", False):
        assert len(drawn) == 100
        assert all(config in every for config in drawn)
    else:
        assert len(drawn) == 8
        assert all(config in drawn for config in every)
    assert all(set(config) == {"a", "b", "c"} for config in drawn if config["a"] == 1)


@pytest.mark.slow
def test_conditions_are_kept(make):
    kinds = set()
    for config in table_of(make(), CONDITIONAL):
        sgd = config["optimizer"] == "sgd"
        kinds.add(sgd)
        assert ("momentum" in config) == sgd
        assert ("nesterov" in config) == (sgd and config["momentum"] > 0.7)
        assert (config["lr"] >= 1e-2) if sgd else (config["lr"] <= 1e-2)
    assert kinds == {True, False} or isinstance(make(), GridSearch)


@pytest.mark.slow
def test_constraints_are_kept(make):
    space = {"a": stats.randint(1, 20), "b": stats.randint(1, 20), "x": stats.uniform(0, 1)}
    constraints = ["b <= a", "x + a > 0.5"]
    drawn = table_of(make(), space, lambda c: c["a"] - c["b"], constraints, trials=12)
    assert len(drawn) >= 6
    assert all(config["b"] <= config["a"] and config["x"] + config["a"] > 0.5 for config in drawn)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 50])
def test_one_hyperparameter_or_fifty(make, count):
    space = {f"x{i}": stats.uniform(0, 1) if i < 20 else [0, 1] for i in range(count)}
    searcher = make()
    if isinstance(searcher, GridSearch):
        checked = check_search(space, searcher)
        total = searcher.num_configs(checked)
        assert searcher.config(checked, 0, total - 1, ()) == dict.fromkeys(space, 1)
    else:
        drawn = table_of(searcher, space, trials=11)
        assert all(list(config) == list(space) for config in drawn)
        assert len({repr(config) for config in drawn}) == 11


def test_nothing_but_constants(make):
    for config in table_of(make(1), {"a": 1, "b": "x"}):
        assert config == {"a": 1, "b": "x"}


@pytest.mark.slow
def test_initial_configs_come_first(make, configs):
    first = {**configs[5], "lr": 0.123}
    searcher = dataclasses.replace(make(), initial_configs=[first])
    drawn = table_of(searcher, SPACE, trials=3)
    assert drawn[0] == first
    assert first not in drawn[1:]


def test_what_a_searcher_says_of_itself(make):
    searcher, space = make(), check_search(SPACE, make())
    assert searcher.faults(space) == []
    assert searcher.describe(space).startswith(f"{searcher.num_configs(space)} trials") or (
        searcher.describe(space).endswith(f"{searcher.num_configs(space)} trials")
    )
    assert searcher.looks_back == isinstance(searcher, BayesianSearch)
    assert searcher.lag is None
    if not searcher.looks_back:
        assert searcher.config(space, 0, 5) == first_configs(searcher, space, 0, 6)[5]
