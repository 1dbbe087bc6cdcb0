"""Collects what `sweeper doctor` shows: this machine, the cluster, its nodes, and their faults."""

import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray

from sweeper.cluster.autoscaler import absent_machines, cluster_config
from sweeper.cluster.connection import connected
from sweeper.cluster.fleet import Fleet, count_workers
from sweeper.cluster.node_state import clock, clock_offset, state
from sweeper.cluster.nodes import Answer, alive_nodes, ask_nodes, digest_of, node_name
from sweeper.cluster.resources import Resources
from sweeper.cluster.token import exposed_token, wants_token
from sweeper.cluster.watchdog import Watch
from sweeper.training.fashion_mnist import place_of_files
from sweeper.worker.versions import differences, versions

_LIMIT_S = 300.0  # each of several questions has its own limit
_MOST_CLOCK_S = 3
_LEAST_FREE = 0.05  # Ray ends workers when more than 95 % of a node's memory is used
_START_AGAIN = "start Ray there again"


@dataclass(frozen=True)
class Finding:
    """A fault, and what to do about it."""

    fault: str
    cure: str


@dataclass
class Node:
    """One row of the table; None for what is unknown of a node that doesn't answer."""

    name: str
    cpus: float
    gpus: float
    store_bytes: int  # the size of Ray's object store
    silence: str | None = None  # why it does not answer
    memory_bytes: int | None = None
    free_bytes: int | None = None
    shm_bytes: int | None = None
    clock_s: float | None = None  # ahead of this machine's, beyond the time it takes to ask
    unreachable: Sequence[tuple[str, int]] = ()  # nodes and their ports
    fashion_mnist: str | None = None  # the place of its files
    sees_folder: bool | None = None
    differences: Sequence[str] = ()  # of versions, from those of this machine


@dataclass
class Report:
    """The doctor's whole report."""

    versions: dict[str, str | None]  # on this machine
    folder: Path  # the folder of sweeps
    resources: Resources  # the share of each trial
    fashion_mnist: str | None = None  # the place of this machine's files, which others get from it
    where: str | None = None  # None if the cluster was not reached
    reached_s: float | None = None
    wants_token: bool | None = None
    nodes: list[Node] = field(default_factory=list)
    workers: int = 0  # on the present nodes
    most_workers: int = 0  # with nodes that an autoscaler may add
    findings: list[Finding] = field(default_factory=list)

    def note(self, message: str) -> None:
        """Adds a message that came up while connecting; it ends with its cure."""
        self.findings.append(_as_finding(ValueError(message.removeprefix("Note: ")), ""))


def token_findings() -> list[Finding]:
    """Lists the faults of this machine's token file."""
    path = exposed_token()
    if path is None:
        return []
    fault = f"{path}: other users can read this token, and do on your clusters what you can."
    return [Finding(fault, f"chmod 600 {shlex.quote(str(path))}")]


def examine(address: str | None, resources: Resources, folder: str | Path) -> Report:
    """Connects as `sweeper.run` does, and asks all nodes.

    Args:
        address: as for `sweeper.run`.
        resources: the share of each trial in the sweep to come.
        folder: the folder of sweeps.

    Raises:
        ValueError: the address is malformed.
    """
    report = Report(versions(), Path(folder).absolute(), resources, place_of_files())
    report.findings += token_findings()
    start = time.monotonic()
    try:
        watch = Watch(lambda said: print(said, file=sys.stderr))
        with connected(address, report.note, watch) as where:
            report.where, report.reached_s = where, time.monotonic() - start
            watch.run(lambda: _look(report), "its nodes are asked", _LIMIT_S)
    except ConnectionError as error:
        cure = "Is Ray up there (`ray status` on that machine), and its port open to this one?"
        report.findings.append(_as_finding(error, cure))
    return report


def _look(report: Report) -> None:
    """Adds what the connected Ray and its nodes say."""
    if report.where != "this machine":
        report.wants_token = wants_token(ray.get_runtime_context().gcs_address)
    report.nodes = _ask(report)
    report.findings += [found for node in report.nodes for found in faults_of(node)]
    alive = alive_nodes()
    report.findings += map(_absent, absent_machines(cluster_config(alive), alive))
    try:
        report.workers = count_workers(report.resources)
        report.most_workers = Fleet(None, report.resources, sys.maxsize).limit()
    except ValueError as error:
        report.findings.append(_as_finding(error, ""))


def _size(number: int | None) -> str:
    """Formats bytes in words, such as `7.8 GiB`."""
    number = number or 0
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.0f} MiB"


