import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from ray.util import get_node_ip_address
from test_autoscaler import fake_nodes
from test_nodes import other_torch, running
from test_token import TOKEN, addresses, environment  # noqa: F401

from sweeper.cluster.doctor import Finding, Node, Report, faults_of, token_findings
from sweeper.cluster.resources import Resources

GIB = 2**30
SOUND = {"name": "n", "cpus": 2, "gpus": 0, "store_bytes": 2 * GIB, "memory_bytes": 8 * GIB,
         "free_bytes": 4 * GIB, "shm_bytes": 4 * GIB, "clock_s": 0.0}  # fmt: skip


def doctor(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "sweeper", "doctor", *arguments],
        cwd=folder, capture_output=True, text=True, env={**os.environ, **variables},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("differs", "fault", "cure"),
    [
        ({"shm_bytes": GIB // 16}, "has 64 MiB of /dev/shm, less than the 2.0 GiB", "--shm-size"),
        ({"free_bytes": GIB // 8}, "has 128 MiB of its 8.0 GiB of memory left", "End what takes"),
        ({"clock_s": 61.0}, "its clock is 61 s ahead of", "timedatectl"),
        ({"clock_s": -61.0}, "its clock is 61 s behind", "timedatectl"),
        ({"unreachable": [("head", 5000)]}, "can't connect to head port 5000", "firewall"),
        ({"differences": ["torch 9.9, the driver has 2.14.0"]}, "has torch 9.9", "Install"),
        ({"silence": "no answer within 30 s"}, "does not answer: no answer within 30 s", "logs"),
    ],
)
def test_each_fault_of_a_node_has_its_cure(differs, fault, cure):
    (found,) = faults_of(Node(**{**SOUND, **differs}))
    assert found.fault.startswith("n")
    assert fault in found.fault
    assert cure in found.cure


@pytest.mark.parametrize(
    "differs",
    [
        {},
        {"shm_bytes": 2 * GIB},
        {"shm_bytes": None, "clock_s": None},  # macOS has no /dev/shm
        {"clock_s": -2.0},
        {"fashion_mnist": None, "sees_folder": False},
    ],
)
def test_what_is_no_fault(differs):
    assert faults_of(Node(**{**SOUND, **differs})) == []


@pytest.mark.ray
def test_nothing_is_wrong_with_a_ray_of_its_own(tmp_path, tmp_path_factory):
    home = str(tmp_path_factory.mktemp("home"))  # where nobody else reads the token
    done = doctor(tmp_path, "--address", "local", "--cpus", "0.5", HOME=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr in ("", "Waiting for Ray: it starts on this machine …\n")
    assert "cluster: none runs here, so one was started for this" in done.stdout
    assert "nodes without it get it from this machine" in " ".join(done.stdout.split())
    assert f"gets {2 * os.cpu_count()} workers." in done.stdout
    assert done.stdout.endswith("Nothing is wrong.\n")
    assert list(tmp_path.iterdir()) == []
    too_much = doctor(tmp_path, "--address", "local", "--gpus", "99", "--folder", "elsewhere")
    assert f"sees{tmp_path}/elsewhere,which" in "".join(too_much.stdout.split())
    assert too_much.returncode == 1
    assert "✗ resources: a trial needs 1 CPU and 99 GPUs, but there is only" in too_much.stdout
    assert "cure: Ask for less" in too_much.stdout


@pytest.mark.lab
def test_a_node_with_another_torch_is_named_beside_one_that_is_well(tmp_path):
    with running() as cluster:
        other = cluster.add_node(num_cpus=2, env_vars=other_torch(tmp_path / "packages"))
        address = cluster.address
        done = doctor(tmp_path, RAY_ADDRESS=address)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"cluster: Ray at {address}, reached in" in done.stdout
    (well, ill) = sorted(
        (line.split() for line in done.stdout.splitlines() if line.endswith((" same", " other"))),
        key=lambda cells: cells[-1] == "other",
    )
    assert well[1:3] == ["1", "0"]
    assert ill[0].endswith(f"-{other.node_id[:6]}")
    assert f"✗ {ill[0]} has torch 9.9, the driver has 2." in done.stdout
    assert "\n  cure: Install the driver's version" in done.stdout
    assert "gets 3 workers.\n1 fault." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.lab
def test_a_machine_of_the_clusters_file_that_is_no_node_is_named(tmp_path):
    provider = {"type": "local", "head_ip": get_node_ip_address(), "worker_ips": ["127.0.0.9"]}
    config = {**fake_nodes(0, {}), "provider": provider, "max_workers": 0}
    (tmp_path / "autoscaling.json").write_text(json.dumps(config))
    with running(autoscaling_config=str(tmp_path / "autoscaling.json")) as cluster:
        done = doctor(tmp_path, RAY_ADDRESS=cluster.address)
    assert done.returncode == 1, done.stdout + done.stderr
    assert (
        "✗ 127.0.0.9 is in the cluster's file, but is not a node.\n  cure: Wait if `ray up`"
        in done.stdout
    )
    assert done.stdout.endswith("gets 1 worker.\n1 fault.\n")


def test_the_token_is_said_to_be_accepted_or_its_lack_is_the_fault(tmp_path, addresses):  # noqa: F811
    address = addresses["closed"]
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text(TOKEN)

    def ask(**variables):
        return subprocess.run(
            [sys.executable, "-m", "sweeper", "doctor", "--address", address], cwd=tmp_path,
            capture_output=True, text=True, env=environment(tmp_path, **variables),
        )  # fmt: skip

    accepted = ask()
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert "it needs a token, and has accepted the one here" in accepted.stdout
    refused = ask(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="wrong" * 8)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert f"✗ Ray at {address} needs a token, and RAY_AUTH_TOKEN is another one." in refused.stdout
    assert "\n  cure: Copy ~/.ray/auth_token" in refused.stdout
    assert refused.stdout.endswith("\n1 fault.\n")


@pytest.mark.slow
def test_an_address_where_nothing_listens_is_the_fault(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    done = doctor(tmp_path, "--address", address)
    assert done.returncode == 1
    assert f"✗ No Ray answers at {address}" in done.stdout
    assert "\n  cure: Is Ray up there" in done.stdout
    malformed = doctor(tmp_path, "--address", "nowhere")
    assert malformed.returncode == 2
    assert "must be HOST:PORT" in malformed.stderr


def test_a_token_that_others_can_read_is_named_with_its_cure(monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="it's ") as folder:  # which all may enter
        os.chmod(folder, 0o755)
        path = Path(folder, "auth_token")
        path.write_text(TOKEN)
        path.chmod(0o644)
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
        (found,) = token_findings()
        assert found.fault.startswith(f"{path}: other users can read this token")
        subprocess.run(found.cure, shell=True, check=True)
        assert token_findings() == []


@pytest.mark.ray
def test_a_ray_that_is_not_joined_is_a_finding():
    report = Report({}, Path("runs"), Resources())
    report.note("Note: the Ray at x:1 is not joined, since it is bob's. If you trust it: name it.")
    assert report.findings == [
        Finding("the Ray at x:1 is not joined, since it is bob's.", "If you trust it: name it.")
    ]
