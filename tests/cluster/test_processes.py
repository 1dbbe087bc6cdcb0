"""Processes that look like Ray's, below this one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import ray
from waiting import wait_until

from sweeper.cluster.processes import Processes, end
from sweeper.cluster.ray_internals import descendants_of_ray, psutil

IS_CALLED = "open('/proc/self/comm', 'w').write('{}'); print(flush=True); import time; "
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names them as Linux does")


@contextmanager
def called(name: str) -> Iterator[subprocess.Popen]:
    code = IS_CALLED.format(name) + "time.sleep(600)"
    script = str(Path(ray.__file__).parent / f"{name}.py")
    command = [sys.executable, "-c", code, script]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_raylet_that_has_died_is_told():
    processes = Processes()
    with called("raylet") as raylet, called("log_monitor") as other:
        assert processes.look() == ([], [])
        raylet.kill()
        other.kill()
        os.waitid(os.P_PID, raylet.pid, os.WEXITED | os.WNOWAIT)
        assert processes.look() == (["raylet"], [])
        raylet.wait()
        assert processes.look() == (["raylet"], [])


def test_one_that_died_before_anybody_looked_is_told_as_well():
    with called("gcs_server") as head:
        head.kill()
        os.waitid(os.P_PID, head.pid, os.WEXITED | os.WNOWAIT)
        assert Processes().look() == (["gcs_server"], [])


def test_a_worker_that_dies_is_no_raylet_though_it_was_called_so_while_the_raylet_forked_it():
    """Until it runs Python, the child that becomes a worker has the raylet's name."""
    processes = Processes()
    others = {process.pid for process in processes.now()}  # of the Ray of other tests
    fork = "import os; child = os.fork(); child and print(child, flush=True); "
    code = fork + IS_CALLED.format("raylet") + "time.sleep(600)"
    command = [sys.executable, "-c", code, str(Path(ray.__file__).parent / "raylet.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as raylet:
        try:
            (worker,) = (int(line) for _ in range(3) if (line := raylet.stdout.readline().strip()))
            found = {process.pid for process in processes.now()} - others
            assert found == {raylet.pid, worker}
            assert processes.look() == ([], [])
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: psutil.Process(worker).status() == psutil.STATUS_ZOMBIE)
            assert processes.look() == ([], [])
        finally:
            raylet.kill()
        os.waitid(os.P_PID, raylet.pid, os.WEXITED | os.WNOWAIT)
        assert processes.look() == (["raylet"], [])


def test_what_stands_still_is_ended_but_not_at_once():
    processes = Processes()
    with called("log_monitor") as process:
        state = psutil.Process(process.pid)
        for _ in range(2):
            os.kill(process.pid, signal.SIGSTOP)
            wait_until(lambda: state.status() == psutil.STATUS_STOPPED)
            assert [processes.look() for _ in range(10)] == [([], [])] * 10
            os.kill(process.pid, signal.SIGCONT)  # as fg does after Ctrl-Z
            wait_until(lambda: state.status() != psutil.STATUS_STOPPED)
            assert processes.look() == ([], [])
        os.kill(process.pid, signal.SIGSTOP)
        wait_until(lambda: state.status() == psutil.STATUS_STOPPED)
        assert [ended for _ in range(12) for ended in processes.look()[1]] == ["log_monitor"]
        process.wait(60)


def test_the_end_comes_by_itself_or_by_force():
    processes = Processes(before=descendants_of_ray())  # the Ray of this test run lives on
    with called("one") as one, called("two") as two:
        two.terminate()
        end(processes.now(), grace_s=0.5)
        assert {one.wait(60), two.wait(60)} <= {-signal.SIGKILL, -signal.SIGTERM, 0}


def test_those_of_another_ray_are_left_alone():
    with called("raylet") as other:
        processes = Processes(before=descendants_of_ray())
        with called("raylet") as raylet:
            assert [process.pid for process in processes.now()] == [raylet.pid]
            other.kill()
            os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
            assert processes.look() == ([], [])
