"""The searcher's own process: it dies, or raises, while every trial waits for it."""

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from scipy import stats

import sweeper

SPACE = {"x": stats.uniform(0, 1)}


def error(config):
    return config["x"]


def dying(deaths: float, place: Path) -> Callable:
    """A model whose process is killed so often when it is asked.

    Each time it leaves a file that says whether the process has loaded Ray Tune.
    """

    def model(seed):
        from optuna.samplers import RandomSampler

        class Sampler(RandomSampler):
            def sample_independent(self, *arguments):
                if len(list(place.iterdir())) < deaths:
                    (place / str(os.getpid())).write_text(str("ray.tune" in sys.modules))
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().sample_independent(*arguments)

        return Sampler(seed=seed)

    return model


@pytest.fixture
def run(run):
    """On one worker, which takes seconds of computing to start."""
    return functools.partial(run, num_workers=1)


@pytest.fixture
def place(tmp_path) -> Path:
    (tmp_path / "deaths").mkdir()
    return tmp_path / "deaths"


def test_a_searcher_that_dies_is_asked_again(run, run_inline, ray_session, place):
    results = run(error, SPACE, sweeper.BayesianSearch(16, model=dying(2, place)))
    assert [file.read_text() for file in place.iterdir()] == ["False"] * 2
    undisturbed = run_inline(error, SPACE, sweeper.BayesianSearch(16, model=dying(0, place)))
    assert list(results.frame["x"]) == list(undisturbed.frame["x"])


def test_one_that_dies_again_and_again_ends_the_sweep(run, ray_session, place):
    searcher = sweeper.BayesianSearch(16, model=dying(float("inf"), place))
    with pytest.raises(ChildProcessError, match="searcher's process died 4 times in a row"):
        run(error, SPACE, searcher)
    assert len(list(place.iterdir())) == 4


def test_an_exception_of_a_searcher_ends_the_sweep_though_nothing_runs(run, ray_session):
    def model(seed):
        from optuna.samplers import RandomSampler

        class Sampler(RandomSampler):
            def sample_independent(self, *arguments):
                raise ArithmeticError("no model")

        return Sampler(seed=seed)

    with pytest.raises(ArithmeticError, match="no model"):
        run(error, SPACE, sweeper.BayesianSearch(16, model=model))
