"""A Ray whose parts are killed while a sweep runs on it."""

import subprocess
import sys
import textwrap
import time

import pytest
from drivers import running
from killing import by_role, family, kill
from waiting import PATIENCE_S, wait_until

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
    ("part", "told"), [("raylet", "Ray on this machine"), ("GCS", "Ray's head")]
)
def test_the_death_of_ray_ends_the_sweep_resumable(tmp_path, part, told):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(script)]
    journal = tmp_path / "runs" / "s" / "trials.jsonl"
    with running(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as driver:
        wait_until(lambda: journal.exists() and journal.read_text().count("\n") >= 2, driver)
        time.sleep(1)
        kill(by_role(family(driver.pid))[part])
        printed = driver.communicate(timeout=PATIENCE_S)[1]
    assert driver.returncode == 1
    assert f"ConnectionError: {told}" in printed
    assert "Stopped: 2 finished, 2 interrupted. Go on with: sweeper resume runs/s" in printed
    assert list(sweeper.load(tmp_path / "runs" / "s").frame["status"]) == [
        *("finished", "finished", "interrupted", "interrupted")
    ]
