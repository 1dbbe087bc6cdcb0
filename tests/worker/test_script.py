"""Commands as real processes, which end as a whole."""

import io
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from processes import processes_under, with_mark
from waiting import wait_until

from sweeper.worker import script
from sweeper.worker.script import Script


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def run(arguments: list[str], **environment: str) -> tuple[int | None, bytes]:
    """The exit code, and what was printed."""
    output = io.BytesIO()
    with Script(arguments, {**os.environ, **environment}, output) as running:
        read = b""
        while (chunk := running.read()) is not None:
            read += chunk
    assert read == output.getvalue()
    return running.returncode, read


# A family: a child, one in a session of its own, and an orphan of that; all deaf to SIGTERM.
FAMILY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for own_session in (False, True):
    if os.fork() == 0:
        if own_session:
            os.setsid()
            if os.fork():
                os._exit(0)
        break
print("here", flush=True)
time.sleep(3600)
"""


@pytest.fixture
def mark(tmp_path):
    """A mark of this test's own, of which no process is left at its end."""
    yield f"MARK={tmp_path}"
    assert with_mark(f"MARK={tmp_path}") == []


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(script, "GRACE_S", 0.3)


def until_all_are_here(running: Script) -> None:
    heard = b""
    while heard.count(b"here") < 3:
        heard += running.read() or b""


def test_output_in_order_and_the_exit_code():
    code = "import sys; print(1); print(2, file=sys.stderr, flush=True); print(3); sys.exit(7)"
    assert run(python(code), PYTHONUNBUFFERED="1") == (7, b"1\n2\n3\n")
    assert run(["true"]) == (0, b"")


def test_much_output_arrives_whole():
    code = "import sys; sys.stdout.write('x' * 3_000_000)"
    returncode, read = run(python(code))
    assert (returncode, len(read)) == (0, 3_000_000)


def test_it_has_no_files_but_the_standard_ones():
    _, read = run(python("import os; print(os.listdir('/proc/self/fd'), os.read(0, 9))"))
    assert sorted(eval(read.partition(b"]")[0] + b"]")) == ["0", "1", "2", "3"]  # 3 lists them
    assert read.endswith(b"b''\n")


def test_arguments_arrive_as_they_are():
    values = ["", " ", "'", '"', "$HOME", "`id`", "; rm -rf /", "*", "\\", "a\nb", "--", "-x", "é√"]
    _, read = run(python("import sys; print(ascii(sys.argv[1:]))", *values))
    assert eval(read) == values


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_told_apart_from_an_exit_code(number):
    assert run(python(f"import os; os.kill(os.getpid(), {int(number)})"))[0] == -number


def test_signals_have_their_usual_meaning():
    code = (
        "import signal\nfor n in (signal.SIGPIPE, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):\n"
        " print(signal.getsignal(n) == signal.SIG_DFL)\nprint(signal.pthread_sigmask(0, []))"
    )
    # Python itself ignores SIGPIPE, so a shell is asked as well.
    assert run(python(code))[1].split() == [b"False", b"True", b"True", b"True", b"set()"]
    assert run(["sh", "-c", "kill -PIPE $$"])[0] == -signal.SIGPIPE


def test_what_can_not_be_started_is_an_error_here(tmp_path):
    (tmp_path / "text").touch(mode=0o755)
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        run(["no-such-program"])
    with pytest.raises(PermissionError, match=str(tmp_path)):
        run([str(tmp_path)])
    with pytest.raises(OSError, match="Argument list too long"):
        run(["true", "x" * (1 << 20)])
    with pytest.raises(ValueError, match="null byte"):
        run(["true", "\0"])
    with pytest.raises(OSError, match="Exec format error"):  # only a shell would try sh
        run([str(tmp_path / "text")])


def test_waiting_for_output_can_be_cut_short():
    with Script(["sleep", "3600"], os.environ, io.BytesIO()) as running:
        assert running.read(timeout_s=0.05) == b""
    assert running.returncode == -signal.SIGTERM


