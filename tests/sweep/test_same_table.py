"""The same table on several real workers as on one, and after kills, also of the driver.

`test_core.py` and `test_simulated_kills.py` show the same of each searcher with and without early
stopping, on any number of workers, simulated; `test_sweep.py` of random search and replicates on
three real ones.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pandas as pd
import pytest
import torch
import waiting
from drivers import running
from uneven import learning_search, uneven

import sweeper

TIMED = ["start_s", "runtime_s", "worker", "node"]


def same(one, other) -> None:
    pd.testing.assert_frame_equal(
        one.frame.drop(columns=TIMED), other.frame.drop(columns=TIMED), check_exact=True
    )
    curves = [r.curves.drop(columns="elapsed_s") for r in (one, other)]
    pd.testing.assert_frame_equal(*curves, check_exact=True)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The sweep of one process, whose searcher has more threads than on Ray."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    results = sweeper.run(
        uneven, **learning_search(), address="inline", progress=False,
        folder=tmp_path_factory.mktemp("alone"),
    )  # fmt: skip
    torch.set_num_threads(threads)
    return results


@pytest.mark.lowest
@pytest.mark.usefixtures("ray_session")
def test_one_worker_and_three(run, alone):
    assert set(alone.frame["status"]) == {"finished", "stopped"}
    same(run(uneven, **learning_search(), num_workers=3), alone)


KILLED = """
    import sys
    from pathlib import Path
    from uneven import learning_search, uneven

    def objective(config):
        with open(Path(__file__).with_name("epochs.txt"), "a") as file:
            for error in uneven(config):
                file.write("epoch\\n")
                file.flush()
                yield error

    if __name__ == "__main__":
        import sweeper

        sweeper.run(
            objective, **learning_search(), progress=False, folder=Path(__file__).parent,
            name="s", resume=True, num_workers=int(sys.argv[1]), address=sys.argv[2])
"""


def test_killed_twice(tmp_path, alone, ray_session):
    """First with the Ray that the driver has started, then alone; it ends on one worker."""
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(script)]  # and the number of workers, and where
    log = tmp_path / "epochs.txt"
    log.touch()
    ended: set = set()
    for address in ("local", ray_session):
        before = len(log.read_text().splitlines())
        with running([*command, "2", address], env=environment, start_new_session=True) as process:
            waiting.wait_until(
                lambda before=before: len(log.read_text().splitlines()) >= before + 12, process
            )
            os.killpg(process.pid, signal.SIGKILL)
        rows = sweeper.load(tmp_path / "s").rows if (tmp_path / "s" / "sweep.json").exists() else []
        settled = {row.key for row in rows if row.status in ("finished", "stopped")}
        assert ended <= settled
        ended = settled
        time.sleep(1)
    subprocess.run([*command, "1", ray_session], env=environment, check=True)
    lines = (tmp_path / "s" / "trials.jsonl").read_text().splitlines()
    assert len(lines) == len(alone.rows), "one line a trial: none was run again"
    same(sweeper.load(tmp_path / "s"), alone)
