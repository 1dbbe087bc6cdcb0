"""A Ray whose parts are killed while a sweep runs on it."""

import subprocess
import sys
import textwrap
import time

import pytest
from test_torture import kill

import sweeper

SCRIPT = """
    import time
    import sweeper

    def objective(config):
        time.sleep(config["x"])
        return config["x"]

    if __name__ == "__main__":
        space = {"x": [0.25, 0.5, 1000, 2000]}
        sweeper.run(objective, space, sweeper.GridSearch(), name="s", num_workers=2,
                    address="local")
"""


@pytest.mark.parametrize(
    ("part", "told"), [("raylet", "Ray on this machine"), ("gcs", "Ray's head")]
)
def test_the_death_of_ray_ends_the_sweep_resumable(tmp_path, part, told):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as driver:
        journal = tmp_path / "runs" / "s" / "trials.jsonl"
        deadline = time.monotonic() + 120
        while not journal.exists() or journal.read_text().count("\n") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(1)
        kill(driver, part)
        printed = driver.communicate(timeout=120)[1]
    assert driver.returncode == 1
    assert f"ConnectionError: {told}" in printed
    assert "Stopped: 2 finished, 2 interrupted. Go on with: sweeper resume runs/s" in printed
    assert list(sweeper.load(tmp_path / "runs" / "s").frame["status"]) == [
        *("finished", "finished", "interrupted", "interrupted")
    ]
