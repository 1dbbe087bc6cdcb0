"""A process beside a driver that does what the driver itself can't.

Once the driver is dead, Ray's agents would live for another minute; the guard ends them. It also
says how to go on: when one of its agents dies, Ray ends the driver within C++, without a word. And
while the driver joins its Ray, C++ holds Python's lock: if the raylet stands still just then, only
the guard can end it.

This file is run by itself: it imports nothing but the standard library, which takes 20 ms. It reads
`/proc`, so there is a guard on Linux only; only there Ray leaves this to the kernel.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_EVERY_S = 1.0
_LOOKS = 15  # a driver that still can does it sooner
_GRACE_S = 2.0
_AGENTS = 2  # per raylet


def start_guard() -> "subprocess.Popen[bytes] | None":
    """Starts a guard of this process, to be killed in the end; None if there can't be one.

    What is written to its standard input is said on standard error if this process dies before.
    """
    if sys.platform != "linux":
        return None
    command = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd="/", start_new_session=True
    )


def main(driver: int) -> None:
    """Waits until the driver has died, then ends what is left of its Ray."""
    raylet, still = None, 0
    agents: list[int] = []  # noted while the raylet lives: later nothing tells whose they are
    while os.getppid() == driver:
        if raylet is None or _state(raylet) in ("", "Z"):
            raylet, still, agents = _raylet_of(driver), 0, []
        if raylet is not None and len(agents) < _AGENTS:
            agents = [pid for pid in _processes() if _parent(pid) == raylet and _is_agent(pid)]
            if len(agents) == _AGENTS:
                Path("/proc/self/comm").write_text("sweeper-guard")  # shown by `ps` from now on
        still = still + 1 if raylet is not None and _state(raylet) == "T" else 0
        if raylet is not None and still > _LOOKS:
            _kill(raylet)
        time.sleep(_EVERY_S)
    with suppress(OSError):  # nothing was written, or nobody reads it any more
        os.set_blocking(0, False)  # a child of the driver may hold the other end
        os.write(2, os.read(0, 10_000))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 2)  # who waits for the end of the driver's output does not wait for this process
    time.sleep(_GRACE_S)
    for pid in filter(_is_agent, agents):
        _kill(pid)


def _raylet_of(driver: int) -> int | None:
    return next((pid for pid in _processes() if _is_raylet_of(pid, driver)), None)


def _is_raylet_of(pid: int, driver: int) -> bool:
    return _parent(pid) == driver and _read(pid, "comm") == b"raylet\n"


def _is_agent(pid: int) -> bool:
    title = _read(pid, "cmdline")
    return title.startswith(b"ray::") and b"Agent" in title


def _parent(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(b") ")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _state(pid: int) -> str:
    return _read(pid, "stat").rpartition(b") ")[2][:1].decode()


def _read(pid: int, name: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


def _kill(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
