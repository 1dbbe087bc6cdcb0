"""A sweep of trials that only sleep, for the tests of clusters.

Each trial leaves a line in the log, which all hosts see, when it starts and when it ends.
"""

import argparse
import os
import time
from pathlib import Path

import sweeper

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("name", help="the sweep's own folder in runs/")
parser.add_argument("log", type=Path)
parser.add_argument("--trials", type=int, default=12)
parser.add_argument("--seconds", type=float, default=1)
parser.add_argument("--resume", action="store_true")
options = parser.parse_args()


def objective(config):
    """The number of the trial, after a nap."""

    def note(what):
        with open(options.log, "a") as file:
            file.write(f"{what} {config['number']} {os.uname().nodename}\n")

    note("start")
    time.sleep(options.seconds)
    note("end")
    return config["number"]


results = sweeper.run(
    objective,
    {"number": list(range(options.trials))},
    sweeper.GridSearch(),
    name=options.name,
    resume=options.resume,
    limits=sweeper.Limits(max_failures=3),
)
print(results.frame.to_string())
print("best", results.best_config)
