"""A sweep that is killed again and again ends with the table of one that was left alone.

pytest tests/test_torture.py --kills 25      the long version
"""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest
import torch  # noqa: F401 (so that it is seeded)
from processes import processes_under

import sweeper
from sweeper.record.rows import Row
from sweeper.worker.objective import seed_everything
from sweeper.worker.objective_reference import load_objective

SCRIPT = """
    import os, random, sys, time
    from pathlib import Path
    import numpy as np
    from scipy import stats
    import sweeper

    def note(what, config):
        with open(Path(__file__).with_name("log.txt"), "a") as file:
            file.write(f"{what} {config['number']}\\n")

    def objective(config):
        note("start", config)
        yield from (trains if config["number"] % 2 else counts)(config)
        note("end", config)

    def counts(config):
        error = config["x"]
        for epoch in range(4):
            time.sleep(config["pause"])
            error = error + random.random() + np.random.random()
            yield error

    def trains(config):
        trainer = sweeper.HPOTrainer(max_epochs=1, checkpoint_every=1)
        model = sweeper.DropoutMLP(num_hiddens_1=16, num_hiddens_2=16, lr=0.1)
        trainer.fit(model, sweeper.Digits())
        yield trainer.validation_error()
        for epoch in range(3):
            time.sleep(config["pause"])
            trainer.fit_epoch()
            yield trainer.validation_error()

    SPACE = {"number": list(range(TRIALS)), "x": [0.5], "pause": [PAUSE]}

    if __name__ == "__main__":
        sweeper.run(
            objective, SPACE, sweeper.GridSearch(), seed=5, name="s", resume=True, num_workers=2,
            limits=sweeper.Limits(max_failures=100), address="local",
        )
"""
PAUSE_S = 0.15  # four a trial


def kill(driver: subprocess.Popen, what: str) -> None:
    """SIGKILL to the driver, to a process of Ray, or to everything at once."""
    below = processes_under(driver.pid)
    # Ray titles a process by what it does. A trial is run by a class that Tune has made of ours.
    titles = ("ray::Worker", "ray::ResourceTrainable")
    workers = [pid for pid, name in below.items() if name.startswith(titles)]
    chosen = {
        "driver": [driver.pid],
        "worker": workers[:1],
        "raylet": [pid for pid, name in below.items() if name == "raylet"],
        "gcs": [pid for pid, name in below.items() if name == "gcs_server"],
        "everything": [driver.pid, *below],
    }[what]
    assert chosen, f"no {what} in {below}"
    for pid in chosen:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if what == "driver":  # a Ray without its driver ends by itself, but not at once
        time.sleep(0.5)
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def finished_on_disk(folder: Path) -> list[Row]:
    try:
        rows = sweeper.load(folder).rows
    except FileNotFoundError:
        return []
    return [row for row in rows if row.status == "finished"]


def started(log: Path) -> int:
    return log.read_text().count("start")


@pytest.mark.usefixtures("one_thread")
def test_killed_again_and_again(tmp_path, request):
    kills = request.config.getoption("--kills")
    script = tmp_path / "script.py"
    trials = 12 * kills  # some end between two kills
    script.write_text(
        textwrap.dedent(SCRIPT).replace("PAUSE", str(PAUSE_S)).replace("TRIALS", str(trials))
    )
    folder, log = tmp_path / "runs" / "s", tmp_path / "log.txt"
    log.touch()
    rng = random.Random(kills)
    done: Counter[str] = Counter()
    settled: dict[int, int] = {}  # trials with a row → how often they had been started by then
    ways = ["driver", "worker", "raylet", "everything", "gcs"]
    while True:
        started_before = started(log)
        with open(tmp_path / "output.txt", "a") as output:
            driver = subprocess.Popen([sys.executable, script], cwd=tmp_path, stderr=output)
        # Long enough for a trial or two to end, as the start of Ray takes most of it.
        wait_for_rows = len(finished_on_disk(folder)) + rng.randrange(2)
        while driver.poll() is None and sum(done.values()) < kills:
            time.sleep(rng.uniform(0.2, 1.0))
            way = ways[sum(done.values()) % len(ways)]
            # Ray itself may wait for minutes if it loses a part of itself while it starts.
            if way in ("driver", "everything") or started(log) > started_before:
                if len(finished_on_disk(folder)) < wait_for_rows:
                    continue
                time.sleep(rng.uniform(0, 2 * PAUSE_S))
                kill(driver, way)
                done[way] += 1
                if way != "worker":
                    break
                wait_for_rows += 2
        try:
            driver.wait(timeout=60 if sum(done.values()) < kills else 400)
        except subprocess.TimeoutExpired:
            kill(driver, "everything")
            pytest.fail(f"hangs after {done}:\n{(tmp_path / 'output.txt').read_text()[-3000:]}")
        starts = Counter(
            line.split()[1] for line in log.read_text().splitlines() if "start" in line
        )
        for number, before in settled.items():
            assert starts[str(number)] == before, f"trial {number} was run again"
        settled = {row.trial: starts[str(row.trial)] for row in finished_on_disk(folder)}
        if driver.returncode == 0:
            break
    assert sum(done.values()) == kills, f"the sweep ended after {done}"
    rows = sweeper.load(folder).rows
    assert [row.trial for row in rows] == list(range(trials))
    for row in rows:
        assert row.status == "finished"
        assert [error for _, error, _ in row.curve] == undisturbed(row, script), row
        assert row.value == row.curve[-1][1]
    assert not list((folder / "checkpoints").iterdir())
    print(dict(done))


def undisturbed(row: Row, script: Path) -> list[float]:
    """The learning curve as a plain loop gives it."""
    objective = load_objective(f"{script}:objective")
    seed_everything(row.seed)
    return [float(error) for error in objective({**row.config, "pause": 0})]
