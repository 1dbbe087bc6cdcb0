"""Work with Ray that never ends; and a Ray whose parts are killed while a sweep runs on it."""

import subprocess
import sys
import textwrap
import threading
import time

import pytest
from drivers import running
from killing import by_role, family, kill
from waiting import PATIENCE_S, wait_until

import sweeper
from sweeper.cluster import watchdog
from sweeper.cluster.watchdog import Watch

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


@pytest.mark.ray
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


@pytest.fixture
def endless(monkeypatch):
    """Work that does not end before the test does; what is left of it does no harm."""
    monkeypatch.setattr(watchdog, "start_no_other_ray", lambda: None)
    monkeypatch.setattr(watchdog, "forget_shutdown_at_exit", lambda: None)
    end = threading.Event()
    yield end.wait
    end.set()


@pytest.mark.slow
def test_what_is_waited_for_is_said_once_and_has_a_limit(endless, monkeypatch):
    monkeypatch.setattr(watchdog, "_SAY_AFTER_S", 0.2)
    said: list[str] = []
    with pytest.raises(ConnectionError, match=r"no answer within 1 s \(its nodes\)"):
        Watch(said.append).run(endless, "its nodes", limit_s=1)
    assert said == ["Waiting for Ray: its nodes …"]


def test_a_signal_ends_any_wait(endless):
    reasons: list[BaseException] = []
    watch = Watch(print, lambda: reasons[0] if reasons else None)
    threading.Timer(0.3, lambda: reasons.append(KeyboardInterrupt("heard"))).start()
    with pytest.raises(KeyboardInterrupt, match="heard"):
        watch.run(endless, "its nodes")


def test_work_that_reacts_to_a_signal_itself_has_time_for_that():
    heard = threading.Event()

    def reason() -> BaseException:
        heard.set()
        return KeyboardInterrupt("heard")

    assert Watch(print, reason).run(lambda: heard.wait(60) and 7, "a sweep", grace_s=60) == 7


def test_a_ray_that_does_not_start_is_tried_once_more(monkeypatch):
    monkeypatch.setattr("ray.shutdown", lambda: None)
    tries: list[int] = []
    said: list[str] = []

    def work() -> str:
        tries.append(len(tries))
        if len(tries) % 3:
            raise RuntimeError("no port is free.\nAnd more.")
        return "up"

    told = "Ray did not start: no port is free. No results are lost: run the command again."
    with pytest.raises(ConnectionError, match=told):
        Watch(said.append).start(work, "it starts")
    assert tries == [0, 1]
    assert said == ["Ray did not start: no port is free. Trying once more …"]
    watch = Watch(print)
    assert watch.start(work, "it starts") == "up"
    watch.leave()
