import subprocess
import sys
import textwrap

from sweeper.worker.plain_process import home_arguments


def run(code: str, *options: str) -> str:
    """What a Python of its own prints, which these functions change for good."""
    command = [sys.executable, *options, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_process_becomes_like_a_new_one():
    """Handlers as in a Python that nothing was done to; the old `__main__` goes on running."""
    printed = run(
        """
        import os, signal, sys
        from sweeper.worker.plain_process import become_plain
        def handlers():
            return {number: signal.getsignal(number) for number in signal.Signals}
        before = handlers()
        def ours(number, frame): pass
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, ours)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        sys.excepthook = ours
        os.environ["PYTHONBREAKPOINT"] = "ray.util.rpdb.set_trace"
        become_plain(["train.py", "--lr", "1"])
        assert handlers() == before
        assert sys.excepthook is sys.__excepthook__
        assert sys.argv == ["train.py", "--lr", "1"]
        assert "PYTHONBREAKPOINT" not in os.environ
        assert set(vars(sys.modules["__main__"])) == set(vars(type(sys)("m"))) | {"__builtins__"}
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == {signal.SIGINT}
        if os.fork() == 0:
            os._exit(bool(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
        print(os.wait()[1], ours.__name__)
        """
    )
    assert printed == "0 ours\n"


def test_a_users_own_choice_of_debugger_stays():
    code = """
        import os
        from sweeper.worker.plain_process import become_plain
        os.environ["PYTHONBREAKPOINT"] = "ipdb.set_trace"
        become_plain([])
        print(os.environ["PYTHONBREAKPOINT"])
    """
    assert run(code) == "ipdb.set_trace\n"


def test_the_arguments_of_sweepers_own_command_are_not_the_scripts(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "--lr", "1"])
    assert home_arguments("train.py") == ["train.py", "--lr", "1"]
    monkeypatch.setattr(sys, "argv", ["/usr/bin/sweeper", "run", "train.py:objective"])
    assert home_arguments("train.py") == ["train.py"]
