"""A sweep of draws, whose objective needs the neighbour of this script.

draws.py NAME MEETING_PLACE HOSTS
"""

import sys
from pathlib import Path

import numpy as np
from meeting import meet
from scipy import stats

import sweeper

name, place, hosts = sys.argv[1:]


def objective(config):
    """A number that depends on the trial's seed, once all hosts have a trial."""
    meet(Path(place), int(hosts))
    return config["x"] + np.random.uniform()


results = sweeper.run(
    objective,
    {"x": stats.uniform(0, 1)},
    sweeper.RandomSearch(num_trials=6),
    name=name,
    folder=Path.home() / "runs",
)
print(results.frame.to_string())
print("best", results.best_config)
