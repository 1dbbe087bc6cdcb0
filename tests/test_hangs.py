"""No process of Ray's that dies or stands still makes a sweep hang, whenever it does.

pytest tests/test_hangs.py --hangs      all processes, both ways, each phase: most of an hour
"""

import itertools
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from drivers import environment, running
from processes import processes_under
from waiting import wait_until

import sweeper

pytestmark = pytest.mark.lab

TRIALS = 6
MOST_S = 120
SCRIPT = """
    import time
    from pathlib import Path

    def objective(config):
        with open(Path(__file__).parent / "log.txt", "a") as log:
            log.write(f"{config['x']}\\n")
        time.sleep(0.5)
        return config["x"] / 10
"""
COMMAND = [
    *(sys.executable, "-m", "sweeper", "run", "mine.py:objective", "--name", "s", "--resume"),
    *("--space", f"x={list(range(TRIALS))}", "--searcher", "grid"),
]
# How each is called in the list of processes.
PROCESSES = {
    "head": r"gcs_server$",
    "raylet": r"raylet$",
    "worker": r"ray::(?!DashboardAgent|RuntimeEnvAgent)",
    "dashboard agent": r"ray::DashboardAgent",
    "environment agent": r"ray::RuntimeEnvAgent",
    "log monitor": r"log_monitor\.py$",
    "monitor": r"autoscaler/.*monitor\.py$",
}
PHASES = ("start", "first trial", "middle", "last trial", "stop")
FEW = [
    ("raylet", "SIGSTOP", "start"),
    ("head", "SIGSTOP", "middle"),
    ("worker", "SIGSTOP", "last trial"),
    ("dashboard agent", "SIGKILL", "middle"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    every = itertools.product(PROCESSES, ("SIGKILL", "SIGSTOP"), PHASES)
    cases = list(every) if metafunc.config.getoption("--hangs") else FEW
    metafunc.parametrize(("process", "number", "phase"), cases)


def test_the_sweep_ends_and_goes_on(tmp_path, process, number, phase):
    (tmp_path / "mine.py").write_text(textwrap.dedent(SCRIPT))
    (tmp_path / "log.txt").touch()
    seen: set[int] = set()
    command = [*COMMAND, "--address", "local", "--workers", "2"]
    with running(
        command, cwd=tmp_path, env=environment(), text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as driver:  # fmt: skip
        wait_until(lambda: reached(tmp_path, phase), driver)
        hit: list[int] = []

        def strikes() -> bool:
            names = processes_with_scripts(driver.pid)
            seen.update(names)
            hit.extend(pid for pid, name in names.items() if re.search(PROCESSES[process], name))
            return bool(hit) or driver.poll() is not None

        wait_until(strikes)
        if hit:  # else the sweep has ended before
            os.kill(hit[0], getattr(signal, number))
        struck = time.monotonic()
        while driver.poll() is None and time.monotonic() - struck < MOST_S:
            seen.update(processes_with_scripts(driver.pid))
            time.sleep(0.1)
        took_s = time.monotonic() - struck
        is_hung = driver.poll() is None
        driver.kill()
        said = driver.communicate()[1]
    print(f"{process} {number} {phase}: exit code {driver.returncode} after {took_s:.0f} s\n{said}")
    assert not is_hung, said
    assert "Traceback" not in said
    if driver.returncode != 0:
        # Ray ends the driver itself, with 1, when one of the raylet's agents has died.
        assert driver.returncode == (1 if "or by Ray" in said else 2)
        assert "Go on with: sweeper resume" in said or "run the command again" in said
    wait_until(lambda: not [pid for pid in seen if is_of_ray(pid)])
    subprocess.run([*COMMAND, "--address", "inline"], cwd=tmp_path, env=environment(), check=True)
    frame = sweeper.load(tmp_path / "runs" / "s").frame
    assert list(frame["status"]) == ["finished"] * TRIALS
    assert list(frame["validation_error"]) == [x / 10 for x in range(TRIALS)]


def reached(folder: Path, phase: str) -> bool:
    """Whether a sweep is so far."""
    begun = (folder / "log.txt").read_text().count("\n")
    record = folder / "runs" / "s" / "trials.jsonl"
    ended = record.read_text().count("\n") if record.exists() else 0
    return {
        "start": True,
        "first trial": begun >= 1,
        "middle": ended >= 2,
        "last trial": begun >= TRIALS,
        "stop": ended >= TRIALS,
    }[phase]


def processes_with_scripts(parent: int) -> dict[int, str]:
    """All descendants of a process, with the scripts of those that run Python."""
    return {
        pid: script_of(pid) if name.startswith("python") else name
        for pid, name in processes_under(parent).items()
    }


def script_of(pid: int) -> str:
    words = command_line(pid).split("\0")
    return next((word for word in words if word.endswith(".py")), words[0])


def is_of_ray(pid: int) -> bool:
    """Whether a process of Ray's still runs."""
    try:
        is_zombie = b") Z " in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return not is_zombie and bool(re.search(r"ray::|/ray/", command_line(pid)))


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
