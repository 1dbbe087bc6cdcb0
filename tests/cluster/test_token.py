import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.cluster import token
from sweeper.cluster.connection import connected
from sweeper.cluster.token import exposed_token

TOKEN = "a-token-of-this-test-and-no-other-0"
# A Ray in a process of its own, until the end of its input; it may want the token or not.
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
head = {"num_cpus": 1, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=head)
print("at", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
JOIN = """
import os, sys
from sweeper.cluster.connection import connected
try:
    with connected(sys.argv[1]):
        import ray
        print("joined", ray.get(ray.put("an object")), os.environ.get("RAY_AUTH_MODE"))
except ConnectionError as error:
    print(error)
"""


def environment(home, **variables):
    """That of a process that knows no token but the given one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**kept, "HOME": str(home), "RAY_USAGE_STATS_ENABLED": "0", **variables}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where a Ray listens that wants the token, and an open one."""
    modes = {
        "closed": {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN},
        "open": {"RAY_AUTH_MODE": "disabled"},
    }
    running = {
        name: subprocess.Popen(
            [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment(tmp_path_factory.mktemp(name), **mode), text=True,
        )
        for name, mode in modes.items()
    }  # fmt: skip
    yield {
        name: next(line for line in ray.stdout if line.startswith("at ")).split()[1]
        for name, ray in running.items()
    }
    for ray in running.values():
        ray.communicate("")


def join(address, home, **variables):
    """What came of joining a cluster as `sweeper.run` does."""
    done = subprocess.run(
        [sys.executable, "-c", JOIN, address], env=environment(home, **variables),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_token_is_shown_where_it_is_wanted(tmp_path, addresses):
    folder = tmp_path / ".ray"
    folder.mkdir()
    (folder / "auth_token").write_text(TOKEN)
    assert join(addresses["closed"], tmp_path) == "joined an object token\n"


def test_an_open_cluster_is_joined_without_it(tmp_path, addresses):
    assert join(addresses["open"], tmp_path, RAY_AUTH_TOKEN=TOKEN) == "joined an object None\n"


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({}, "auth_token does not exist"),
        ({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "wrong" * 8}, "RAY_AUTH_TOKEN is another"),
        ({"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": TOKEN}, "RAY_AUTH_MODE is 'disabled'"),
    ],
)
def test_the_lack_of_the_token_is_named(tmp_path, addresses, variables, fault):
    said = join(addresses["closed"], tmp_path, **variables)
    assert said.startswith(f"Ray at {addresses['closed']} needs a token, and ")
    assert fault in said
    assert "Copy ~/.ray/auth_token" in said


@pytest.mark.parametrize(
    ("mode", "folder_mode", "is_exposed"),
    [
        (0o600, 0o755, False),
        (0o604, 0o755, True),
        (0o640, 0o755, True),
        (0o640, 0o750, True),
        (0o604, 0o750, False),  # others don't come as far
        (0o644, 0o700, False),
    ],
)
def test_whether_others_can_read_the_token(monkeypatch, mode, folder_mode, is_exposed):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # which all may enter
        os.chmod(folder, folder_mode)
        path = Path(folder, "auth_token")
        path.write_text(TOKEN)
        path.chmod(mode)
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
        assert exposed_token() == (path if is_exposed else None)


def test_no_token_is_not_exposed(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "none"))
    assert exposed_token() is None


@pytest.mark.slow
def test_a_head_that_says_nothing_is_tried_twice_and_given_up(monkeypatch):
    """As one does that stands still: connections are taken by Linux."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr(token, "_JOIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        silent = f"No Ray answers at '{address}': it takes connections, but nothing came within 0.5"
        with pytest.raises(ConnectionError, match=silent), connected(address):
            pass
