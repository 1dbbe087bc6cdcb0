"""Trials in processes of their own, forked from a real server."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

from sweeper.search.asha import ASHA
from sweeper.training.trial import CurrentTrial, StopTrial
from sweeper.worker.fresh_server import FreshTask
from sweeper.worker.fresh_trial import FreshProcesses, FreshTrial
from sweeper.worker.packed_objective import pack_objective
from sweeper.worker.reports import Ended, Reports, never
from sweeper.worker.shared_data import NodeCopy, pack

RNG = np.random.default_rng(0)
GROUP_S = 20  # for which processes may take to vanish


@pytest.fixture
def processes(request, tmp_path):
    """Makes `FreshProcesses` of an objective; none of theirs is left after the test."""
    made = []

    def make(objective, data=None, pause_at=never):
        copy = None if data is None else stack.enter_context(closing(NodeCopy(pack(data))))
        task = FreshTask(pack_objective(objective), copy, pause_at, {"cpus": 1, "gpus": 0})
        output = stack.enter_context(open(tmp_path / "output.txt", "ab"))  # noqa: SIM115
        made.append(FreshProcesses(task, output))
        return made[-1]

    with ExitStack() as stack:
        yield make
        for each in made:
            each.close()
    assert multiprocessing.active_children() == []


def begin(processes, config=None, **options):
    given = {"config": config or {}, "seed": 1, "trial": CurrentTrial(0, 0, 1, config or {})}
    return FreshTrial(processes, given, **options)


def to_the_end(trial):
    points = []
    while isinstance(told := trial.advance(), Reports):
        points += told.points
    return points + told.points, told


@pytest.mark.slow
def test_each_trial_finds_modules_as_they_were(processes):
    def objective(config):
        yield RNG.random()
        yield float(os.getpid())

    made = processes(objective)
    ends = [to_the_end(begin(made)) for _ in range(3)]
    assert [points[0][1] for points, _ in ends] == [np.random.default_rng(0).random()] * 3
    assert len({ended.value for _, ended in ends} | {os.getpid()}) == 4
    assert {ended.status for _, ended in ends} == {"finished"}


@pytest.mark.slow
def test_points_are_told_at_rungs_and_the_stop_runs_finally_blocks(processes, tmp_path):
    def objective(config):
        try:
            for epoch in range(1, 100):
                yield epoch / 100
        except StopTrial:
            (tmp_path / "stopped").touch()
            raise
        finally:
            (tmp_path / "closed").touch()
            print("the last words")

    trial = begin(processes(objective, pause_at=ASHA(3, 2).is_rung))
    assert [point[0] for point in trial.advance().points] == [1, 2, 3]
    assert [point[0] for point in trial.advance().points] == [4, 5, 6]
    trial.stop()
    trial.stop()  # which is nothing more
    assert {path.name for path in tmp_path.iterdir()} == {"stopped", "closed", "output.txt"}
    assert (tmp_path / "output.txt").read_text() == "the last words\n"


@pytest.mark.slow
def test_failures_have_their_traceback(processes):
    def objective(config):
        yield 0.5
        raise KeyError("here")

    points, ended = to_the_end(begin(processes(objective)))
    assert len(points) == 1
    assert (ended.status, ended.exception) == ("failed", "KeyError: 'here'")
    assert 'raise KeyError("here")' in ended.traceback
    assert "fresh_server" not in ended.traceback


@pytest.mark.slow
def test_a_death_is_named_and_tried_again(processes, tmp_path):
    deaths = {
        "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "SIGSEGV": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "exit": lambda: os._exit(3),
    }
    said = {
        "SIGKILL": "was ended by SIGKILL, by which Linux",
        "SIGSEGV": "was ended by SIGSEGV.",
        "exit": r"ended itself with code 3 \(os._exit\).",
    }

    def objective(config):
        yield 0.5
        tries = len(list(tmp_path.glob(f"{config['death']}*")))
        (tmp_path / f"{config['death']}{tries}").touch()
        if tries < config["deaths"]:
            deaths[config["death"]]()
        yield 0.25

    made = processes(objective)
    for death in deaths:
        _, ended = to_the_end(begin(made, {"death": death, "deaths": 9}, max_failures=1))
        assert (ended.status, ended.value) == ("failed", None)
        assert re.match("WorkerDied: the trial's process " + said[death], ended.exception)
        assert len(list(tmp_path.glob(f"{death}*"))) == 2
        _, ended = to_the_end(begin(made, {"death": death, "deaths": 3}, max_failures=1))
        assert (ended.status, ended.value) == ("finished", 0.25)


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0]


def gone(process):
    end = time.monotonic() + GROUP_S
    while alive(process):
        assert time.monotonic() < end
        time.sleep(0.01)
    return True


def starts_a_child(config):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield float(child.pid)
    yield float(os.getpid())
    if config:
        time.sleep(600)


@pytest.mark.slow
def test_no_process_stays(processes):
    """However a trial ends, or its server, of which another one is there for the next trial."""
    made = processes(starts_a_child, pause_at=[1, 2].__contains__)
    for end in ("by itself", "stop", "busy", "server dies", "closed"):
        trial = begin(made, {"sleeps": True} if end == "busy" else None, wait_s=0.5)
        pids = []
        while len(pids) < 2:
            pids += [int(point[1]) for point in trial.advance().points]
        assert all(map(alive, pids)), end
        server = made._server.pid
        if end == "by itself":
            while not isinstance(trial.advance(), Ended):
                pass
        elif end in ("stop", "busy"):
            if end == "busy":
                assert trial.advance() == Reports([])
            trial.stop()
        elif end == "server dies":
            os.kill(server, signal.SIGTERM)
            made._server.wait()
        else:
            made.close()
        assert all(map(gone, pids)), end
        if end == "server dies":
            ended = to_the_end(trial)[1]
            assert ended.exception.startswith("WorkerDied: the trial's process is gone")
            assert to_the_end(begin(made))[1].status == "finished", "another server is there"
        assert alive(server) == (end in ("by itself", "stop", "busy")), end


@pytest.mark.slow
def test_all_die_with_who_started_them():
    code = """
        import os, signal, sys
        sys.path += {path!r}
        from test_fresh_trial import *
        task = FreshTask(pack_objective(starts_a_child), None, [1, 2].__contains__, {{}})
        made = FreshProcesses(task)
        trial = begin(made)
        pids = [int(point[1]) for _ in range(2) for point in trial.advance().points]
        print(made._server.pid, *pids, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    import textwrap

    path = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code.format(path=path))],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 3
    assert all(map(gone, pids))


