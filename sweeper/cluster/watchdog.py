"""Notices that Ray has died, which Tune would wait for without end."""

import threading
from collections.abc import Callable

import ray

from sweeper.cluster.connection import answers
from sweeper.cluster.ray_internals import start_no_other_ray

_EVERY_S = 1.0
_TIMEOUT_S = 2.0
_MISSES = 3  # in a row: one alone may be a machine that is very busy


def run_watched(work: Callable[[], None]) -> None:
    """Runs `work` in a thread and waits until it is done; Ray is connected.

    Raises:
        ConnectionError: Ray's head or its part on this machine has died; the thread is left alone.
        BaseException: whatever `work` raises.
    """
    raised: list[BaseException] = []

    def carry_out() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    parts = _parts_of_ray()
    thread = threading.Thread(target=carry_out, name="sweeper-tune", daemon=True)
    thread.start()
    misses = 0
    while thread.is_alive():
        thread.join(_EVERY_S)
        dead = [name for name, address in parts.items() if not answers(address, _TIMEOUT_S)]
        misses = misses + 1 if dead else 0
        if misses == _MISSES and thread.is_alive():
            # Once Ray is shut down, what is left in the thread would start another one.
            start_no_other_ray()
            raise ConnectionError(f"{' and '.join(dead)} died. The sweep can be resumed.")
    if raised:
        raise raised[0]


def _parts_of_ray() -> dict[str, tuple[str, int]]:
    """Where the processes listen that a driver can't do without."""
    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    here = next(node for node in ray.nodes() if node["NodeID"] == context.get_node_id())
    return {
        "Ray's head (its GCS)": (host.strip("[]"), int(port)),
        "Ray on this machine (its raylet)": (here["NodeManagerAddress"], here["NodeManagerPort"]),
    }
