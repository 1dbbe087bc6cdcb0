"""Describes a node for `sweeper doctor`; this code travels to the node with the question."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sweeper.cluster.nodes import digest_of
from sweeper.cluster.pulse import answers
from sweeper.cluster.ray_internals import memory_bytes
from sweeper.training.fashion_mnist import place_of_files
from sweeper.worker.versions import versions

_CONNECT_S = 3
_SHARED_MEMORY = "/dev/shm"  # where Ray has its objects, except on macOS

Address = tuple[str, int]


def state(ports: Mapping[str, Sequence[Address]], marker: str) -> dict[str, Any]:
    """Returns plain data about the node that this runs on.

    Args:
        ports: name of a node → host and port of its Ray.
        marker: a file that the driver has just written.
    """
    return {
        "versions": versions(),
        **memory(),
        "shm_bytes": shm_bytes(),
        "fashion_mnist": place_of_files(),
        "marker": digest_of(marker),
        "unreachable": unreachable(ports),
    }


def memory() -> dict[str, int]:
    """Returns the total and free memory in bytes, within a container's limits if there are any."""
    total, used = memory_bytes()
    return {"memory_bytes": total, "free_bytes": max(0, total - used)}


def shm_bytes() -> int | None:
    """Returns the size of Ray's shared memory for objects; None where it has none of its own."""
    if sys.platform != "linux" or not os.path.isdir(_SHARED_MEMORY):
        return None
    status = os.statvfs(_SHARED_MEMORY)
    return status.f_blocks * status.f_frsize


def unreachable(ports: Mapping[str, Sequence[Address]]) -> list[tuple[str, int]]:
    """Returns the nodes, each with a port, to which this one can't connect."""
    tried = [(name, address) for name, addresses in ports.items() for address in addresses]
    with ThreadPoolExecutor(32) as threads:
        connected = threads.map(lambda one: answers(one[1], _CONNECT_S), tried)
        return [
            (name, address[1])
            for (name, address), connects in zip(tried, connected, strict=True)
            if not connects
        ]


def clock() -> float:
    """Returns seconds since 1970 by this node's clock."""
    return time.time()


def clock_offset(asked_s: float, told_s: float, answered_s: float) -> float:
    """Returns by how much the clock that read `told_s` is at least ahead, or behind (< 0)."""
    if told_s < asked_s:
        return told_s - asked_s
    return max(0.0, told_s - answered_s)
