"""`ray up cluster.yaml` for real, on four hosts that are made of this machine's namespaces.

The tests are one story: each goes on where the one before it stopped.
"""

import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from lab_hosts import (
    HEAD,
    HOSTS_SH,
    NODES,
    ROOT,
    SCRIPTS,
    Done,
    Lab,
    checked,
    hosts,
    hosts_used,
    wait_until,
    why_not,
)

import sweeper

pytestmark = pytest.mark.lab

NAPS = SCRIPTS / "naps.py"
PROJECT = SCRIPTS / "project"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The hosts."""
    pytest.importorskip("aiohttp", reason="the cluster lab can't run: ray[default] is missing")
    if why_not():
        pytest.skip(f"the cluster lab can't run: {why_not()}")
    with hosts(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Lab:
    """The same, once `ray up` has brought all three nodes together."""
    checked(lab.on("laptop", "ray", "get-auth-token", "--generate"))
    lab.up()
    return lab


@pytest.fixture(scope="module")
def dashboard(cluster: Lab) -> Iterator[str]:
    """Its address on the laptop: Ray makes a tunnel, since it listens on the head's loopback."""
    command = [HOSTS_SH, "exec", "laptop", "ray", "dashboard", cluster.yaml]
    url = "http://localhost:8265"
    knock = ("python", SCRIPTS / "knock.py", HEAD, url, "api")
    with subprocess.Popen(
        command, env=cluster.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ):
        try:
            wait_until(lambda: cluster.on("laptop", *knock).stdout == "api 200 200\n", "a tunnel")
            yield url
        finally:
            checked(cluster.on("laptop", "pkill", "-f", "ray dashboard"))


def test_the_hosts_run_this_sweeper(cluster):
    code = "import sweeper; print(sweeper.__file__)"
    for host in ("laptop", *NODES):
        # Not in the checkout's folder, where there is always a sweeper.
        said = cluster.on(host, "python", "-c", code, folder=cluster.shared)
        assert said.stdout.strip() == sweeper.__file__, host


def test_a_submitted_example_uses_all_nodes_and_gives_the_table_of_the_laptop(cluster):
    """The workers have neither the files of Fashion-MNIST nor a network to get them from."""
    for worker in ("w1", "w2"):
        checked(cluster.on(worker, "test", "!", "-e", "/usr/share/datasets/fashion-mnist"))
    softmax = ROOT / "scripts" / "softmax.py"
    said = checked(cluster.submit(softmax, "--trials", "12", "--max-epochs", "1"))
    assert "accuracy on the test set" in said
    home = cluster.folder / "home"
    checked(cluster.ray("rsync-down", "runs/", f"{home}/"))
    (there,) = (sweeper.load(path) for path in home.iterdir())
    assert hosts_used(there) == NODES
    assert list(there.frame["status"]) == ["finished"] * 12

    # Fewer trials, which are the first ones.
    own = ["python", softmax, "--trials", "3", "--max-epochs", "1"]
    checked(cluster.on("laptop", *own, folder=cluster.folder))
    (here,) = (sweeper.load(path) for path in (cluster.folder / "runs").iterdir())
    assert hosts_used(here) == {"laptop"}
    assert where_it_ran_aside(there).head(3).equals(where_it_ran_aside(here))


def test_the_doctor_finds_nothing_wrong(cluster):
    said = checked(cluster.on("laptop", "sweeper", "doctor", "--cluster", cluster.yaml))
    assert "it needs a token, and has accepted the one here" in said
    assert set(re.findall(r"^(\w+)-\w{6} ", said, re.MULTILINE)) == NODES
    assert f"A sweep with 1 CPU a trial gets {len(NODES)} workers" in said
    assert said.endswith("Nothing is wrong.\n")


