import os
import signal
import subprocess
import sys
import textwrap

import pytest

from sweeper.sweep.interrupts import Interrupts


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
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
