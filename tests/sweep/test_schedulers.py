import os
import sys
from pathlib import Path

import pytest
import ray.cloudpickle
import waiting
from ray import tune

from sweeper.sweep.schedulers import HandOver, ToTheEnd


class Slow(tune.Trainable):
    """A warm trainable of anybody's, of which the first one is free while two others start.

    Three of them share the last 12 trials in rounds, for which they wait for one another.
    """

    def setup(self, config):
        self.config = config
        self.place = Path(config["place"])
        self.rounds = 0
        if config["x"] in (1, 2):
            waiting.wait_until((self.place / "6").exists)

    def reset_config(self, new_config):
        self.config = new_config
        return True

    def step(self):
        x = self.config["x"]
        (self.place / str(x)).touch()
        if x >= 12:
            self.rounds += 1
            waiting.meet(self.place / f"round-{self.rounds}", 3)
        return {"x": x, "pid": os.getpid(), "done": True}


@pytest.fixture
def by_value():
    """Workers can't import the files of tests, so what they define travels whole."""
    files = sys.modules[__name__], waiting
    for file in files:
        ray.cloudpickle.register_pickle_by_value(file)
    yield
    for file in files:
        ray.cloudpickle.unregister_pickle_by_value(file)


@pytest.mark.usefixtures("ray_session", "by_value")
def test_in_any_tuner_trials_come_in_order_and_use_every_worker(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNE_MAX_PENDING_TRIALS_PG", "3")
    results = tune.Tuner(
        Slow,
        param_space={"place": str(tmp_path)},
        tune_config=tune.TuneConfig(
            search_alg=HandOver([{"x": i} for i in range(24)], lambda: 3),
            scheduler=ToTheEnd(),
            num_samples=24,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            storage_path=str(tmp_path),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    ).fit()
    metrics = [result.metrics for result in results]
    assert [m["x"] for m in metrics] == list(range(24))
    pids = [m["pid"] for m in metrics]
    assert len(set(pids)) == len(set(pids[:3])) == 3
    assert min(map(pids.count, set(pids))) >= 4


def test_a_trial_that_comes_back_is_handed_out_again():
    hand_over = HandOver([{"x": 1}, {"x": 2}])
    assert [hand_over.suggest("a"), hand_over.suggest("b")] == [{"x": 1}, {"x": 2}]
    assert hand_over.suggest("c") is None  # one of the two may come back
    hand_over.on_trial_complete("a", error=True)
    hand_over.again({"x": 1})
    assert hand_over.suggest("c") == {"x": 1}
    hand_over.on_trial_complete("b")
    assert hand_over.suggest("d") is None
    hand_over.on_trial_complete("c")
    assert hand_over.suggest("d") == HandOver.FINISHED


def test_as_many_are_handed_out_as_the_limit_allows_at_each_moment():
    limit = 1
    hand_over = HandOver([{"x": i} for i in range(4)], lambda: limit)
    assert [hand_over.suggest(name) for name in "abc"] == [{"x": 0}, None, None]
    limit = 3  # nodes have come
    assert [hand_over.suggest(name) for name in "bcd"] == [{"x": 1}, {"x": 2}, None]
    limit = 1  # and gone
    hand_over.on_trial_complete("a")
    hand_over.on_trial_complete("b")
    assert hand_over.suggest("d") is None
    hand_over.on_trial_complete("c")
    hand_over.on_trial_complete("c")  # as Tune may say it, if the end of a trial fails
    assert [hand_over.suggest("d"), hand_over.suggest("e")] == [{"x": 3}, None]
    hand_over.on_trial_complete("d")
    assert hand_over.suggest("e") == HandOver.FINISHED
