"""Reads a cluster's configuration file: its machines, and the nodes that its autoscaler may add."""

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import yaml
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.cluster.ray_internals import HEAD, MONITORS
from sweeper.cluster.resources import Resources
from sweeper.cluster.strangers import is_stranger

_FIXED = ("local", "readonly")  # providers whose set of nodes is fixed


@dataclass(frozen=True)
class Autoscaler:
    """The node types an autoscaler may add: their resources, how many of each type and in all."""

    node_types: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, int]
    max_nodes: int

    def types_for(self, resources: Resources) -> list[str]:
        """Returns the node types that can run a trial."""
        return [
            name
            for name, have in self.node_types.items()
            if self.counts[name] and resources.fit_on(have)
        ]

    def most_workers(self, resources: Resources) -> int:
        """Counts the workers that fit on nodes that may be added, those with most room first."""
        rooms = [(resources.fit_on(have), name) for name, have in self.node_types.items()]
        left, fit = self.max_nodes, 0
        for room, name in sorted(rooms, reverse=True):
            nodes = min(self.counts[name], left)
            left -= nodes
            fit += nodes * room
        return fit


def find_autoscaler(nodes: Iterable[Mapping[str, Any]]) -> Autoscaler | None:
    """Returns this Ray's autoscaler, if it has one that adds nodes on demand.

    Args:
        nodes: the present nodes, of `ray.nodes()`.
    """
    return as_autoscaler(cluster_config(nodes))


def cluster_config(nodes: Iterable[Mapping[str, Any]]) -> Any:
    """Returns the configuration of this Ray's autoscaler; None if there is none.

    Ray's own records don't contain it (`get_cluster_config` is empty), so this reads the
    autoscaler's own file on the head node.
    """
    context = ray.get_runtime_context()
    port = context.gcs_address.rpartition(":")[2]
    head = next((node["NodeID"] for node in nodes if HEAD in node["Resources"]), None)
    if head == context.get_node_id():
        return _autoscaling_config(port)
    if head is None:
        return None
    there = NodeAffinitySchedulingStrategy(head, soft=False)
    ask = ray.remote(num_cpus=0, max_retries=0)(_autoscaling_config)
    try:
        return ray.get(ask.options(scheduling_strategy=there).remote(port), timeout=30)
    except (RayError, TimeoutError):
        return None


def as_autoscaler(config: Any) -> Autoscaler | None:
    """Reads what a cluster's configuration allows its autoscaler; None if the nodes are fixed."""
    if not isinstance(config, dict) or config.get("provider", {}).get("type") in _FIXED:
        return None
    node_types = config.get("available_node_types", {})
    most = config.get("max_workers", 2)
    counts = {  # missing entries have Ray's defaults
        name: node_type.get("max_workers", 0 if name == config.get("head_node_type") else most)
        for name, node_type in node_types.items()
    }
    resources = {name: node_type.get("resources", {}) for name, node_type in node_types.items()}
    return Autoscaler(resources, counts, most)


def absent_machines(config: Any, nodes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Lists machines named in a cluster's file that are no nodes; empty if it names none."""
    provider = config.get("provider") if isinstance(config, dict) else None
    if not isinstance(provider, dict) or provider.get("type") != "local":
        return []
    there = {node["NodeManagerAddress"] for node in nodes}
    machines = [provider.get("head_ip"), *provider.get("worker_ips", [])]
    return [machine for machine in machines if machine and _address(machine) not in there]


def _address(machine: str) -> str:
    """Returns the address of a machine that may be given by its name."""
    try:
        return socket.gethostbyname(machine)
    except OSError:
        return machine


def _autoscaling_config(port: str) -> Any:
    """Returns the autoscaler's configuration for the Ray with this port, on this machine."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if is_stranger(file.stat().st_uid):
                continue  # who could name any file
            words = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # the process has ended
        options = dict(word.split("=", 1) for word in words if "=" in word)
        is_monitor = any(word.endswith(MONITORS) for word in words[:4])
        if is_monitor and options.get("--gcs-address", "").endswith(f":{port}"):
            path = options.get("--autoscaling-config")
            try:
                return path and yaml.safe_load(Path(path).expanduser().read_text())
            except (OSError, yaml.YAMLError):
                return None
    return None
