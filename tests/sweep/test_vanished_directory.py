"""Directories that are removed while a sweep runs, on a Ray of its own that began there."""

import os
import subprocess
import sys
import textwrap

import pandas as pd
import pytest

pytestmark = pytest.mark.ray

SCRIPT = """
import os, shutil, tempfile
import sweeper

def objective(config):
    if config["what"] == "go into one that vanishes":
        with tempfile.TemporaryDirectory() as there:
            os.chdir(there)
    elif config["what"] == "remove the sweep's" and os.path.isdir(START):
        shutil.rmtree(START)
        os._exit(1)  # the next worker starts without it
    return 0.5

START, RUNS = os.environ["START"], os.environ["RUNS"]
if __name__ == "__main__":
    what = ["go into one that vanishes", "nothing", "remove the sweep's", "nothing more"]
    results = sweeper.run(
        objective, {"what": what}, sweeper.GridSearch(), folder=RUNS, name="s", num_workers=1,
        address="local", limits=sweeper.Limits(max_failures=1),
    )
    results.frame.to_json(RUNS + "/frame.json")
"""


def test_a_vanished_directory_kills_no_next_worker(tmp_path):
    start, runs = tmp_path / "start", tmp_path / "runs"
    start.mkdir()
    runs.mkdir()
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    done = subprocess.run(
        [sys.executable, script], cwd=start,
        env=os.environ | {"START": str(start), "RUNS": str(runs)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not start.exists()
    assert set(pd.read_json(runs / "frame.json")["status"]) == {"finished"}
    assert "did not start" not in done.stderr
    assert "memory" not in done.stderr
