"""Sweeps on several nodes, which share this machine and so its address and files."""

import pytest
from drivers import said, start, wait_until

import sweeper

SCRIPT = """
    import time
    import sweeper

    def objective(config):
        time.sleep(0.3)
        with open("log.txt", "a") as log:
            log.write(f"{config['x']}\\n")
        return config["x"]

    if __name__ == "__main__":
        sweeper.run(objective, {"x": list(range(80))}, sweeper.GridSearch(), name="s")
"""


def test_a_node_that_goes_loses_nothing_and_one_that_comes_gets_a_worker(tmp_path, cluster):
    second = cluster.add_node(num_cpus=1)
    driver = start(tmp_path, cluster, SCRIPT)
    wait_until(lambda: nodes_used(tmp_path) >= 2)
    cluster.remove_node(second, allow_graceful=False)
    cluster.add_node(num_cpus=1)
    assert driver.wait(timeout=200) == 0, said(tmp_path)
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
    import sweeper

    class SlowToLoad:
        def __getstate__(self):
            return {"some": "state"}

        def __setstate__(self, state):
            Path("loading-" + ray.get_runtime_context().get_node_id()).touch()
            time.sleep(4)

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
    driver = start(tmp_path, cluster, STARTS)
    wait_until((tmp_path / f"loading-{second.node_id}").exists)
    cluster.remove_node(second, allow_graceful=False)
    cluster.add_node(num_cpus=2)
    assert driver.wait(timeout=200) == 0, said(tmp_path)
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    assert list(frame["validation_error"]) == list(range(30))
    assert sorted(map(int, (tmp_path / "log.txt").read_text().split())) == list(range(30))


VISIBLE = """
    import os
    import time
    import sweeper

    def objective(config):
        time.sleep(1)
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
    driver = start(tmp_path, cluster, VISIBLE, gpus=gpus)
    assert driver.wait(timeout=200) == 0, said(tmp_path)
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    assert frame.groupby("validation_error")["worker"].nunique().to_dict() == seen
    assert ("No trial uses a GPU of the 2 there" in said(tmp_path)) == (gpus == 0)