def test_a_terminal_that_is_closed_leaves_no_way_to_the_head_open(cluster):
    # Heard where the tests themselves don't hear it, as below nohup.
    command = ("env", "--default-signal=HUP", "sweeper", "doctor", "--cluster", cluster.yaml)
    closed = ThreadPoolExecutor(1).submit(cluster.on, "laptop", *command)

    def tunnels() -> str:
        return cluster.on(
            "laptop", "pgrep", "-f", "[r]ay.scripts.scripts dashboard|[s]sh .*-L"
        ).stdout

    wait_until(tunnels, "a tunnel")
    checked(cluster.on("laptop", "pkill", "-HUP", "-f", "[s]weeper doctor"))
    assert closed.result().returncode == 128 + signal.SIGHUP
    assert not tunnels()


def test_a_sweep_sent_from_the_laptop_has_its_record_there(cluster):
    space = {"x": "uniform(0, 1)", "place": f"'{cluster.shared / 'sent'}'", "hosts": len(NODES)}
    words = [f"--space={name}={value}" for name, value in space.items()]
    command = ["sweeper", "run", "sent.py:objective", *words, "--folder=/root/runs"]

    def run(*where: str) -> str:
        return checked(cluster.on("laptop", *command, *where, folder=PROJECT))

    said = run("--trials=6", "--name=sent", "--cluster", cluster.yaml)
    assert "best: " in said
    records = [cluster.sweeps_of(host) / "sent" / "trials.jsonl" for host in ("laptop", "head")]
    assert records[0].read_bytes() == records[1].read_bytes()
    there = sweeper.load(records[0].parent)
    assert hosts_used(there) == NODES
    assert (there.folder / "report.html").exists()

    run("--trials=3", "--name=unsent", "--address=local")
    here = sweeper.load(cluster.sweeps_of("laptop") / "unsent")
    assert hosts_used(here) == {"laptop"}
    assert where_it_ran_aside(there).head(3).equals(where_it_ran_aside(here))


def test_a_job_takes_its_neighbours_to_all_nodes_and_keeps_checkpoints_on_shared_storage(
    cluster, dashboard
):
    command = ["ray", "job", "submit", "--address", dashboard, "--working-dir", PROJECT, "--"]
    script = ["python", "train.py", cluster.shared, cluster.shared / "meeting", str(len(NODES))]
    checked(cluster.on("laptop", "env", "RAY_AUTH_MODE=token", *command, *script))
    there = sweeper.load(cluster.shared / "train")
    assert hosts_used(there) == NODES
    assert len(list(there.folder.rglob("*.pt"))) == 6

    alone = ["python", "train.py", cluster.folder, cluster.folder / "meeting", "1"]
    checked(cluster.on("laptop", *alone, folder=PROJECT))
    here = sweeper.load(cluster.folder / "train")
    assert where_it_ran_aside(there).equals(where_it_ran_aside(here))


def where_it_ran_aside(results: sweeper.Results) -> pd.DataFrame:
    """What must be the same wherever a sweep runs."""
    return results.frame.drop(columns=["start_s", "runtime_s", "worker", "node"])


def test_trials_without_shared_storage_send_their_folders_and_say_that_they_keep_no_checkpoints(
    cluster,
):
    place = cluster.shared / "saved"
    place.mkdir()
    done = cluster.submit(SCRIPTS / "unshared.py", place, str(len(NODES)))
    saved = re.findall(r"saved on (\w+)-\w{6} by (\w+)", done.stdout)
    assert len(saved) == 6
    assert all(node == host for node, host in saved)
    assert {host for _, host in saved} == NODES
    assert done.returncode != 0
    assert "No configuration has finished (1 failed)" in done.stdout
    blind = r"/root/runs/unshared is not seen from (w\d)-\w{6}, (w\d)-\w{6}\. Give sweeper\.run a"
    found = re.search(blind, done.stdout)
    assert found, done.stdout
    assert set(found.groups()) == {"w1", "w2"}


def test_a_node_that_is_killed_loses_no_trial_and_doubles_none(cluster):
    nodes = cluster.nodes()
    log = cluster.shared / "killed.txt"
    log.touch()
    submitted = cluster.meanwhile(NAPS, "killed", log, "--trials", "45")
    wait_until(lambda: under_way(submitted, log, on="w1"), "trials end, w1 has one")
    finished = cluster.finished("killed")
    checked(cluster.on("w1", "pkill", "-KILL", "-x", "raylet"))
    checked(submitted.result())
    assert_complete(cluster, "killed", 45)
    assert_not_run_again(finished, log)
    assert cluster.nodes(without=[nodes["w1"]]).keys() == NODES  # it has come back, as a new node


