"""What needs no Ray; whole trials are in tests/sweep/test_sweep.py."""

import functools
import random

import numpy as np
import pytest
import torch

from sweeper.worker.objective import (
    accepts,
    describe_exception,
    num_threads,
    objective_faults,
    run_here,
    seed_everything,
)


def plain(config):
    return 0.5


def with_data(config, data):
    return 0.5


def with_more(config, lr, momentum, *, nesterov, epochs=3):
    return 0.5


class Callable:
    def __call__(self, config, test=False):
        return 0.5


@pytest.mark.parametrize(
    ("objective", "data_given", "faults"),
    [
        (plain, False, []),
        (plain, True, ["takes no argument `data`"]),
        (with_data, True, []),
        (with_data, False, ["needs its argument `data`"]),
        (with_more, False, ["needs ['lr', 'momentum', 'nesterov']"]),
        (functools.partial(with_more, lr=1, momentum=0, nesterov=True), False, []),
        (Callable(), False, []),
        (lambda *arguments: 0, False, []),
        (lambda config, **options: 0, True, []),
        (lambda: 0, False, ["takes no argument; it must take the configuration"]),
        (lambda *, config: 0, False, ["takes no argument; it must take the configuration"]),
        (max, False, []),
        (None, False, ["must be a function of one configuration, but got None (NoneType)"]),
    ],
)
def test_faults_of_objectives(objective, data_given, faults):
    found = objective_faults(objective, data_given)
    assert len(found) == len(faults)
    assert all(expected in got for expected, got in zip(faults, found, strict=True))


def test_which_arguments_an_objective_accepts():
    assert accepts(Callable(), "test")
    assert not accepts(plain, "test")
    assert accepts(lambda config, **options: 0, "test")


def test_the_same_seed_the_same_numbers():
    def numbers():
        seed_everything(7)
        return random.random(), np.random.random(), torch.rand(3).tolist()

    assert numbers() == numbers()


def test_a_description_of_an_exception_begins_with_the_users_code():
    def user_code():
        raise ValueError("two\nlines")

    with pytest.raises(ValueError, match="two") as caught:
        user_code()
    told = describe_exception(caught.value)
    assert told["exception"] == "ValueError: two\nlines"
    assert "in user_code" in told["traceback"]
    assert describe_exception(None) == {"exception": None, "traceback": None}


def test_notes_are_told_in_full_only():
    exception = ValueError("short")
    exception.add_note("long\nstory")
    assert describe_exception(exception) == {
        "exception": "ValueError: short",
        "traceback": "ValueError: short\nlong\nstory",
    }
    assert exception.__notes__ == ["long\nstory"]


@pytest.mark.parametrize(("cpus", "threads"), [(0, 1), (0.5, 1), (1, 1), (2.5, 2), (8, 8)])
def test_as_many_threads_as_whole_cpus(cpus, threads):
    assert num_threads(cpus) == threads


def test_run_here_takes_the_last_yield_and_gives_the_threads_back():
    before = torch.get_num_threads()

    def objective(config, test):
        yield 1.0
        yield config["x"] + test + torch.get_num_threads()

    assert run_here(objective, {"x": 2}, {"test": 10}, seed=0, cpus=before + 1) == 13 + before
    assert torch.get_num_threads() == before


def test_an_endless_exception_makes_no_endless_row():
    told = describe_exception(ValueError("x" * 10**7 + "end"))
    assert told["exception"].startswith("ValueError: xxx")
    assert all(text.endswith("xend") and len(text) < 30_000 for text in told.values())