def test_a_kind_end_lets_it_say_its_last_words(mark):
    code = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('x' * 200_000)))\n"
        "os.write(1, b'here\\n')\ntime.sleep(3600)"
    )
    output = io.BytesIO()
    with Script(python(code), {**os.environ, "MARK": mark.partition("=")[2]}, output) as running:
        running.read()
    assert output.getvalue() == b"here\n" + b"x" * 200_000 + b"\n"
    assert running.returncode == 0


def test_leaving_the_block_ends_the_whole_family(mark, impatient):
    with Script(
        python(FAMILY), {**os.environ, "MARK": mark.partition("=")[2]}, io.BytesIO()
    ) as running:
        until_all_are_here(running)
        assert len(with_mark(mark)) == 5  # with the keeper and its parent
    assert running.returncode == -signal.SIGKILL


def test_what_a_command_leaves_behind_ends_with_it(mark, impatient):
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {FAMILY!r}])\nprint(5)"
    returncode, read = run(python(code), MARK=mark.partition("=")[2])
    assert returncode == 0
    assert b"5\n" in read


def test_an_exception_while_it_is_silent_ends_it(mark, impatient):
    main = threading.main_thread().ident
    before = signal.signal(signal.SIGUSR1, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    timer = threading.Timer(0.5, lambda: signal.pthread_kill(main, signal.SIGUSR1))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run(["sleep", "3600"], MARK=mark.partition("=")[2])
    signal.signal(signal.SIGUSR1, before)


WORKER = """
import os, sys, time
from sweeper.worker import script
script.GRACE_S = 0.3
with open(os.devnull, "wb") as nowhere:
    with script.Script(sys.argv[1:], os.environ, nowhere) as running:
        heard = b""
        while heard.count(b"here") < 3:
            heard += running.read()
        print("here", flush=True)
        while running.read() is not None:
            pass
        print(running.returncode, flush=True)
"""


@pytest.mark.parametrize("whom", ["worker", "keeper", "group of the worker"])
def test_no_process_outlives_a_kill(mark, whom):
    environment = {**os.environ, "MARK": mark.partition("=")[2]}
    worker = subprocess.Popen(
        python(WORKER, *python(FAMILY)), env=environment, stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert worker.stdout.readline() == b"here\n"
    wait_until(lambda: len(in_lost_sessions(mark)) == 1)
    (orphan,) = in_lost_sessions(mark)
    if whom == "worker":
        worker.kill()
    elif whom == "keeper":
        ours = [pid for pid in with_mark(mark) if b"keeper.py" in of(pid, "cmdline")]
        (keeper,) = [
            pid for pid in ours if int(of(pid, "stat").rsplit(b")")[-1].split()[1]) in ours
        ]
        os.kill(keeper, signal.SIGKILL)
    else:
        os.killpg(worker.pid, signal.SIGKILL)
    assert worker.wait() in (0, -signal.SIGKILL)
    if whom == "keeper":
        # Nobody is left who knows of the one that is in a session of its own: only it may stay.
        wait_until(lambda: {*with_mark(mark)} <= {orphan})
        with suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGKILL)
    wait_until(lambda: not with_mark(mark))


def in_lost_sessions(mark: str) -> list[int]:
    """Those of the processes with a mark whose session was begun by one that has ended."""
    alive = with_mark(mark)
    return [pid for pid in alive if os.getsid(pid) not in alive]


def of(pid: int, what: str) -> bytes:
    return Path(f"/proc/{pid}/{what}").read_bytes()


def test_no_thread_process_or_file_is_left_behind():
    def counted() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    run(["true"])
    before, children = counted(), set(processes_under(os.getpid()))
    for _ in range(10):
        run(["true"])
        with pytest.raises(FileNotFoundError):
            run(["no-such-program"])
    assert counted() == before
    # An earlier test in this process may have left a child.
    assert set(processes_under(os.getpid())) <= children


def test_ten_at_a_time_do_not_disturb_each_other():
    results: dict[int, tuple] = {}
    code = "import sys, time; time.sleep(0.2); print(sys.argv[1]); sys.exit(int(sys.argv[1]))"

    def one(number: int) -> None:
        results[number] = run(python(code, str(number)))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: (n, f"{n}\n".encode()) for n in range(10)}
