"""Sweeps on clusters whose nodes come and go; the nodes share this machine and its files.

pytest tests/test_elastic.py --churn 180      nodes are killed and added for three minutes
"""

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from drivers import said, start
from waiting import PATIENCE_S, wait_until

import sweeper
from sweeper.worker.objective import seed_everything

pytestmark = pytest.mark.lab

# No trial ends before workers of so many nodes have met.
MEET = """
    import time
    from pathlib import Path
    import ray
    from waiting import meet
    import sweeper

    def objective(config):
        meet(Path("met"), OPTIONS["nodes"], ray.get_runtime_context().get_node_id())
        time.sleep(0.3)
        return config["x"]

    if __name__ == "__main__":
        sweeper.run(
            objective, {"x": list(range(20))}, sweeper.GridSearch(), name="s",
            num_workers=OPTIONS["num_workers"],
        )
"""


def at_once(frame: Any) -> int:
    """The most trials that ran at the same time."""
    ends = frame["start_s"] + frame["runtime_s"]
    return max(((frame["start_s"] <= s) & (s < ends)).sum() for s in frame["start_s"])


@pytest.mark.parametrize(("num_workers", "used"), [(None, 3), (2, 2)])
def test_nodes_that_join_get_workers_up_to_those_wanted(tmp_path, cluster, num_workers, used):
    with start(tmp_path, cluster, MEET, nodes=used, num_workers=num_workers) as driver:
        wait_until((tmp_path / "met").exists, driver)
        cluster.add_node(num_cpus=1)
        cluster.add_node(num_cpus=1)
        assert driver.wait(PATIENCE_S) == 0, said(tmp_path)
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    assert list(frame["validation_error"]) == list(range(20))
    assert frame["node"].nunique() == used
    assert at_once(frame) == used
    assert "1 worker on Ray at" in said(tmp_path)
    assert ("num_workers=2: only 1 fit: using 1" in said(tmp_path)) == (num_workers == 2)


TRAIN = """
    from pathlib import Path
    import ray
    from scipy import stats
    from waiting import meet
    import sweeper

    def objective(config):
        node = ray.get_runtime_context().get_node_id()
        meet(Path("met") / OPTIONS["name"], OPTIONS["nodes"], node)
        trainer = sweeper.HPOTrainer(max_epochs=1)
        model = sweeper.DropoutMLP(
            num_hiddens_1=config["width"], num_hiddens_2=16, lr=config["lr"]
        )
        trainer.fit(model, sweeper.Digits(batch_size=32))
        return trainer.validation_error()

    if __name__ == "__main__":
        space = {"lr": stats.loguniform(1e-3, 1), "width": [16, 64]}
        sweeper.run(objective, space, sweeper.RandomSearch(8), name=OPTIONS["name"], seed=7)
"""


def test_the_table_is_the_same_on_one_node_and_three(tmp_path, cluster):
    frames = []
    for nodes in (1, 3):
        name = f"on-{nodes}"
        with start(tmp_path, cluster, TRAIN, nodes=nodes, name=name) as driver:
            assert driver.wait(PATIENCE_S) == 0, said(tmp_path)
        frame = sweeper.load(tmp_path / "runs" / name).frame
        assert list(frame["status"]) == ["finished"] * 8
        assert frame["node"].nunique() == nodes
        frames.append(frame.drop(columns=["start_s", "runtime_s", "worker", "node"]))
        for _ in range(3 - nodes):
            cluster.add_node(num_cpus=1)
    assert frames[0]["validation_error"].nunique() > 1
    assert frames[0].equals(frames[1])


BUSY = """
    import threading
    import time
    from pathlib import Path
    import ray
    import sweeper

    ray.init(logging_level="ERROR", log_to_driver=False)

    @ray.remote(num_cpus=1)
    class Other:
        def ready(self):
            return True

    other = Other.remote()
    ray.get(other.ready.remote())

    def release():
        while not Path("release").exists():
            time.sleep(0.1)
        ray.kill(other)

    threading.Thread(target=release).start()
    sweeper.run(lambda config: config["x"], {"x": [1]}, sweeper.GridSearch(), name="s")
"""


def test_a_sweep_whose_cpus_others_use_says_what_it_waits_for(tmp_path, cluster):
    with start(tmp_path, cluster, BUSY) as driver:
        wait_until(lambda: "Waiting for 1 CPU: others use 1 of 1 CPUs." in said(tmp_path), driver)
        (tmp_path / "release").touch()
        assert driver.wait(PATIENCE_S) == 0, said(tmp_path)
    assert sweeper.load(tmp_path / "runs" / "s").best_error == 1


CHURN = """
    import random
    import time
    import sweeper

    def objective(config):
        with open("log.txt", "a") as log:
            log.write(f"{config['x']}\\n")
        time.sleep(0.5)
        return random.random()

    if __name__ == "__main__":
        sweeper.run(
            objective, {"x": list(range(OPTIONS["trials"]))}, sweeper.GridSearch(), name="s",
            limits=sweeper.Limits(max_failures=100),
        )
"""


def test_nodes_that_are_killed_and_added_all_the_time_change_nothing(tmp_path, cluster, request):
    seconds = request.config.getoption("--churn")
    trials = 4 * seconds  # the head's worker alone takes half of them a second
    rng = random.Random(seconds)
    log = tmp_path / "log.txt"
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    began = time.monotonic()
    with start(tmp_path, cluster, CHURN, trials=trials) as driver:
        wait_until(log.exists, driver)
        settled: list[tuple[set[int], Counter[str]]] = []
        churned_until = time.monotonic() + seconds
        while driver.poll() is None and time.monotonic() < churned_until:
            time.sleep(rng.uniform(1, 4))
            cluster.remove_node(nodes.pop(0), allow_graceful=False)
            settled.append((recorded(tmp_path), Counter(log.read_text().split())))
            nodes.append(cluster.add_node(num_cpus=1))
        assert driver.wait(10 * seconds + PATIENCE_S) == 0, said(tmp_path)
    took_s = time.monotonic() - began
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    runs = Counter(log.read_text().split())
    assert list(frame["x"]) == list(range(trials))
    assert list(frame["status"]) == ["finished"] * trials
    assert list(frame["validation_error"]) == [undisturbed(seed) for seed in frame["seed"]]
    assert len(settled) > 1
    for done, runs_then in settled:
        again = {x for x in done if runs[str(x)] != runs_then[str(x)]}
        assert not again, "finished trials were run again"
    print(
        f"{len(settled)} nodes killed, {2 + len(settled)} added, {frame['node'].nunique()} used, "
        f"{trials} trials, {sum(runs.values()) - trials} runs cut off, {took_s:.0f} s"
    )


def recorded(folder: Path) -> set[int]:
    """The trials that have a row by now."""
    try:
        return {row.trial for row in sweeper.load(folder / "runs" / "s").rows}
    except FileNotFoundError:
        return set()


def undisturbed(seed: int) -> float:
    """What the objective returns in a plain loop."""
    seed_everything(seed)
    return random.random()
