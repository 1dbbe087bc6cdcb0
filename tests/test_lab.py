"""`ray up cluster.yaml` for real, on four hosts that are made of this machine's namespaces.

The tests are one story: each goes on where the one before it stopped.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

import sweeper

ROOT = Path(__file__).parent.parent
HOSTS_SH = ROOT / "tests" / "lab" / "hosts.sh"
NAPS = ROOT / "tests" / "lab" / "naps.py"
MARK = re.compile(r"(# ---- edit here -+\n)(.*?)(# -+\n)", re.DOTALL)
FILLED_IN = """\
provider:
  type: local
  head_ip: 10.77.0.11
  worker_ips: [10.77.0.12, 10.77.0.13]
auth:
  ssh_user: root
  ssh_private_key: ~/.ssh/id_ed25519
"""
NODES = {"head", "w1", "w2"}
OF_RAY = "[r]aylet|[g]cs_server|[l]og_monitor.py|[d]ashboard|[r]ay::|[a]utoscaler|[r]ay start"


@pytest.fixture(scope="module")
def lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """The hosts, and the shipped cluster.yaml with only the marked place filled in."""
    if not request.config.getoption("--lab"):
        pytest.skip("the cluster lab runs with --lab: it is not reliable on a busy machine yet")
    said = subprocess.run([HOSTS_SH, "possible"], capture_output=True, text=True)
    if said.returncode:
        pytest.skip(f"the cluster lab can't run: {(said.stdout + said.stderr).strip()}")
    pytest.importorskip("aiohttp", reason="the cluster lab can't run: ray[default] is missing")
    folder = tmp_path_factory.mktemp("lab")
    kept = (ROOT, Path(sys.base_prefix))
    environment = {**os.environ, "LAB_DIR": str(folder), "LAB_VENV": sys.prefix,
                   "LAB_KEEP": " ".join(map(str, kept))}  # fmt: skip
    shipped = (ROOT / "cluster.yaml").read_text()
    assert len(MARK.findall(shipped)) == 1
    yaml = folder / "cluster.yaml"
    yaml.write_text(MARK.sub(rf"\g<1>{FILLED_IN}\g<3>", shipped))

    def on(host: str, *command: str, timeout_s: float = 180) -> subprocess.CompletedProcess[str]:
        """What a command did on a host, in the folder of the project, its two outputs as one."""
        line = ["env", "-C", str(ROOT), *command]
        return subprocess.run(
            [HOSTS_SH, "exec", host, *line], env=environment, timeout=timeout_s, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    with subprocess.Popen(
        [HOSTS_SH, "hold"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as hosts:  # fmt: skip
        assert hosts.stdin is not None
        assert hosts.stdout is not None
        said_first = hosts.stdout.readline()
        assert said_first == "ready\n", said_first + hosts.stdout.read()
        yield SimpleNamespace(on=on, yaml=str(yaml), shared=folder / "shared", folder=folder)
        hosts.stdin.close()


@pytest.fixture(scope="module")
def cluster(lab: SimpleNamespace) -> SimpleNamespace:
    """The same, once `ray up` has brought all three nodes together."""
    checked(lab.on("laptop", "ray", "get-auth-token", "--generate"))
    checked(lab.on("laptop", "ray", "up", "-y", lab.yaml))
    wait_until(lambda: nodes_of(lab) == NODES, "all nodes have joined")
    return lab


def checked(done: subprocess.CompletedProcess[str]) -> str:
    """The output of a command that went well."""
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def wait_until(holds: Callable[[], bool], what: str, at_most_s: float = 120) -> None:
    """Waits for something that takes a cluster a while."""
    end = time.monotonic() + at_most_s
    while not holds():
        assert time.monotonic() < end, f"not within {at_most_s} s: {what}"
        time.sleep(1)


def nodes_of(lab: SimpleNamespace) -> set[str]:
    """The hosts whose Ray is part of the cluster."""
    code = (
        "import ray; ray.init(address='auto', logging_level='ERROR', log_to_driver=False); "
        "print('NODES', *(n['NodeManagerHostname'] for n in ray.nodes() if n['Alive']))"
    )
    said = checked(lab.on("head", "env", "RAY_AUTH_MODE=token", "python", "-c", code))
    return set(re.search(r"NODES (.*)", said)[1].split())


def submit(lab: SimpleNamespace, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `ray submit` did, as a user of the laptop calls it."""
    return lab.on("laptop", "ray", "submit", lab.yaml, str(script), *arguments)


def brought_home(lab: SimpleNamespace) -> dict[str, sweeper.Results]:
    """All sweeps of the head, once their folders are on the laptop."""
    home = lab.folder / "home"
    checked(lab.on("laptop", "ray", "rsync-down", lab.yaml, "runs/", f"{home}/"))
    return {path.name: sweeper.load(path) for path in home.iterdir()}


