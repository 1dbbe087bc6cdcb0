"""Sweeps that a laptop sends to a head: both are this machine, with a home each."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from drivers import running
from made_records import sweep as write_sweep
from ray.job_submission import JobStatus
from scipy import stats
from waiting import PATIENCE_S, wait_until

import sweeper
from sweeper.record.own_sweeps import Head
from sweeper.remote.job import follow

MINE = """
    import os
    import time
    from neighbour import distance

    def objective(config):
        yield 1.0
        yield distance(config["x"])

    def held(config):
        with open(config["gate"] + "-reached", "ab", buffering=0) as reached:
            reached.write(b".")
            number = reached.tell()
        while number > os.path.getsize(config["gate"]):
            time.sleep(0.05)
        yield from objective(config)

    def raises(config):
        raise RuntimeError("as asked")
"""
SPACE = ["--space", "x=uniform(0,1)", "--workers", "1"]
TOO_LARGE = 110_000_000  # bytes; Ray takes 100 MB


@pytest.fixture
def laptop(tmp_path, head, monkeypatch) -> Path:
    """A directory with an objective that needs a neighbour, on a machine with the token."""
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(head.token))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(textwrap.dedent(MINE))
    (tmp_path / "neighbour.py").write_text("def distance(x):\n    return abs(x - 0.3)\n")
    return tmp_path


class Gate:
    """What trials of the objective `held` come to, which lets so many of them pass: 6 at first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.held = ["mine.py:held", *SPACE, "--space", f"gate='{path}'"]
        self.let(6)

    def let(self, more: int) -> None:
        with self._path.open("ab") as file:
            file.write(b"." * more)


@pytest.fixture
def gate(laptop) -> Iterator[Gate]:
    gate = Gate(laptop / "gate")
    yield gate
    gate.let(1000)  # whatever a test that failed leaves there


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sweeper", *arguments]


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=PATIENCE_S)


