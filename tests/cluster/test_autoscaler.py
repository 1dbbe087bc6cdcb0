"""What an autoscaler may bring; with a flag, one that starts and ends nodes on this machine.

pytest tests/cluster/test_autoscaler.py --autoscaler      clusters that grow and shrink, 2 minutes
"""

import itertools
import json
import socket
from collections.abc import Callable, Iterator

import pytest
import ray
from drivers import said, start
from hypothesis import given
from hypothesis import strategies as st
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID
from ray.cluster_utils import Cluster
from test_elastic import MEET
from waiting import PATIENCE_S, wait_until

import sweeper
from sweeper.cluster.autoscaler import Autoscaler, absent_machines, as_autoscaler, find_autoscaler
from sweeper.cluster.resources import Resources

pytestmark = pytest.mark.lab


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=3),
    st.integers(0, 5),
    st.sampled_from([1, 2]),
)
def test_the_most_workers_are_those_of_the_best_choice_of_nodes(node_types, max_nodes, cpus):
    names = [f"{number}" for number in range(len(node_types))]
    autoscaler = Autoscaler(
        {name: {"CPU": have} for name, (have, _) in zip(names, node_types, strict=True)},
        {name: count for name, (_, count) in zip(names, node_types, strict=True)},
        max_nodes,
    )
    rooms = [have // cpus for have, _ in node_types]
    choices = itertools.product(*(range(count + 1) for _, count in node_types))
    best = max(
        sum(n * room for n, room in zip(chosen, rooms, strict=True))
        for chosen in choices
        if sum(chosen) <= max_nodes
    )
    assert autoscaler.most_workers(Resources(cpus=cpus)) == best


CONFIG = {
    "max_workers": 3,
    "provider": {"type": "aws"},
    "head_node_type": "head",
    "available_node_types": {
        "head": {"resources": {"CPU": 1}},
        "small": {"resources": {"CPU": 1}},
        "big": {"resources": {"CPU": 4, "GPU": 1}, "max_workers": 1},
        "off": {"resources": {"CPU": 64}, "max_workers": 0},
    },
}


def test_what_a_configuration_leaves_out_is_as_ray_takes_it():
    autoscaler = as_autoscaler(CONFIG)
    assert autoscaler.counts == {"head": 0, "small": 3, "big": 1, "off": 0}
    assert autoscaler.types_for(Resources()) == ["small", "big"]
    assert autoscaler.types_for(Resources(cpus=1, gpus=1)) == ["big"]
    assert autoscaler.types_for(Resources(cpus=5)) == []
    assert autoscaler.most_workers(Resources()) == 6  # one big node, two small ones


@pytest.mark.parametrize(
    "config",
    [None, "", [], {**CONFIG, "provider": {"type": "local"}}],
    ids=["none", "empty", "list", "local"],
)
def test_where_nodes_are_fixed_there_is_no_autoscaler(config):
    assert as_autoscaler(config) is None


def test_machines_of_a_file_that_are_no_nodes_are_absent():
    provider = {"type": "local", "head_ip": "localhost", "worker_ips": ["10.0.0.1", "10.0.0.2"]}
    nodes = [{"NodeManagerAddress": address} for address in ("127.0.0.1", "10.0.0.2")]
    assert absent_machines({"provider": provider}, nodes) == ["10.0.0.1"]
    assert absent_machines({"provider": provider}, []) == ["localhost", "10.0.0.1", "10.0.0.2"]
    for other in (None, {}, {"provider": "local"}, CONFIG):
        assert absent_machines(other, []) == []


def test_a_ray_of_its_own_has_no_autoscaler(ray_session):
    assert find_autoscaler(ray.nodes()) is None


@pytest.fixture
def growing(request, tmp_path, monkeypatch) -> Iterator[Callable[..., Cluster]]:
    """Starts a head with one CPU and an autoscaler that brings nodes on this machine."""
    if not request.config.getoption("--autoscaler"):
        pytest.skip("lets clusters grow, which takes minutes: pytest --autoscaler")
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    clusters = []

    def start_head(every_s: int, **node_types: dict) -> Cluster:
        """A cluster whose autoscaler looks every so many seconds at what is asked for."""
        path = tmp_path / "autoscaling.json"
        path.write_text(json.dumps(fake_nodes(port, node_types)))
        options = {"num_cpus": 1, "autoscaling_config": str(path), "gcs_server_port": port}
        with monkeypatch.context() as patch:
            patch.setenv("RAY_FAKE_CLUSTER", "1")
            patch.setenv("RAY_enable_autoscaler_v2", "0")
            patch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "5")  # nodes end with the head
            patch.setenv("RAY_OVERRIDE_NODE_ID_FOR_TESTING", FAKE_HEAD_NODE_ID)
            patch.setenv("AUTOSCALER_UPDATE_INTERVAL_S", str(every_s))
            clusters.append(Cluster(initialize_head=True, head_node_args=options))
        return clusters[0]

    yield start_head
    for cluster in clusters:
        cluster.shutdown()


