import subprocess
import sys
import textwrap

import pytest
from ray.tune.experiment import Trial

from sweeper.attempts import SPARE_STARTS, Attempts

# What happens to a trial: it begins, its worker dies while it runs, or dies before it began.
BEGINS, DIES, STARTS_NOT = "begins", "dies", "starts not"


@pytest.mark.parametrize(
    ("max_failures", "story", "given_up"),
    [
        (0, [BEGINS, DIES], True),
        (0, [STARTS_NOT, BEGINS, DIES], True),
        (0, [STARTS_NOT] * SPARE_STARTS + [BEGINS], False),
        (0, [STARTS_NOT] * (SPARE_STARTS + 1), True),
        (1, [BEGINS, DIES, STARTS_NOT, BEGINS], False),
        (1, [BEGINS, DIES, STARTS_NOT, BEGINS, DIES], True),
        (2, [STARTS_NOT, BEGINS, DIES, STARTS_NOT, STARTS_NOT, BEGINS, DIES, BEGINS], False),
    ],
)
def test_only_deaths_after_the_beginning_use_up_the_limit(max_failures, story, given_up):
    trial = Trial("any", max_failures=max_failures + SPARE_STARTS, stub=True)
    attempts = Attempts(max_failures)
    for number, event in enumerate(story):
        if event == BEGINS:
            attempts.on_trial_start(0, [], trial)
            continue
        trial.run_metadata.num_failures += 1  # as Tune does, of either kind
        if not trial.should_recover():
            assert number == len(story) - 1
            assert given_up
            return
        attempts.on_trial_recover(0, [], trial)
    assert not given_up


def test_a_node_that_goes_while_workers_start_on_it_fails_no_trial(tmp_path):
    """A node goes before its workers are ready, with no death allowed, and later one comes."""
    code = """
        import threading, time
        from pathlib import Path
        from ray.cluster_utils import Cluster
        import ray
        import sweeper

        class SlowToLoad:
            def __setstate__(self, state):
                Path("loading").touch()
                time.sleep(4)

            def __call__(self, config):
                with open("log", "a") as file:
                    file.write(f"{config['number']}\\n")
                time.sleep(0.5)
                return config["number"]

            def __getstate__(self):
                return {"loaded": True}

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        first, second = [cluster.add_node(num_cpus=2) for _ in range(2)]
        cluster.connect()

        def go_and_come():
            while not Path("loading").exists():
                time.sleep(0.1)
            time.sleep(2)
            assert not Path("log").exists()  # nothing has begun
            cluster.remove_node(first, allow_graceful=False)
            while not Path("log").exists() or len(Path("log").read_text().split()) < 8:
                time.sleep(0.1)
            cluster.add_node(num_cpus=2)

        thread = threading.Thread(target=go_and_come)
        thread.start()
        results = sweeper.run(
            SlowToLoad(), {"number": list(range(24))}, sweeper.GridSearch(), name="s",
            limits=sweeper.Limits(max_failures=0),
        )
        thread.join()
        frame = results.frame
        assert list(frame["status"]) == ["finished"] * 24, frame.to_string()
        assert list(frame["validation_error"]) == list(range(24))
        assert sorted(map(int, Path("log").read_text().split())) == list(range(24))
        print("nodes:", frame["node"].nunique())
        ray.shutdown()
        cluster.shutdown()
    """
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(code))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "nodes: " in done.stdout
