"""A driver that is killed, whose Ray consists of processes that only look like Ray's."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from drivers import running
from processes import with_mark
from waiting import wait_until

from sweeper.cluster import guard

# Each is called what Ray calls it; the agent outlives the raylet, as Ray's do for a minute.
DRIVER = """
    import os, subprocess, sys, time
    from sweeper.cluster.guard import start_guard

    code = "open('/proc/self/comm', 'w').write('raylet'); import time; time.sleep(600)"
    environment = {**os.environ, "RAY_NODE_ID": MARK}
    for name, option in ("raylet", f"--node_id={MARK}"), ("ray::Agent", "-"), ("other", "-"):
        its = "import time; time.sleep(600)" if name != "raylet" else code
        subprocess.Popen([name, "-c", its, option], executable=sys.executable, env=environment)
    print(start_guard().pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there is no guard elsewhere")
def test_the_agents_of_a_killed_driver_are_ended_and_nothing_else(tmp_path):
    mark = os.urandom(16).hex()
    code = f"MARK = {mark!r}\n{textwrap.dedent(DRIVER)}"
    with running([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as driver:
        guards_pid = int(driver.stdout.readline())
        wait_until(lambda: guard._raylet_of(driver.pid), driver)
        assert guard._node(guard._raylet_of(driver.pid)) == f"RAY_NODE_ID={mark}".encode()
        own = with_mark(f"RAY_NODE_ID={mark}")
        assert len(own) == 3
        wait_until(lambda: guard._read(guards_pid, "comm") == b"sweeper-guard\n", driver)
        os.kill(driver.pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{guards_pid}").exists())
    left = [guard._read(pid, "cmdline").split(b"\0")[0] for pid in own]
    assert sorted(filter(None, left)) == [b"other", b"raylet"]
    for pid in own:
        guard._kill(pid)