def start(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return running(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def num_rows(folder: Path) -> int:
    path = folder / "trials.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def statuses(folder: Path) -> list[str]:
    return list(sweeper.load(folder).frame["status"])


def test_a_sent_sweep_is_the_one_that_would_have_run_here(laptop, head, ray_session, run):
    (laptop / "sweep.yaml").write_text(
        f"objective: mine.py:objective\nspace: {{x: 'uniform(0, 1)'}}\ntrials: 7\nworkers: 2\n"
        f"name: sent\naddress: {head.url}\n"
    )
    (laptop / "runs" / "old").mkdir(parents=True)
    (laptop / "runs" / "old" / "large").write_bytes(os.urandom(TOO_LARGE))  # it stays here
    done = sweep("run", "sweep.yaml")
    assert done.returncode == 0, done.stderr
    assert "best: " in done.stdout
    assert "7/7 trials" in done.stderr
    assert "Running entrypoint" not in done.stderr
    assert "INFO" not in done.stderr
    for name in ("sweep.json", "trials.jsonl"):
        there = head.home / "runs" / "sent" / name
        assert there.read_bytes() == (laptop / "runs" / "sent" / name).read_bytes()
    assert (laptop / "runs" / "sent" / "report.html").exists()

    here = run(lambda config: abs(config["x"] - 0.3), {"x": stats.uniform(0, 1)},
               sweeper.RandomSearch(num_trials=7), name="here")  # fmt: skip
    columns = ["trial", "replicate", "x", "validation_error", "status", "seed"]
    sent = sweeper.load(laptop / "runs" / "sent").frame
    assert sent[columns].equals(here.frame[columns])


def test_a_script_travels_with_its_directory(laptop, head):
    script = laptop / "train.py"
    script.write_text(
        "import neighbour, sys; print('loss', neighbour.distance(float(sys.argv[1])))"
    )
    arguments = ["--command", "python train.py {x}", "--metric", "loss", *SPACE, "--trials", "2"]
    done = sweep("run", *arguments, "--address", head.url)
    assert done.returncode == 0, done.stderr
    (folder,) = (laptop / "runs").iterdir()
    assert folder.name.endswith("_Command")
    assert statuses(folder) == ["finished"] * 2

    done = sweep("confirm", str(folder), "--top", "1", "--replicates", "2")
    assert done.returncode == 0, done.stderr
    assert "in each of its 2 replicates" in done.stdout
    (there,) = (head.home / "runs" / folder.name).glob("confirm-*")
    assert statuses(there) == ["finished"] * 2


def test_every_trial_failed_is_no_success(laptop, head):
    done = sweep("run", "mine.py:raises", *SPACE, "--trials", "2", "--address", head.url)
    assert done.returncode == 1
    assert "All 2 trials failed" in done.stderr
    assert "as asked" in done.stderr


def test_a_mistake_is_told_as_here_and_leaves_no_folder(laptop, head):
    done = sweep("run", "mine.py:objektive", *SPACE, "--address", head.url)
    assert done.returncode == 2
    assert "mine.py has no function 'objektive'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((laptop / "runs").iterdir()) == []


def test_a_directory_that_is_too_large_to_travel_is_named(laptop, head):
    (laptop / "large").write_bytes(os.urandom(TOO_LARGE))
    done = sweep("run", "mine.py:objective", *SPACE, "--trials", "1", "--address", head.url)
    assert done.returncode == 2
    assert f"{laptop} is too large to travel to a cluster (Ray takes 100 MB)" in done.stderr
    assert list((laptop / "runs").iterdir()) == []


def test_what_ctrl_c_stopped_goes_on_there_and_a_killed_laptop_finds_it_again(laptop, head, gate):
    arguments = ["run", *gate.held, "--name", "left", "--address", head.url, "--trials"]
    folder = laptop / "runs" / "left"
    with start(*arguments, "40") as driver:
        wait_until(lambda: num_rows(folder) >= 4, driver)
        driver.send_signal(signal.SIGINT)
        said = driver.communicate(timeout=PATIENCE_S)[1]
    assert driver.returncode == 130
    assert "Go on with: sweeper resume runs/left" in said
    assert 4 <= statuses(folder).count("finished") < 40

    stopped = num_rows(folder)
    gate.let(6)
    with start("resume", "runs/left", "--trials", "42") as driver:
        wait_until(lambda: num_rows(folder) >= stopped + 2, driver)
        driver.kill()
    assert statuses(folder).count("finished") < 42
    gate.let(42)
    done = sweep("attach", "runs/left")
    assert done.returncode == 0, done.stderr
    assert "best: " in done.stdout
    rows = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    ended = [row["trial"] for row in rows if row["status"] == "finished"]
    assert sorted(ended) == list(range(42))
    assert (head.home / "runs" / "left" / "trials.jsonl").read_bytes() == (
        folder / "trials.jsonl"
    ).read_bytes()

    again = sweep(*arguments, "42", "--resume")
    assert again.returncode == 0, again.stderr
    assert "all 42 trials are recorded" in again.stderr
    taken = sweep(*arguments, "42")
    assert taken.returncode == 2
    assert "exists already" in taken.stderr


def test_where_only_the_laptop_knows_of_a_sweep_it_goes_on_once_the_user_says_where(
    laptop, head, tmp_path, monkeypatch
):
    """First nobody but its folder knows that it was sent, as one of an older sweeper or from
    another machine; then the head knows nothing of it either.
    """
    arguments = ["run", "mine.py:objective", *SPACE, "--trials", "2", "--name", "old"]
    assert sweep(*arguments, "--address", head.url).returncode == 0
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another-home"))
    for command in ("attach", "resume"):
        done = sweep(command, "runs/old")
        assert done.returncode == 2
        assert "its job.json says that it was sent to" in done.stderr
        assert f"say so: sweeper {command} runs/old --address {head.url}" in done.stderr
    job = (laptop / "runs" / "old" / "job.json").read_bytes()
    done = sweep("attach", "runs/old", "--address", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "No dashboard of a Ray cluster answers" in done.stderr
    assert (laptop / "runs" / "old" / "job.json").read_bytes() == job
    assert sweep("attach", "runs/old", "--address", head.url).returncode == 0
    assert sweep("attach", "runs/old").returncode == 0

    # The head has lost its record, and gets it back from the laptop.
    before = (laptop / "runs" / "old" / "trials.jsonl").read_bytes()
    (head.home / "runs").rename(head.home / "elsewhere")
    done = sweep("resume", "runs/old", "--trials", "3")
    assert done.returncode == 2
    assert "the head has no record of old any more, only your machine has" in done.stderr
    assert "ray rsync-up cluster.yaml runs/old/ runs/old/" in done.stderr
    assert (laptop / "runs" / "old" / "trials.jsonl").read_bytes() == before

    # It has run that objective itself, and so goes on with it.
    shutil.copytree(laptop / "runs" / "old", head.home / "runs" / "old")  # rsync makes one folder
    done = sweep("resume", "runs/old", "--trials", "3")
    assert done.returncode == 0, done.stderr
    assert (laptop / "runs" / "old" / "trials.jsonl").read_bytes().startswith(before)
    assert statuses(laptop / "runs" / "old") == ["finished"] * 3


class Link:
    """A way to the head that can fall silent, and be cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._ends: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.is_cut = False
        self._carries = threading.Event()
        self._carries.set()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            near = self._server.accept()[0]
            if self.is_cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._to))
            self._ends += [near, far]
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while content := source.recv(65536):
                self._carries.wait()
                target.sendall(content)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def fall_silent(self) -> None:
        """Until it is mended nothing comes through, which no end is told."""
        self._carries.clear()

    def cut(self) -> None:
        self.is_cut = True
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def mend(self) -> None:
        self.is_cut = False
        self._carries.set()


@pytest.fixture
def link(head) -> Iterator[Link]:
    link = Link(head.port)
    yield link
    link.cut()


# A laptop whose patience with a head that is away is so many seconds instead of a minute.
IMPATIENT = """
import sys
from sweeper.cli.main import main
from sweeper.remote import job
job.follow.__defaults__ = (float(sys.argv[1]),)
sys.exit(main(sys.argv[2:]))
"""


def start_impatient(
    patience_s: int, *arguments: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    command = [sys.executable, "-c", IMPATIENT, str(patience_s), *arguments]
    return running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said_until(text: str, driver: subprocess.Popen[str]) -> str:
    """What a driver says up to the line with this."""
    said = ""
    for line in driver.stderr:
        said += line
        if text in line:
            return said
    pytest.fail(f"never says {text!r}: {said}")


def test_a_lost_connection_is_made_anew_and_nothing_is_shown_twice(laptop, head, link, gate):
    arguments = ["run", *gate.held, "--trials", "50", "--name", "lost"]
    folder, there = laptop / "runs" / "lost", head.home / "runs" / "lost"
    patience_s = 6
    with start_impatient(
        patience_s, *arguments, "--address", f"http://127.0.0.1:{link.port}"
    ) as driver:
        wait_until((folder / "job.json").exists, driver)
        followed_s = time.monotonic()
        wait_until(lambda: num_rows(folder) == 6, driver)
        wait_until(lambda: time.monotonic() > followed_s + patience_s + 1)
        link.fall_silent()
        gate.let(6)
        wait_until(lambda: num_rows(there) >= num_rows(folder) + 5)  # it goes on
        link.cut()
        said_first = said_until("Trying again", driver)
        link.mend()  # at once, since patience is short
        wait_until(lambda: num_rows(folder) == 12, driver)
        gate.let(50)
        printed, said = driver.communicate(timeout=PATIENCE_S)
    said = said_first + said
    assert driver.returncode == 0, said
    assert said.count("is lost; the job goes on. Trying again") == 1
    assert said.count(" worker on Ray at ") == 1
    assert said.count("50/50 trials") == 1
    assert printed.count("best: ") == 1
    assert statuses(folder) == ["finished"] * 50


def test_a_name_that_is_taken_on_the_head_is_refused_and_nothing_of_it_is_fetched(laptop, head):
    taken = head.home / "runs" / "taken"
    taken.mkdir(parents=True)
    write_sweep(taken)
    done = sweep("run", "mine.py:objective", *SPACE, "--name", "taken", "--address", head.url)
    assert done.returncode == 2, done.stderr
    assert "exists already on the head" in done.stderr
    assert not (laptop / "runs" / "taken").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [(["--name", "../x"], "name must be the name of one folder"), (["--resume"], "needs the name")],
)
def test_names_are_checked_before_anything_is_sent(laptop, given, message):
    done = sweep("run", "mine.py:objective", *SPACE, *given, "--address", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert message in done.stderr


def test_a_head_that_is_away_too_long_keeps_the_job_and_ctrl_c_stops_it_once_it_is_back(
    laptop, head, link, gate
):
    arguments = ["run", *gate.held, "--trials", "40", "--name", "away"]
    folder = laptop / "runs" / "away"
    url = f"http://127.0.0.1:{link.port}"
    with start_impatient(3, *arguments, "--address", url) as driver:
        wait_until(lambda: num_rows(folder) >= 2, driver)
        link.cut()
        said = driver.communicate(timeout=PATIENCE_S)[1]
    assert driver.returncode == 2
    assert (
        "The job keeps running as long as the cluster does. `sweeper attach runs/away` finds it"
        in said
    )
    assert "Traceback" not in said
    assert set(statuses(folder)) == {"finished"}

    link.mend()
    gate.let(6)
    with start_impatient(60, "attach", "runs/away") as driver:
        wait_until(lambda: num_rows(folder) >= 12, driver)
        link.cut()
        said_until("Trying again", driver)
        driver.send_signal(signal.SIGINT)
        said_until("Stopping the sweep", driver)
        link.mend()
        said = driver.communicate(timeout=PATIENCE_S)[1]
    assert driver.returncode == 130, said
    assert {*statuses(folder)} == {"finished", "interrupted"}


def test_a_head_that_was_started_anew_does_not_know_the_job(laptop, head):
    (laptop / "runs" / "old").mkdir(parents=True)
    known = {"job": "raysubmit_of_before", "address": head.url, "cluster": None}
    (laptop / "runs" / "old" / "job.json").write_text(json.dumps(known))
    done = sweep("attach", "runs/old", "--address", head.url)
    assert done.returncode == 2
    assert "does not know job raysubmit_of_before" in done.stderr
    assert "sweeper resume" in done.stderr


def test_the_doctor_looks_at_the_folder_where_sent_sweeps_are_there(laptop, head):
    done = sweep("doctor", "--address", head.url)
    assert f"sees{head.home}/runs,which" in "".join(done.stdout.split()), done.stderr


def test_a_head_that_is_this_machine_in_the_same_folder_is_refused(head, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(head.token))
    monkeypatch.chdir(head.home)
    done = sweep("run", "mine.py:objective", *SPACE, "--name", "here", "--address", head.url)
    assert done.returncode == 2
    assert "the head is the same machine. Leave out --address and --cluster" in done.stderr
    assert not (head.home / "runs" / "here").exists()


def test_when_nobody_reads_what_is_printed_the_record_is_mirrored_all_the_same(laptop, head):
    nobody, pipe = os.pipe()
    arguments = ["run", "mine.py:objective", *SPACE, "--trials", "7", "--name", "unread"]
    with running(
        command(*arguments, "--address", head.url), stdout=pipe, stderr=subprocess.PIPE, text=True
    ) as driver:
        os.close(pipe)
        os.close(nobody)
        said = driver.communicate(timeout=PATIENCE_S)[1]
    assert driver.returncode == 1
    assert "sweeper: " not in said
    assert statuses(laptop / "runs" / "unread") == ["finished"] * 7


@pytest.fixture
def slow_to_send(laptop) -> Path:
    """A file which it takes seconds to pack."""
    (laptop / "large").write_bytes(os.urandom(90_000_000))
    return laptop / "large"


def test_a_sweep_that_is_not_sent_whole_is_gone_after_ctrl_c_or_says_how_to_go_on(
    laptop, head, link, slow_to_send
):
    url = f"http://127.0.0.1:{link.port}"
    arguments = ["run", "mine.py:objective", *SPACE, "--trials", "1", "--name", "half"]
    folder = laptop / "runs" / "half"
    with start(*arguments, "--address", url) as driver:
        wait_until((folder / "job.json").exists, driver)
        driver.send_signal(signal.SIGINT)
        said = driver.communicate(timeout=PATIENCE_S)[1]
    assert driver.returncode == 130
    assert "Traceback" not in said
    assert not folder.exists()

    with start(*arguments, "--address", url) as driver:
        wait_until((folder / "job.json").exists, driver)
        link.cut()
        said = driver.communicate(timeout=PATIENCE_S)[1]
    assert driver.returncode == 2
    assert "command again with --name half --resume: it finds the sweep there, or sends it" in said
    assert "Traceback" not in said
    link.mend()
    slow_to_send.unlink()
    done = sweep(*arguments, "--address", url, "--resume")
    assert done.returncode == 0, done.stderr
    assert statuses(folder) == ["finished"]


def test_a_submitted_script_keeps_its_sweep_where_it_lasts(laptop, head):
    """Ray removes the copy of the directory that travels with `ray job submit`."""
    (laptop / "script.py").write_text(
        "import sweeper\nfrom mine import objective\nif __name__ == '__main__':\n"
        "    sweeper.run(objective, {'x': [0.1, 0.2]}, sweeper.GridSearch(), name='submitted')\n"
    )
    ray = [sys.executable, "-m", "ray.scripts.scripts", "job", "submit", "--address", head.url]
    python = shlex.quote(sys.executable)
    done = subprocess.run(
        [*ray, "--working-dir", ".", "--", python, "script.py"], capture_output=True, text=True,
        timeout=PATIENCE_S, env={**os.environ, "RAY_AUTH_MODE": "token"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    frame = sweeper.load(head.home / "runs" / "submitted").frame
    assert list(frame["status"]) == ["finished"] * 2


class Unreadable:
    """A head whose job has ended, and whose log is gone."""

    def __init__(self, readable_at: int) -> None:
        self.tries, self._readable_at = 0, readable_at

    def get_job_info(self, job: str) -> SimpleNamespace:
        return SimpleNamespace(status=JobStatus.FAILED, driver_exit_code=3, message=None)

    async def tail_job_logs(self, job: str) -> AsyncIterator[str]:
        self.tries += 1
        if self.tries < self._readable_at:
            raise RuntimeError("no such file")
        yield "\x1e{}\nfrom the log\n"


@pytest.mark.parametrize("readable_at", [2, 9])
def test_a_job_that_has_ended_is_not_asked_for_ever_for_its_log(
    tmp_path, monkeypatch, capsys, readable_at
):
    client = Unreadable(readable_at)
    monkeypatch.setattr("sweeper.remote.job.reached", lambda head: nullcontext(client))
    monkeypatch.setattr("sweeper.remote.job._TRY_AGAIN_S", 0)
    assert follow(Head("http://head:8265", None), "sweeper_1", tmp_path / "s") == 3
    said = capsys.readouterr().err
    if readable_at == 2:
        assert "from the log" in said
    else:
        assert client.tries == 3
        assert "has ended (FAILED), but its log can't be read: no such file. What is" in said
        assert "missing here is in s on the head." in said