def fake_nodes(port: int, node_types: dict) -> dict:
    """A configuration for Ray's provider of nodes that are processes of this machine."""
    nothing = ("auth", "docker", "file_mounts")
    empty = (
        *("initialization_commands", "setup_commands", "head_setup_commands"),
        *("worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands"),
        *("cluster_synced_files", "rsync_exclude", "rsync_filter"),
    )
    return {
        **{name: {} for name in nothing},
        **{name: [] for name in empty},
        "cluster_name": "fake",
        "max_workers": 2,
        "idle_timeout_minutes": 0.2,
        "file_mounts_sync_continuously": False,
        "head_node_type": "ray.head.default",
        "provider": {
            "type": "fake_multinode",
            "gcs_address": f"{ray.util.get_node_ip_address()}:{port}",
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 1}, "node_config": {}, "max_workers": 0},
            **{
                name: {
                    "resources": {**resources, "object_store_memory": 100_000_000},
                    "node_config": {},
                    "max_workers": 2,
                }
                for name, resources in node_types.items()
            },
        },
    }


def num_nodes(cluster: Cluster) -> int:
    return len(cluster.global_state._live_node_ids())


@pytest.mark.parametrize("num_workers", [None, 100])
def test_a_cluster_grows_as_a_sweep_asks_for_it_and_shrinks_again(growing, tmp_path, num_workers):
    cluster = growing(every_s=1, small={"CPU": 1})
    with start(tmp_path, cluster, MEET, nodes=3, num_workers=num_workers) as sweep:
        assert sweep.wait(PATIENCE_S) == 0, said(tmp_path)
    assert list(sweeper.load(tmp_path / "runs" / "s").frame["status"]) == ["finished"] * 20
    assert len(list(tmp_path.glob("met/*"))) == 3  # nodes, whose names begin alike
    assert "3 workers wanted on Ray at" in said(tmp_path)
    assert "1 fits now, the autoscaler is asked for the rest" in said(tmp_path)
    capped = "num_workers=100: only 3 fit on all nodes that it may bring: using 3"
    assert (capped in said(tmp_path)) == (num_workers == 100)
    wait_until(lambda: num_nodes(cluster) == 1)


NEEDS_TWO_CPUS = """
    import sweeper

    if __name__ == "__main__":
        sweeper.run(
            lambda config: config["x"], {"x": [1]}, sweeper.GridSearch(), name="s",
            resources=sweeper.Resources(cpus=OPTIONS["cpus"]),
        )
"""


def test_a_trial_waits_for_the_node_that_an_autoscaler_can_bring(growing, tmp_path):
    cluster = growing(every_s=30, big={"CPU": 2})
    with start(tmp_path, cluster, NEEDS_TWO_CPUS, cpus=2) as sweep:
        assert sweep.wait(PATIENCE_S) == 0, said(tmp_path)
    assert "none fits now, the autoscaler is asked for nodes" in said(tmp_path)
    assert (
        "Waiting for a node with 2 CPUs: the autoscaler is asked for 1 × (2 CPUs), which it can "
        "bring as big." in said(tmp_path)
    )
    assert sweeper.load(tmp_path / "runs" / "s").best_error == 1


def test_a_trial_that_no_node_type_can_take_is_an_error_that_names_them(growing, tmp_path):
    cluster = growing(every_s=1, big={"CPU": 2})
    with start(tmp_path, cluster, NEEDS_TWO_CPUS, cpus=3) as sweep:
        assert sweep.wait(PATIENCE_S) == 1
    assert "a trial needs 3 CPUs, but there is only" in said(tmp_path)
    assert "and the autoscaler brings only big with 2 CPUs and 0 GPUs" in said(tmp_path)
    assert not (tmp_path / "runs").exists()
