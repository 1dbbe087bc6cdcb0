import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from drivers import environment, running
from eavesdropping import IS_ROOT, STRANGER, TOKEN, Eavesdropper, given_away, listening
from waiting import PATIENCE_S, wait_until

from sweeper.cluster.connection import _check_reachable, _ours, _started_here, connected
from sweeper.cluster.ray_internals import addresses_of_raylets, file_of_current_cluster
from sweeper.cluster.resources import Resources
from sweeper.cluster.strangers import name_of


@pytest.mark.parametrize(
    ("resources", "have", "workers"),
    [
        (Resources(), {"CPU": 8}, 8),
        (Resources(cpus=3), {"CPU": 8}, 2),
        (Resources(cpus=0.1), {"CPU": 8}, 80),
        (Resources(cpus=9), {"CPU": 8}, 0),
        (Resources(gpus=1), {"CPU": 8}, 0),
        (Resources(gpus=0.4), {"CPU": 8, "GPU": 3}, 6),  # 2 a GPU, none on two
        (Resources(cpus=0, gpus=2), {"CPU": 8, "GPU": 5}, 2),
    ],
)
def test_how_many_trials_fit_on_a_node(resources, have, workers):
    assert resources.fit_on(have) == workers


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cpus": -1}, "number ≥ 0, but got -1"),
        ({"gpus": float("nan")}, "number ≥ 0, but got nan"),
        ({"cpus": 0}, "Give a trial a CPU or a GPU"),
        ({"gpus": 1.5}, "must be a whole number"),
    ],
)
def test_impossible_resources(arguments, message):
    with pytest.raises(ValueError, match=message):
        Resources(**arguments)


@pytest.mark.parametrize("value", ["1", None, True, [1]])
def test_resources_are_numbers(value):
    with pytest.raises(TypeError, match=r"Resources\(cpus=…\) needs a number, but got"):
        Resources(cpus=value)


def test_resources_in_words():
    assert Resources(cpus=2, gpus=0.5).describe() == "2 CPUs and 0.5 GPUs"
    assert Resources().describe() == "1 CPU"


def test_the_ray_of_this_process_is_used_and_left_running(ray_session):
    import ray

    with connected(None) as where:
        assert where == "Ray of this process"
    assert ray.is_initialized()


def test_an_address_besides_the_ray_of_this_process_is_refused(ray_session):
    with pytest.raises(ValueError, match="connected to a Ray already"), connected("local"):
        pass


