"""Sweeps on several nodes, which share this machine and so its address and files."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

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


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head node with one CPU."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    yield cluster
    cluster.shutdown()


def start(script: str, cluster: Cluster, folder: Path) -> subprocess.Popen:
    """A driver that sweeps on the cluster; what it says goes to a file."""
    (folder / "script.py").write_text(textwrap.dedent(script))
    environment = {**os.environ, "RAY_ADDRESS": cluster.address}
    command = [sys.executable, "script.py"]
    with open(folder / "said.txt", "w") as said:
        return subprocess.Popen(command, cwd=folder, stderr=said, env=environment)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_node_that_goes_loses_nothing_and_one_that_comes_gets_a_worker(tmp_path, cluster):
    second = cluster.add_node(num_cpus=1)
    driver = start(SCRIPT, cluster, tmp_path)
    wait_until(lambda: nodes_used(tmp_path) >= 2)
    cluster.remove_node(second, allow_graceful=False)
    cluster.add_node(num_cpus=1)
    assert driver.wait(timeout=200) == 0, (tmp_path / "said.txt").read_text()
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
    driver = start(STARTS, cluster, tmp_path)
    wait_until((tmp_path / f"loading-{second.node_id}").exists)
    cluster.remove_node(second, allow_graceful=False)
    cluster.add_node(num_cpus=2)
    assert driver.wait(timeout=200) == 0, (tmp_path / "said.txt").read_text()
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    assert list(frame["validation_error"]) == list(range(30))
    assert sorted(map(int, (tmp_path / "log.txt").read_text().split())) == list(range(30))
