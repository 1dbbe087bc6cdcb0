"""Sweeps on several nodes, which share this machine and so its address and files."""

import pytest
from drivers import said, start
from waiting import PATIENCE_S, wait_until

import sweeper

pytestmark = pytest.mark.lab

# The later half of the trials wait until workers of three nodes have had one.
SCRIPT = """
    from pathlib import Path
    import ray
    from waiting import meet
    import sweeper

    def objective(config):
        node = ray.get_runtime_context().get_node_id()
        meet(Path("met"), 3 if config["x"] >= 40 else 1, node)
        with open("log.txt", "a") as log:
            log.write(f"{config['x']}\\n")
        return config["x"]

    if __name__ == "__main__":
        sweeper.run(objective, {"x": list(range(80))}, sweeper.GridSearch(), name="s")
"""


def test_a_node_that_goes_loses_nothing_and_one_that_comes_gets_a_worker(tmp_path, cluster):
    second = cluster.add_node(num_cpus=1)
    with start(tmp_path, cluster, SCRIPT) as driver:
        wait_until(lambda: nodes_used(tmp_path) >= 2, driver)
        cluster.remove_node(second, allow_graceful=False)
        cluster.add_node(num_cpus=1)
        assert driver.wait(PATIENCE_S) == 0, said(tmp_path)
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    assert list(frame["validation_error"]) == list(range(80))
    assert frame["node"].nunique() == 3
    runs = (tmp_path / "log.txt").read_text().split()
    assert set(runs) == {str(x) for x in range(80)}
    assert len(runs) <= 81  # at most the trial that was cut off runs twice


def nodes_used(folder) -> int:
    try:
        return sweeper.load(folder / "runs" / "s").frame["node"].nunique()
    except FileNotFoundError:
        return 0


STARTS = """
    import time
    from pathlib import Path
    import ray
    from waiting import wait_until
    import sweeper

    class SlowToLoad:
        def __getstate__(self):
            return {"some": "state"}

        def __setstate__(self, state):
            Path("loading-" + ray.get_runtime_context().get_node_id()).touch()
            wait_until(Path("gone").exists)

        def __call__(self, config):
            with open("log.txt", "a") as log:
                log.write(f"{config['x']}\\n")
            time.sleep(0.3)
            return config["x"]

    if __name__ == "__main__":
        sweeper.run(
            SlowToLoad(), {"x": list(range(30))}, sweeper.GridSearch(), name="s",
            limits=sweeper.Limits(max_failures=0),
        )
"""


def test_a_node_that_goes_while_a_worker_starts_on_it_fails_no_trial(tmp_path, cluster):
    second = cluster.add_node(num_cpus=2)
    with start(tmp_path, cluster, STARTS) as driver:
        wait_until((tmp_path / f"loading-{second.node_id}").exists, driver)
        cluster.remove_node(second, allow_graceful=False)
        (tmp_path / "gone").touch()
        cluster.add_node(num_cpus=2)
        assert driver.wait(PATIENCE_S) == 0, said(tmp_path)
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    assert list(frame["validation_error"]) == list(range(30))
    assert sorted(map(int, (tmp_path / "log.txt").read_text().split())) == list(range(30))


VISIBLE = """
    import os
    from pathlib import Path
    from waiting import meet
    import sweeper

    def objective(config):
        meet(Path("met"), OPTIONS["workers"])
        return int(os.environ["CUDA_VISIBLE_DEVICES"] or -1)

    if __name__ == "__main__":
        sweeper.run(
            objective, {"x": list(range(8))}, sweeper.GridSearch(), name="s",
            resources=sweeper.Resources(gpus=OPTIONS["gpus"]),
        )
"""


@pytest.mark.parametrize(("gpus", "seen"), [(0.5, {0: 2, 1: 2}), (0, {-1: 5})])
def test_a_trial_sees_the_gpu_that_it_was_given_and_no_other(tmp_path, cluster, gpus, seen):
    cluster.add_node(num_cpus=4, num_gpus=2)
    workers = sum(seen.values())
    with start(tmp_path, cluster, VISIBLE, gpus=gpus, workers=workers) as driver:
        assert driver.wait(PATIENCE_S) == 0, said(tmp_path)
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    assert frame.groupby("validation_error")["worker"].nunique().to_dict() == seen
    assert ("No trial uses a GPU of the 2 there" in said(tmp_path)) == (gpus == 0)
