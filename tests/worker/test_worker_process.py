"""What an objective finds in a worker of Ray, beside what it finds at home."""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sweeper

pytestmark = pytest.mark.usefixtures("ray_session")
SPACE = {"x": stats.uniform(0, 1)}


@pytest.fixture
def run(run):
    """On one worker, where a test wants no more: each takes seconds of computing to start."""
    return functools.partial(run, num_workers=1)


TIMED = ["start_s", "runtime_s", "worker", "node"]
RNG = np.random.default_rng(0)


def succeeds(results):
    """Whether all trials have finished; else it shows why not."""
    assert set(results.frame["exception"]) == {None}
    return set(results.frame["status"]) == {"finished"}


def forks(config):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(abs, range(4)))


def test_forked_pools_end(run):
    """With Ray's handler of SIGTERM, a worker stood after 7 to 10 such trials."""
    assert succeeds(run(forks, SPACE, sweeper.RandomSearch(30)))


@pytest.mark.parametrize("way", ["multiprocessing", "os"])
def test_the_death_of_a_worker_is_noticed_while_its_child_lives(run, tmp_path, way):
    """The child inherits the worker's connection to Ray, which waits for its end."""
    note, unfinished, end = (tmp_path / name for name in ("child", "unfinished", "end"))

    def live():
        unfinished.write_text(str(os.getpid()))
        unfinished.rename(note)
        time.sleep(120)
        end.touch()

    def objective(config):
        if config["x"] == 1 and not note.exists():
            if way == "multiprocessing":
                multiprocessing.get_context("fork").Process(target=live).start()
            elif os.fork() == 0:
                live()
            while not note.exists():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        return config["x"]

    space, limits = {"x": [0, 1, 2]}, sweeper.Limits(max_failures=1)
    assert succeeds(run(objective, space, sweeper.GridSearch(), limits=limits))
    assert not end.exists()
    with suppress(ProcessLookupError):
        os.kill(int(note.read_text()), signal.SIGKILL)


def test_handlers_arguments_and_main_are_those_of_home(run):
    arguments = list(sys.argv)

    def objective(config):
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert sys.argv == arguments
        assert not hasattr(sys.modules["__main__"], "__file__")
        assert sys.excepthook is sys.__excepthook__
        assert "PYTHONBREAKPOINT" not in os.environ
        masks = multiprocessing.get_context("fork").Pool(1).map(blocked, [None])
        assert masks == [set()]
        return 0.5

    assert succeeds(run(objective, SPACE, sweeper.RandomSearch(2)))


def blocked(nothing):
    return signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_what_one_trial_sets_the_next_one_does_not_find(run, tmp_path):
    def objective(config):
        import torch

        found = [
            os.environ.get("LEFT"), os.getcwd(), torch.get_default_dtype(), np.geterr()["divide"],
            torch.are_deterministic_algorithms_enabled(), torch.empty(()).device.type,
            multiprocessing.get_start_method(allow_none=True),
        ]  # fmt: skip
        os.environ["LEFT"] = "behind"
        os.chdir(tmp_path)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.use_deterministic_algorithms(True)
        np.seterr(divide="ignore")
        multiprocessing.set_start_method("spawn")
        return float(hash(str(found)) % 2**31)

    frame = run(objective, SPACE, sweeper.RandomSearch(6)).frame
    assert set(frame["exception"]) == {None}
    assert frame["validation_error"].nunique() == 1


def draws(config):
    for _ in range(3):
        yield RNG.random()


def same(one, other):
    pd.testing.assert_frame_equal(
        one.frame.drop(columns=TIMED), other.frame.drop(columns=TIMED), check_exact=True
    )


def test_fresh_processes_make_the_same_table_on_any_number_of_workers(run):
    """The module's generator would go on from trial to trial."""

    def objective(config):
        for value in draws(config):
            yield value + config["x"]

    options = {"searcher": sweeper.RandomSearch(4), "scheduler": sweeper.ASHA(), "fresh": True}
    one = run(objective, SPACE, address="inline", **options)
    assert set(one.frame["status"]) == {"finished", "stopped"}
    same(run(objective, SPACE, num_workers=2, **options), one)
    first = np.random.default_rng(0).random()
    assert [row.curve[0][1] for row in one.rows] == [first + r.config["x"] for r in one.rows]


