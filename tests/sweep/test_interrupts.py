import fcntl
import os
import signal
import subprocess
import sys
import termios
import textwrap
import time

import pytest

from sweeper.record.results import load
from sweeper.sweep.interrupts import Interrupts


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (signal.SIGINT, KeyboardInterrupt),
        (signal.SIGTERM, SystemExit),
        (signal.SIGHUP, SystemExit),
    ],
)
def test_the_first_signal_is_a_reason_and_handlers_are_given_back(number, kind):
    before = signal.getsignal(number)
    with Interrupts() as interrupts:
        interrupts.listen()
        assert interrupts.reason is None
        os.kill(os.getpid(), number)
        assert isinstance(interrupts.reason, kind)
    assert signal.getsignal(number) is before


def run(code: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True)


SETUP = """
    import os, signal, sys, threading
    from sweeper.sweep.interrupts import Interrupts
    with Interrupts() as interrupts:
        interrupts.listen()
        os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_a_script_at_once(number):
    done = run(SETUP + f"        os.kill(os.getpid(), {number:d})\n        print('not reached')")
    assert (done.returncode, done.stdout) == (128 + number, "")


def test_the_second_signal_leaves_a_notebook_alive():
    done = run(
        SETUP
        + """
        sys.ps1 = ">>> "
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            print("alive")
        """
    )
    assert done.stdout == "alive\n"


def test_in_another_thread_it_does_nothing():
    done = run(
        """
        import threading
        from sweeper.sweep.interrupts import Interrupts

        def work():
            with Interrupts() as interrupts:
                interrupts.listen()
                print(interrupts.reason)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """
    )
    assert (done.stdout, done.stderr) == ("None\n", "")


def test_a_terminal_that_is_closed_ends_a_sweep_once_and_in_order():
    done = run(
        SETUP.replace("SIGTERM", "SIGHUP")
        + "        os.kill(os.getpid(), signal.SIGHUP)\n        print(repr(interrupts.reason))"
    )
    assert done.stdout == "SystemExit(129)\n"


def test_under_nohup_a_sweep_outlives_its_terminal():
    code = "\n    import signal\n    signal.signal(signal.SIGHUP, signal.SIG_IGN)" + SETUP
    done = run(code.replace("SIGTERM", "SIGHUP") + "        print(interrupts.reason)")
    assert done.stdout == "None\n", done.stderr


@pytest.mark.ray
@pytest.mark.parametrize("fresh", [False, True])
def test_a_sweep_whose_terminal_is_closed_can_go_on(tmp_path, fresh):
    """The kernel takes the terminal away and signals that it did: nothing can be printed."""
    (tmp_path / "mine.py").write_text(
        textwrap.dedent(
            """
            import os, sys, time
            from pathlib import Path

            def objective(config):
                if config["x"] == 2:
                    Path("begun").touch()
                    time.sleep(60 if "GO_ON" not in os.environ else 0)
                return config["x"] / 10
            """
        )
    )
    command = [sys.executable, "-m", "sweeper", "run", "mine.py:objective", "--space", "x=[0,1,2]"]
    command += ["--searcher", "grid", "--address", "inline", "--name", "s", "--resume"]
    command += ["--fresh"] * fresh
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as process:  # fmt: skip
        os.close(theirs)
        wait_until((tmp_path / "begun").exists, process)
        os.close(ours)
        assert process.wait(60) == 128 + signal.SIGHUP
    statuses = [row.status for row in load(tmp_path / "runs" / "s").rows]
    assert statuses == ["finished", "finished", "interrupted"]
    subprocess.run(command, cwd=tmp_path, env=os.environ | {"GO_ON": "1"}, check=True)
    assert [row.status for row in load(tmp_path / "runs" / "s").rows] == ["finished"] * 3


def wait_until(is_so, process) -> None:
    while not is_so():
        assert process.poll() is None
        time.sleep(0.05)


@pytest.mark.ray
def test_a_sweep_goes_on_when_nobody_reads_what_it_says(tmp_path):
    code = """
        def objective(config):
            return config["x"] / 100
    """
    (tmp_path / "mine.py").write_text(textwrap.dedent(code))
    command = f"{sys.executable} -m sweeper run mine.py:objective --space 'x=randint(0, 100)' "
    command += "--trials 50 --address inline --name s 2>&1 | head -1; echo ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines()[1:] == ["0"], done
    assert [row.status for row in load(tmp_path / "runs" / "s").rows] == ["finished"] * 50
    assert (tmp_path / "runs" / "s" / "report.html").exists()