@pytest.mark.slow
def test_data_is_private_to_each_trial(processes):
    def objective(config, data):
        before = float(data["x"].sum())
        data["x"][:] = 1
        return before

    made = processes(objective, data={"x": np.zeros(100_000)})
    assert [to_the_end(begin(made))[1].value for _ in range(2)] == [0.0, 0.0]


@pytest.mark.slow
def test_what_can_not_be_loaded_fails(processes):
    class Broken:
        def __reduce__(self):
            return int, ("no number",)

        def __call__(self, config):
            return 0.5

    _, ended = to_the_end(begin(processes(Broken())))
    assert ended.status == "failed"
    assert ended.exception.startswith("ValueError: invalid literal for int()")


@pytest.mark.slow
def test_a_death_is_noticed_while_a_forked_child_lives(processes, tmp_path):
    def objective(config):
        if os.fork() == 0:
            time.sleep(120)
            (tmp_path / "end").touch()
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)

    _, ended = to_the_end(begin(processes(objective)))
    assert "ended by SIGKILL" in ended.exception
    assert not (tmp_path / "end").exists()


@pytest.mark.slow
def test_an_objective_has_the_main_thread_of_a_process_as_at_home(processes):
    def objective(config):
        assert threading.current_thread() is threading.main_thread()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return sum(pool.map(abs, [-1, 2]))

    made = processes(objective)
    for _ in range(5):
        assert to_the_end(begin(made))[1].value == 3


@pytest.mark.slow
def test_what_its_module_imports_from_packages_is_loaded_before_a_trial(
    processes, tmp_path, monkeypatch
):
    (tmp_path / "imports_packages.py").write_text(
        "import sys\n"
        "loaded = {'scipy.stats', 'sklearn.datasets._base', 'pandas.core.frame'} & {*sys.modules}\n"
        "from scipy import stats\n"
        "from sklearn.datasets import load_iris\n"
        "table = __import__('pandas').DataFrame()\n"
        "def objective(config):\n"
        "    return len(loaded)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from imports_packages import objective

    assert to_the_end(begin(processes(objective)))[1].value == 3


@pytest.mark.slow
def test_nothing_piles_up(processes):
    made = processes(lambda config: 0.5)
    to_the_end(begin(made))
    before = len(os.listdir("/proc/self/fd"))
    of_server = len(os.listdir(f"/proc/{made._server.pid}/fd"))
    for _ in range(10):
        to_the_end(begin(made))
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(os.listdir(f"/proc/{made._server.pid}/fd")) == of_server
    assert len(os.listdir(f"/proc/{made._server.pid}/task")) == 1
