import os
import threading
import time

import pytest
from waiting import wait_until

import sweeper
from sweeper.sweep.nesting import refuse_in_a_trial
from sweeper.worker.plain_process import IN_A_TRIAL


@pytest.mark.parametrize(
    ("worker", "address", "refused"),
    [
        (None, None, False),
        (None, "local", False),
        ("this", None, True),
        ("this", "auto", True),
        ("this", "local", True),  # a process joins one Ray at a time
        ("this", "inline", False),
        ("another", None, True),
        ("another", "local", False),
        ("another", "inline", False),
    ],
)
def test_what_would_wait_for_ever_is_refused(monkeypatch, worker, address, refused):
    monkeypatch.delenv(IN_A_TRIAL, raising=False)
    if worker is not None:
        process = os.getpid() if worker == "this" else os.getppid()
        monkeypatch.setenv(IN_A_TRIAL, str(process))
    if refused:
        with pytest.raises(RuntimeError, match="inside of a trial would wait forever"):
            refuse_in_a_trial(address)
    else:
        refuse_in_a_trial(address)


@pytest.mark.usefixtures("ray_session")
def test_two_threads_can_not_use_ray_at_once(tmp_path):
    go = tmp_path / "go"

    def waits(config):
        while not go.exists():
            time.sleep(0.05)
        return config["x"]

    options = {"folder": tmp_path, "progress": False}
    first = threading.Thread(
        target=sweeper.run, args=(waits, {"x": [1]}, sweeper.GridSearch()), kwargs=options
    )
    first.start()
    wait_until(lambda: list(tmp_path.glob("*/sweep.json")))
    with pytest.raises(RuntimeError, match="Another thread of this process runs a sweep on Ray"):
        sweeper.run(waits, {"x": [1]}, sweeper.GridSearch(), **options)
    assert len(list(tmp_path.glob("*/sweep.json"))) == 1
    go.touch()
    first.join()
    (folder,) = tmp_path.glob("*/")
    assert sweeper.load(folder).statuses() == "1 finished"
    again = sweeper.run(waits, {"x": [1]}, sweeper.GridSearch(), **options)
    assert again.statuses() == "1 finished"