def hosts_used(results: sweeper.Results) -> set[str]:
    """The hosts on which trials ran."""
    return {node.rpartition("-")[0] for node in results.frame["node"]}


def test_a_submitted_example_uses_all_nodes_and_gives_the_table_of_the_laptop(cluster):
    arguments = ["--trials", "6", "--max-epochs", "1"]
    script = ROOT / "scripts" / "softmax.py"
    said = checked(submit(cluster, script, *arguments))
    assert "accuracy on the test set" in said
    (there,) = brought_home(cluster).values()
    assert hosts_used(there) == NODES

    own = cluster.folder / "own"
    own.mkdir()
    checked(cluster.on("laptop", "env", "-C", str(own), "python", str(script), *arguments))
    (here,) = (sweeper.load(path) for path in (own / "runs").iterdir())
    assert hosts_used(here) == {"laptop"}
    where_and_when = ["start_s", "runtime_s", "worker", "node"]
    assert list(there.frame["status"]) == ["finished"] * 6
    assert there.frame.drop(columns=where_and_when).equals(here.frame.drop(columns=where_and_when))


def test_a_submitted_script_of_which_every_trial_fails_does_not_exit_with_0(cluster):
    done = submit(cluster, NAPS, "failing", "--trials", "3", "--seconds", "0", "--fail")
    assert done.returncode != 0
    assert "No configuration has finished (3 failed)" in done.stdout


def test_a_node_that_is_killed_loses_no_trial_and_doubles_none(cluster):
    log = cluster.shared / "killed.txt"
    log.touch()
    submitted = ThreadPoolExecutor(1).submit(
        submit, cluster, NAPS, "killed", "--trials", "60", "--log", str(log)
    )

    def well_under_way():
        assert not submitted.done(), submitted.result().stdout
        lines = log.read_text().splitlines()
        return sum(line.startswith("end") for line in lines) >= 10 and any(
            line.endswith(" w1") for line in lines
        )

    wait_until(well_under_way, "trials have ended, and w1 has some")
    finished = recorded(cluster, "killed")
    checked(cluster.on("w1", "pkill", "-KILL", "-x", "raylet"))
    checked(submitted.result())

    results = brought_home(cluster)["killed"]
    assert list(results.frame["trial"]) == list(range(60))
    assert list(results.frame["number"]) == list(results.frame["validation_error"])
    assert set(results.frame["status"]) == {"finished"}
    started = Counter(re.findall(r"start (\d+)", log.read_text()))
    assert finished
    assert {number: started[number] for number in finished} == dict.fromkeys(finished, 1)
    wait_until(lambda: nodes_of(cluster) == NODES, "the killed node has come back")


def recorded(lab: SimpleNamespace, name: str) -> set[str]:
    """The numbers of the trials that a sweep on the head has on record."""
    lines = checked(lab.on("head", "bash", "-c", f"cat ~/runs/{name}/trials.jsonl")).splitlines()
    return {str(json.loads(line)["trial"]) for line in lines}


# The dashboard listens on the head's loopback alone: a tunnel, as `ray dashboard` makes one.
KNOCKS = """
    ssh -fN -o StrictHostKeyChecking=no -o ExitOnForwardFailure=yes -L 8299:127.0.0.1:8265 root@head
    knock() { python tests/lab/knock.py 10.77.0.11 $1; }
    knock http://127.0.0.1:8299
    knock http://10.77.0.11:8265
    export HOME=/tmp/other; mkdir -p $HOME/.ray
    knock http://127.0.0.1:8299
    echo wrong-token-wrong-token-wrong-token >$HOME/.ray/auth_token
    knock http://127.0.0.1:8299
"""
ANSWERS = """\
api 200 200
job 200
gcs 3 nodes
object an object
api ConnectionRefusedError ConnectionRefusedError
job ConnectionRefusedError
gcs 3 nodes
object an object
api 401 401
job 401
gcs AuthenticationError
object ConnectionError
api 403 403
job 403
gcs AuthenticationError
object ConnectionError
"""


def test_without_the_token_there_is_nothing(cluster):
    said = cluster.on("laptop", "bash", "-c", KNOCKS).stdout
    found = re.findall(r"^(?:api|job|gcs|object) .*\n", said, re.MULTILINE)
    assert "".join(found) == ANSWERS, said


def test_after_ray_down_no_host_has_a_process_of_ray(cluster):
    checked(cluster.on("laptop", "ray", "down", "-y", cluster.yaml))
    wait_until(lambda: not left_over(cluster), "no process of Ray is left", 60)


def left_over(lab: SimpleNamespace) -> str:
    """The processes of Ray on all hosts."""
    return "".join(
        lab.on(host, "pgrep", "-af", OF_RAY).stdout for host in ("laptop", "head", "w1", "w2")
    )
