"""An objective for `sweeper run`, which needs the neighbour of this file."""

from pathlib import Path

import numpy as np
from meeting import meet


def objective(config):
    """A number that depends on the trial's seed, once all hosts have a trial."""
    meet(Path(config["place"]), config["hosts"])
    return config["x"] + np.random.uniform()
