"""A driver that is killed, whose Ray consists of processes that only look like Ray's."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from drivers import running
from processes import with_mark
from waiting import wait_until

from sweeper.cluster import guard

pytestmark = pytest.mark.ray

# Each is called what Ray calls it; the agent outlives the raylet, as Ray's do for a minute.
RAYLET = """
import subprocess, sys, time
open("/proc/self/comm", "w").write("raylet")
for name in "ray::DashboardAgent", "ray::RuntimeEnvAgent", "other":
    subprocess.Popen([name, "-c", "import time; time.sleep(600)", MARK], executable=PYTHON)
time.sleep(600)
"""
DRIVER = """
import subprocess, sys, time
from sweeper.cluster.guard import start_guard

subprocess.Popen(["raylet", "-c", RAYLET, MARK], executable=sys.executable)
guard = start_guard()
guard.stdin.write(b"Go on.\\n")
guard.stdin.flush()
print(guard.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there is no guard elsewhere")
def test_the_agents_of_a_killed_driver_are_ended_and_nothing_else_and_its_last_words_are_said():
    mark = os.urandom(16).hex()
    raylet = f"MARK = {mark!r}\nPYTHON = {sys.executable!r}{RAYLET}"
    code = f"MARK = {mark!r}\nRAYLET = {raylet!r}{DRIVER}"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with running([sys.executable, "-c", code], text=True, **pipes) as driver:
        guards_pid = int(driver.stdout.readline())
        wait_until(lambda: guard._read(guards_pid, "comm") == b"sweeper-guard\n", driver)
        own = [pid for pid in with_mark(mark) if pid != driver.pid]
        assert len(own) == 4
        os.kill(driver.pid, signal.SIGKILL)
        assert driver.stderr.readline() == "Go on.\n"
    wait_until(lambda: not Path(f"/proc/{guards_pid}").exists())
    left = [guard._read(pid, "cmdline").split(b"\0")[0] for pid in own]
    for pid in own:
        guard._kill(pid)
    assert sorted(filter(None, left)) == [b"other", b"raylet"]
