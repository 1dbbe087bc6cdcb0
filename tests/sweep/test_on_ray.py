"""Ray Tune as sweeper uses it."""

import re
import sys

from scipy import stats

import sweeper


def test_a_sweep_loads_none_of_the_trackers_that_are_installed(run, ray_session, monkeypatch):
    trackers = re.compile(r"(ray\.air\.integrations\.)?(mlflow|wandb|comet)\b")
    for name in [name for name in sys.modules if trackers.match(name)]:
        monkeypatch.delitem(sys.modules, name)
    space = {"x": stats.uniform(0, 1)}
    run(lambda config: config["x"], space, sweeper.RandomSearch(1), num_workers=1)
    assert not [name for name in sys.modules if trackers.match(name)]