def faults_of(node: Node) -> list[Finding]:
    """Lists the faults of a node."""
    if node.silence is not None:
        return [
            Finding(
                f"{node.name} does not answer: {node.silence}.",
                "Look at its logs (/tmp/ray/session_latest/logs). A firewall between it and this "
                "machine does that too: Ray's workers listen on ports of their own "
                "(`ray start --min-worker-port --max-worker-port`).",
            )
        ]
    found = [
        Finding(
            f"{node.name} has {line}.",
            "Install the driver's version in the environment that runs `ray start` on that node, "
            f"and {_START_AGAIN}; or start sweeps with the version that the nodes have.",
        )
        for line in node.differences
    ]
    if node.shm_bytes is not None and node.shm_bytes < node.store_bytes:
        found.append(
            Finding(
                f"{node.name} has {_size(node.shm_bytes)} of /dev/shm, less than the "
                f"{_size(node.store_bytes)} of Ray's object store, which is then on the disk.",
                f"Enlarge it (docker run --shm-size, or mount -o remount,size=), or {_START_AGAIN} "
                "with a smaller --object-store-memory.",
            )
        )
    if node.memory_bytes and (node.free_bytes or 0) < _LEAST_FREE * node.memory_bytes:
        found.append(
            Finding(
                f"{node.name} has {_size(node.free_bytes)} of its {_size(node.memory_bytes)} of "
                "memory left: Ray ends workers there.",
                "End what takes it, or take the node out of the cluster.",
            )
        )
    if abs(node.clock_s or 0) > _MOST_CLOCK_S:
        found.append(
            Finding(
                f"{node.name}: its clock is {abs(node.clock_s or 0):.0f} s "
                f"{'ahead of' if (node.clock_s or 0) > 0 else 'behind'} this machine's.",
                "Let both keep time (timedatectl set-ntp true).",
            )
        )
    if node.unreachable:
        ports = ", ".join(f"{name} port {port}" for name, port in node.unreachable)
        found.append(
            Finding(
                f"{node.name} can't connect to {ports}.",
                "Let the firewall pass all TCP between the machines of the cluster: Ray listens on "
                "many ports, most of them chosen as it starts.",
            )
        )
    return found


def _absent(machine: str) -> Finding:
    return Finding(
        f"{machine} is in the cluster's file, but is not a node.",
        "Wait if `ray up` was just now: the machine is being set up, which takes minutes if it "
        "gets torch. `ray monitor cluster.yaml` shows what goes on there, or wrong.",
    )


def _ask(report: Report) -> list[Node]:
    """Returns a row for each node; asks twice, since the time needs nodes that are warm."""
    nodes = alive_nodes()
    ports = {
        node_name(node): [
            (node["NodeManagerAddress"], node[port])
            for port in ("NodeManagerPort", "ObjectManagerPort")
        ]
        for node in nodes
    }
    answers, expected = _ask_states(nodes, ports, report)
    rows = [_row(answer, report.versions, expected) for answer in answers]
    awake = [node for node, row in zip(nodes, rows, strict=True) if row.silence is None]
    row_of = {row.name: row for row in rows}
    asked_s = time.time()
    times = ask_nodes(clock, nodes=awake)
    answered_s = time.time()
    for answer in times:
        if answer.value is not None:
            row_of[answer.name].clock_s = clock_offset(asked_s, answer.value, answered_s)
    return rows


def _ask_states(
    nodes: list[dict[str, Any]], ports: dict[str, Any], report: Report
) -> tuple[list[Answer], str | None]:
    """Returns the nodes' answers, and the digest of a new file beside the sweeps."""
    beside = next(path for path in (report.folder, *report.folder.parents) if path.is_dir())
    try:
        marker = tempfile.NamedTemporaryFile(dir=beside, prefix=".sweeper-doctor-")  # noqa: SIM115
    except OSError as error:
        cure = "Give it to this user, or keep sweeps elsewhere (sweeper run --folder)."
        report.findings.append(Finding(f"{beside} can't be written: {error.strerror}.", cure))
        return ask_nodes(state, ports, "", nodes=nodes), None
    with marker:
        marker.write(marker.name.encode())
        marker.flush()
        return ask_nodes(state, ports, marker.name, nodes=nodes), digest_of(marker.name)


def _row(answer: Answer, here: dict[str, str | None], expected: str | None) -> Node:
    have = answer.node["Resources"]
    node = Node(
        name=answer.name,
        cpus=have.get("CPU", 0),
        gpus=have.get("GPU", 0),
        store_bytes=int(have.get("object_store_memory", 0)),
        silence=repr(answer.exception) if answer.exception else answer.silence,
    )
    if node.silence is None:
        told = answer.value
        node.differences = differences(told["versions"], here)
        node.sees_folder = None if expected is None else told["marker"] == expected
        for name in ("memory_bytes", "free_bytes", "shm_bytes", "unreachable", "fashion_mnist"):
            setattr(node, name, told[name])
    return node


def _as_finding(error: Exception, cure: str) -> Finding:
    """Splits off the cure with which our errors end; `cure` is for other errors."""
    fault, _, told = str(error).partition(". ")
    return Finding(fault.rstrip(".") + ".", told or cure)