def test_a_fresh_process_that_dies_costs_no_worker(run):
    def objective(config):
        if config["x"] < 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        print("x is", config["x"])
        return config["x"]

    results = run(objective, SPACE, sweeper.RandomSearch(5), fresh=True)
    frame = results.frame
    assert list(frame["status"] == "failed") == list(frame["x"] < 0.5)
    failures = set(frame["exception"]) - {None}
    assert len(failures) == 1
    assert failures.pop().startswith("WorkerDied: the trial's process was ended by SIGKILL")
    assert frame["worker"].nunique() == 1
    text = "".join(path.read_text() for path in (results.folder / "output").iterdir())
    assert text.count("x is") == (frame["status"] == "finished").sum()


# Ray and sweeps inside of a trial


def sweeps(config):
    inner = sweeper.run(
        lambda config: config["y"], {"y": [1, 2]}, sweeper.GridSearch(), progress=False,
        folder=config["folder"], name=f"inner-{os.getpid()}", address=config["address"],
    )  # fmt: skip
    return inner.best_error


@pytest.mark.parametrize("fresh", [False, True])
def test_a_sweep_inside_of_a_trial_is_refused_but_inline(run, tmp_path, fresh):
    space = {"address": [None, "inline"], "folder": str(tmp_path)}
    frame = run(sweeps, space, sweeper.GridSearch(), fresh=fresh).frame
    assert list(frame["status"]) == ["failed", "finished"]
    assert frame["exception"][0].startswith(
        "RuntimeError: sweeper.run inside of a trial would wait forever"
    )
    assert frame["validation_error"][1] == 1


def test_tasks_and_actors_inside_of_a_trial_are_refused_if_they_could_never_begin(run):
    def objective(config):
        import ray

        @ray.remote
        def task():
            return 0.25

        @ray.remote
        class Actor:
            def value(self):
                return 0.5

        if config["kind"] == "task":
            return ray.get(task.remote())
        if config["kind"] == "actor":
            return ray.get(Actor.remote().value.remote())
        if config["kind"] == "actor with a CPU":
            return ray.get(Actor.options(num_cpus=1).remote().value.remote())
        if config["kind"] == "free task":
            return ray.get(task.options(num_cpus=0).remote())
        return ray.get(task.options(scheduling_strategy="DEFAULT").remote())

    space = {"kind": ["task", "actor with a CPU", "actor", "free task", "elsewhere"]}
    frame = run(objective, space, sweeper.GridSearch()).frame
    assert list(frame["status"]) == ["failed"] * 2 + ["finished"] * 3
    for exception in frame["exception"][:2]:
        assert "needs 1 CPU, and would wait forever: inside of a trial" in exception
    assert list(frame["validation_error"])[2:] == [0.5, 0.25, 0.25]


def test_a_script_runs_as_at_home(tmp_path, ray_session):
    """Its models are saved and found again, its errors show their lines."""
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent("""
            import multiprocessing, pickle, sys, traceback
            import sweeper

            class Net:
                pass

            def double(x):
                return 2 * x

            def objective(config):
                assert type(pickle.loads(pickle.dumps(Net()))) is Net
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    assert pool.map(double, [1]) == [2]
                if config["x"]:
                    raise ValueError("no")  # here
                return float(sys.argv[1]) + MORE

            if __name__ == "__main__":
                MORE = 0.25
                results = sweeper.run(objective, {"x": [0, 1]}, sweeper.GridSearch(),
                                      progress=False, folder="runs", num_workers=1)
                print(results.best_error, results.rows[1].traceback)
        """)
    )
    done = subprocess.run(
        [sys.executable, str(script), "0.5"], cwd=tmp_path, capture_output=True, text=True,
        env={
            **os.environ, "PYTHONPATH": os.pathsep.join(sys.path),
            "RAY_ADDRESS": ray_session,
        },
    )  # fmt: skip
    assert done.stdout.startswith("0.75 "), done.stderr
    assert 'raise ValueError("no")  # here' in done.stdout
    assert f'File "{Path(script)}"' in done.stdout