@pytest.fixture
def no_ray(monkeypatch):
    """As if this process had no Ray, for checks that come before any connection."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)


def test_the_address_of_a_dashboard_is_for_the_command(no_ray):
    cure = r"from the shell: sweeper run … --address http://head:8265"
    with pytest.raises(ValueError, match=cure), connected("http://head:8265"):
        pass


def test_ray_client_addresses_are_refused_with_the_cure(no_ray):
    with pytest.raises(ValueError, match="ray submit"), connected("ray://head:10001"):
        pass


def test_a_process_that_is_a_ray_client_is_refused_as_well(head):
    code = f"""
        import ray
        from sweeper.cluster.connection import connected

        ray.init("ray://127.0.0.1:{head.client_port}")
        try:
            with connected(None):
                pass
        except ValueError as error:
            print(error)
    """
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(head.token)}
    tries: list[subprocess.CompletedProcess] = []

    def has_connected() -> bool:
        """Ray starts a process for each of its clients, for which a busy machine may be slow."""
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, **token},
            capture_output=True, text=True,
        )  # fmt: skip
        tries.append(done)
        return "ConnectionAbortedError" not in done.stderr

    wait_until(has_connected)
    done = tries[-1]
    assert "a Ray client connection (ray://) would run the sweep on the head" in done.stdout, (
        done.stderr
    )
    assert "ray submit cluster.yaml SCRIPT" in done.stdout


@pytest.mark.parametrize("address", ["head", "head:", ":6379"])
def test_malformed_addresses(no_ray, address):
    with pytest.raises(ValueError, match="must be HOST:PORT"), connected(address):
        pass


def test_an_address_where_nothing_listens_is_an_error_within_seconds(no_ray):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="No Ray answers"), connected(f"127.0.0.1:{port}"):
        pass
    # Not a measure of speed: Ray itself would wait for minutes.
    assert time.monotonic() - start < 30


@pytest.mark.lab
def test_which_ray_is_joined_and_that_it_is_left_running(tmp_path):
    """Two nodes of 1 CPU each, in a process of their own."""
    code = """
        import os
        import subprocess
        import sys
        from pathlib import Path
        from ray.cluster_utils import Cluster
        from waiting import meet

        head = {"num_cpus": 1, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        other_node = cluster.add_node(num_cpus=1)
        os.environ["RAY_ADDRESS"] = cluster.address

        import ray
        import sweeper
        from sweeper.cluster.connection import connected
        from sweeper.cluster.nodes import fashion_mnist_for_other_nodes

        def objective(config):
            meet(Path("met"), 2)
            return config["x"]

        results = sweeper.run(objective, {"x": list(range(8))}, sweeper.GridSearch())
        assert list(results.frame["status"]) == ["finished"] * 8
        assert results.frame["node"].nunique() == 2, results.frame
        assert not ray.is_initialized()
        address = os.environ.pop("RAY_ADDRESS")
        print("left running at", address)

        def say(case, given=None):
            with connected(given) as where:
                assert ray.get(ray.put(case)) == case
                print(case, "is", where)
                images = fashion_mnist_for_other_nodes()  # which may come later
                print(case, "sends", "nothing" if images is None else "images")

        say("given", address)
        cluster.remove_node(other_node)
        say("announced")  # in a file, as `ray start` does it
        cluster.shutdown()
        private = "import ray, time; ray.init(address='local'); print('up', flush=True)"
        command = [sys.executable, "-c", private + "; time.sleep(600)"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as other:
            assert any(b"up" in line for line in other.stdout)
            ray._private.utils.write_ray_address(address)  # as a crash leaves it behind
            say("stale beside private")
            other.terminate()
    """
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment(), capture_output=True, text=True,
        timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    address = done.stdout.partition("left running at ")[2].partition("\n")[0]
    assert f"2 workers on Ray at {address}" in done.stderr
    for case in ("given", "announced"):
        assert f"{case} is Ray at {address}\n{case} sends images" in done.stdout
    case = "stale beside private"
    assert f"{case} is this machine\n{case} sends nothing" in done.stdout


@pytest.mark.lab
def test_a_cluster_of_another_ray_is_one_error_that_names_both_versions(tmp_path):
    code = """
        import json
        from ray.cluster_utils import Cluster
        from sweeper.cluster.connection import connected

        head = {"num_cpus": 1, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        gcs = cluster.head_node.get_gcs_client()
        place = b"CLUSTER_METADATA", b"cluster"
        versions = json.loads(gcs.internal_kv_get(place[0], namespace=place[1]))
        versions["ray_version"] = "1.2.3"
        gcs.internal_kv_put(place[0], json.dumps(versions).encode(), True, namespace=place[1])
        try:
            with connected(cluster.address):
                pass
        except ConnectionError as error:
            print("said:", error)
        cluster.shutdown()
    """
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(code))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout.partition("said: ")[2]
    assert "has other versions: The cluster was started with: Ray: 1.2.3 Python: " in said
    assert f"Ray: {version('ray')}" in said
    assert "Use the same ones on both sides." in said


@pytest.fixture
def current_cluster(tmp_path, monkeypatch, no_ray):
    """The file that `ray start` leaves, in a folder of the test's own; the token is here."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (tmp_path / "ray").mkdir()
    path = file_of_current_cluster()
    assert path == tmp_path / "ray" / "ray_current_cluster"
    return path


def started_here() -> tuple[str | None, list[str]]:
    """The address that is joined if nobody names one, and what is said."""
    said: list[str] = []
    return _started_here(said.append), said


def test_the_current_cluster_of_this_user_is_joined(current_cluster):
    assert started_here() == (None, [])
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        current_cluster.write_text(f"{address}\n")
        assert started_here() == (address, [])
    assert started_here() == (None, [])  # it has gone
    for damaged in ("", "no address", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:" + "9" * 5000,
                    "127.0.0.1:²", "\0:1"):  # fmt: skip
        current_cluster.write_text(damaged)
        assert started_here() == (None, [])


def test_no_token_goes_to_who_writes_the_file_of_the_current_cluster(current_cluster, monkeypatch):
    """Ray lets everybody write in its folder."""
    eavesdropper = Eavesdropper()
    address = f"127.0.0.1:{eavesdropper.port}"
    current_cluster.write_text(address)
    owner = given_away(current_cluster, monkeypatch)
    joined, (note,) = started_here()
    assert joined is None
    assert eavesdropper.heard == b""
    assert note == (
        f"Note: the Ray at {address} is not joined, since {current_cluster} belongs to "
        f"{name_of(owner)}. If you trust it: address='{address}'."
    )
    assert _check_reachable(address) == ("127.0.0.1", eavesdropper.port)
    wait_until(lambda: eavesdropper.heard)  # as it would have been
    eavesdropper.close()


@pytest.mark.ray
@pytest.mark.skipif(not IS_ROOT, reason="another user needs root")
def test_a_plain_sweep_shows_the_token_to_no_stranger(tmp_path):
    """Another user has written which cluster of this machine is the current one."""
    (tmp_path / "mine.py").write_text("def objective(config):\n    return config['x']\n")
    eavesdropper = Eavesdropper()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # Ray's sockets want short paths
        path = Path(folder, "ray", "ray_current_cluster")
        path.parent.mkdir()
        path.parent.chmod(0o777)  # as Ray does
        path.write_text(f"127.0.0.1:{eavesdropper.port}")
        os.chown(path, STRANGER, STRANGER)
        command = ["run", "mine.py:objective", "--space", "x=[0.5]", "--trials", "1", "--workers"]
        done = subprocess.run(
            [sys.executable, "-m", "sweeper", *command, "1", "--no-report"], cwd=tmp_path,
            capture_output=True, text=True, timeout=PATIENCE_S,
            env={**kept, "RAY_TMPDIR": folder, "RAY_AUTH_TOKEN": TOKEN, "RAY_AUTH_MODE": "token"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 worker on this machine" in done.stderr
    assert f"Note: the Ray at 127.0.0.1:{eavesdropper.port} is not joined, since" in done.stderr
    assert eavesdropper.heard == b""
    eavesdropper.close()


@pytest.mark.parametrize("who", ["this user", "a stranger"])
def test_auto_joins_no_strangers_ray(tmp_path, monkeypatch, who):
    """Ray itself would take the address from any process that calls itself a raylet."""
    own = os.getuid()
    user = STRANGER if IS_ROOT and who == "a stranger" else own
    code = (
        f"import os, time\nif {user} != os.getuid():\n"
        f"    os.setgroups([]), os.setgid({user}), os.setuid({user})\n"
        "print('up', flush=True)\ntime.sleep(600)"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        command = ["raylet", "-c", code, f"--gcs-address={address}"]
        with running(command, executable=sys.executable, stdout=subprocess.PIPE) as raylet:
            assert raylet.stdout.readline() == b"up\n"
            assert (address, user) in addresses_of_raylets()
            if who == "a stranger" and not IS_ROOT:
                monkeypatch.setattr("os.geteuid", lambda: own + 1)
            said: list[str] = []
            joined = _ours(address, user, "a process of Ray's", said.append)
    if who == "this user":
        assert (joined, said) == (address, [])
    else:
        assert joined is None
        assert f"a process of Ray's belongs to {name_of(user)}." in said[0]


def test_what_a_stranger_writes_there_moves_no_cursor(current_cluster, monkeypatch):
    current_cluster.write_text("\x1b[2J\nNote: all is well:1")
    given_away(current_cluster, monkeypatch)
    _, (note,) = started_here()
    assert note.isprintable()


def test_a_port_that_a_stranger_has_taken_over_is_not_joined(
    current_cluster, tmp_path, monkeypatch
):
    """The file is this user's, left behind by a crash; another user listens there now."""
    with listening(tmp_path, monkeypatch) as stranger:
        if not IS_ROOT:  # the file has to be that of who the checks take this user for
            monkeypatch.setattr("sweeper.cluster.connection.is_stranger", lambda uid: False)
        current_cluster.write_text(f"127.0.0.1:{stranger.port}")
        joined, (note,) = started_here()
        assert joined is None
        assert f"since what listens there belongs to {name_of(stranger.uid)}. If you" in note
        assert stranger.heard() == b""


@pytest.mark.parametrize("kind", ["a link", "a FIFO", "a folder"])
def test_only_a_plain_file_says_which_cluster_is_the_current_one(current_cluster, kind):
    if kind == "a link":
        (current_cluster.parent / "other").write_text("127.0.0.1:1")
        current_cluster.symlink_to("other")
    elif kind == "a FIFO":
        os.mkfifo(current_cluster)
    else:
        current_cluster.mkdir()
    joined, (note,) = started_here()
    assert joined is None
    assert f"{current_cluster} is not a plain file, so sweeper does not use" in note