def under_way(submitted: "Future[Done]", log: Path, on: str) -> bool:
    """Whether a sweep of naps has ended trials, and one is running on a host."""
    assert not submitted.done(), submitted.result().stdout
    lines = log.read_text().splitlines()
    on_host = Counter(line.split()[0] for line in lines if line.endswith(f" {on}"))
    ended = sum(line.startswith("end") for line in lines)
    return ended >= 6 and on_host["start"] > on_host["end"]


def assert_complete(lab: Lab, name: str, trials: int) -> None:
    """Every nap is there once, finished, with its own number."""
    results = sweeper.load(lab.sweeps_of("head") / name)
    assert list(results.frame["trial"]) == list(range(trials))
    assert list(results.frame["number"]) == list(results.frame["validation_error"])
    assert set(results.frame["status"]) == {"finished"}


def assert_not_run_again(finished: set[int], log: Path) -> None:
    """Trials that were on record at some time were started once."""
    assert finished
    started = Counter(map(int, re.findall(r"start (\d+)", log.read_text())))
    assert {trial: started[trial] for trial in finished} == dict.fromkeys(finished, 1)


GRANTED = "api 200 200\njob 200\nnodes head w1 w2\nobject an object\n"
CLOSED = "api ConnectionRefusedError ConnectionRefusedError\njob ConnectionRefusedError\n"
NO_TOKEN = "api 401 401\njob 401\nnodes AuthenticationError\nobject ConnectionError\n"
WRONG_TOKEN = "api 403 403\njob 403\nnodes AuthenticationError\nobject ConnectionError\n"


def test_without_the_token_there_is_nothing(cluster, dashboard):
    token_files = "mkdir -p /tmp/none/.ray /tmp/wrong/.ray; echo {} >/tmp/wrong/.ray/auth_token"
    checked(cluster.on("laptop", "bash", "-c", token_files.format("wrong-token" * 4)))

    def knock(home: str, url: str = dashboard, things: str = "api job nodes object") -> str:
        command = ["env", f"HOME={home}", "python", SCRIPTS / "knock.py", HEAD, url]
        said = cluster.on("laptop", *command, *things.split()).stdout
        return "".join(re.findall(r"^(?:api|job|nodes|object) .*\n", said, re.MULTILINE))

    # Ray starts a process for each of its clients, for which a busy machine may need a second try.
    wait_until(lambda: knock("/root") == GRANTED, "the token opens everything")
    with ThreadPoolExecutor() as at_once:
        closed = at_once.submit(knock, "/root", f"http://{HEAD}:8265", "api job")
        no_token = at_once.submit(knock, "/tmp/none")
        wrong_token = at_once.submit(knock, "/tmp/wrong")
    assert closed.result() == CLOSED  # the dashboard listens on the head's loopback alone
    assert no_token.result() == NO_TOKEN
    assert wrong_token.result() == WRONG_TOKEN


def test_a_sweep_goes_on_after_the_death_of_the_head_and_the_next_ray_up(cluster):
    log = cluster.shared / "headless.txt"
    log.touch()
    naps = (NAPS, "headless", log, "--trials", "30")
    submitted = cluster.meanwhile(*naps)
    wait_until(lambda: under_way(submitted, log, on="head"), "trials end, the head has one")
    checked(cluster.on("head", "pkill", "-KILL", "-f", "[r]ay|[p]ython"))  # the driver, too
    assert submitted.result().returncode != 0

    finished = cluster.finished("headless")
    cluster.up()
    checked(cluster.submit(*naps, "--resume"))
    assert_complete(cluster, "headless", 30)
    assert_not_run_again(finished, log)


def test_after_ray_down_no_host_has_a_process_of_ray(cluster):
    checked(cluster.ray("down", "-y"))
    wait_until(lambda: not cluster.processes_of_ray(), "no process of Ray is left")
