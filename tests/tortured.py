"""Short sweeps of every kind, to be killed: python tortured.py KIND FOLDER [inline].

An objective notes where it begins and each epoch it has trained in the file `TORTURED_LOG`, by the
trial's seed, which no other trial has.
"""

import math
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
from scipy import stats

import sweeper

MIRRORED = "mirrored"  # the kind that is sent to a cluster's head, by `sweeper run`
SEED = 5
PAUSE_S = 0.1  # an epoch
SCRIPT = Path(__file__).with_name("tortured_script.py")
RNG = np.random.default_rng(0)  # of the module, so that it is the same for trials of new processes


def note(what: str) -> None:
    """Adds a line, in one piece, to what the sweep has gone through."""
    place = os.environ.get("TORTURED_LOG", os.devnull)
    line = f"{what} {sweeper.current_trial().seed}\n"
    log = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, line.encode())
    os.close(log)


def epochs(config, number=4):
    """The errors of a training, which depend on all that a trial is seeded with."""
    note("start")
    if config["x"] < 0.07:
        raise ValueError("no x below 0.07")
    error = config.get("momentum", 0.7)
    for epoch in range(1, number + 1):
        time.sleep(float(os.environ.get("TORTURED_PAUSE_S", PAUSE_S)))
        note("epoch")
        error += (config["x"] - 0.3) ** 2 / epoch + random.random() + np.random.random()
        yield math.nan if config["x"] > 0.93 and epoch > 2 else error


def yields(config, data):
    for error in epochs(config):
        yield error * data.mean()


def yields_long(config):
    yield from epochs(config, number=9)


def reports(config):
    for error in epochs(config):
        sweeper.report({"validation_error": error, "half": error / 2})


def returns(config):
    *_, last = epochs(config)
    return last


def trains(config):
    note("start")
    trainer = sweeper.HPOTrainer(max_epochs=1, checkpoint_every=1)
    model = sweeper.DropoutMLP(num_hiddens_1=16, num_hiddens_2=16, lr=0.1 * config["x"])
    trainer.fit(model, sweeper.Digits())
    yield trainer.validation_error()
    for _ in range(4):
        time.sleep(float(os.environ.get("TORTURED_PAUSE_S", PAUSE_S)))
        trainer.fit_epoch()
        note("epoch")
        yield trainer.validation_error()


def leaves_traces(config):
    """What it leaves in its module changes the next trial, unless that has a process of its own."""
    for error in epochs(config):
        yield error + RNG.random()


X = {"x": stats.uniform(0, 1)}
SPACE = {
    **X,
    "optimizer": ["sgd", "adam"],
    "momentum": sweeper.when("optimizer == 'sgd'", stats.uniform(0.5, 0.49)),
}
FIRST = {"x": 0.5, "optimizer": "adam"}
COMMAND = sweeper.Command(f"python {SCRIPT} --x {{x}} --momentum {{momentum}}", metric="accuracy")
SWEEPS = {
    "checkpoints": {"objective": trains, "config_space": X, "searcher": sweeper.RandomSearch(16)},
    "GP with ASHA": {
        "objective": yields_long, "config_space": SPACE, "scheduler": sweeper.ASHA(),
        "searcher": sweeper.BayesianSearch(24, lag=4, initial_configs=[FIRST]),
    },
    "report": {
        "objective": reports, "config_space": SPACE, "searcher": sweeper.SobolSearch(24),
        "constraints": ["x <= 0.97"],
    },
    "command": {
        "objective": COMMAND, "config_space": SPACE, "searcher": sweeper.RandomSearch(24),
        "scheduler": sweeper.ASHA(max_epochs=4), "metric": "accuracy", "mode": "max",
    },
    "fresh": {
        "objective": leaves_traces, "config_space": SPACE, "fresh": True,
        "searcher": sweeper.RandomSearch(24),
    },
    "return": {
        "objective": returns, "config_space": SPACE,
        "searcher": sweeper.GridSearch(points={"x": 8, "momentum": 2}),
    },
    "ASHA": {
        "objective": yields_long, "config_space": SPACE, "searcher": sweeper.RandomSearch(32),
        "scheduler": sweeper.ASHA(),
    },
    "replicates": {
        "objective": reports, "config_space": SPACE, "replicates": 3,
        "searcher": sweeper.RandomSearch(8),
    },
    "TPE": {
        "objective": yields_long, "config_space": SPACE,
        "searcher": sweeper.BayesianSearch(20, lag=4, model="tpe"),
    },
    MIRRORED: {"objective": reports, "config_space": X, "searcher": sweeper.RandomSearch(24)},
    "yield": {
        "objective": yields, "config_space": SPACE, "searcher": sweeper.RandomSearch(24),
        "data": np.arange(1000) / 500,
    },
}  # fmt: skip


def sweep(kind: str, folder: str, **options) -> None:
    """Runs the sweep, or goes on with it."""
    sweeper.run(
        **SWEEPS[kind], seed=SEED, folder=folder, name="s", resume=True,
        limits=sweeper.Limits(max_failures=1000), **options,
    )  # fmt: skip


if __name__ == "__main__":
    kind, folder, *inline = sys.argv[1:]
    where = {"address": "inline"} if inline else {"address": "local", "num_workers": 2}
    sweep(kind, folder, **where)
