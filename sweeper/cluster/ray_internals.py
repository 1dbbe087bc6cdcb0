"""All that holds on to parts of Ray that Ray doesn't promise to keep.

Tried with Ray 2.60. Where another version behaves otherwise, this is the file to look at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

if TYPE_CHECKING:
    from ray.tune.experiment import Trial


def file_of_current_cluster() -> Path:
    """Where the last `ray start` on this machine has left the address of its cluster.

    Ray makes the folder, in /tmp, for everybody to write.
    """
    return Path(ray._common.utils.get_ray_address_file(None))


def addresses_of_raylets() -> list[tuple[str, int]]:
    """The clusters that nodes on this machine belong to, and the user id of each node's process."""
    from ray._private.services import _is_raylet_process, psutil

    found = []
    for process in psutil.process_iter(["cmdline", "uids"]):
        words, users = process.info["cmdline"], process.info["uids"]
        if users is None or not _is_raylet_process(words):
            continue
        options = dict(word.split("=", 1) for text in words for word in text.split() if "=" in word)
        if address := options.get("--gcs-address"):
            found.append((address, users.real))
    return found


def is_client() -> bool:
    """Whether this process is connected by `ray://`."""
    return bool(ray.util.client.ray.is_connected())


def own_node() -> Any:
    """Ray's processes that this process has started; None if it has joined others'."""
    return ray._private.worker._global_node


def memory_bytes() -> tuple[int, int]:
    """The memory in all and in use as Ray counts it, within the limits of a container."""
    from ray._common.utils import get_system_memory
    from ray._private.utils import get_used_memory

    return get_system_memory(), get_used_memory()


def start_no_other_ray() -> None:
    """What is left in threads after a shutdown must not start another Ray."""
    ray._private.auto_init_hook.enable_auto_connect = False


@contextmanager
def unprinted_deaths() -> Iterator[None]:
    """Keeps Ray from printing a page of text for each worker that dies."""
    worker = ray._private.worker
    before = worker.print_to_stdstream
    worker.print_to_stdstream = lambda *arguments, **options: None
    try:
        yield
    finally:
        worker.print_to_stdstream = before


def actor_of(trial: "Trial") -> Any:
    """The actor that runs one of Tune's trials; None if there is none."""
    return trial.temporary_state.ray_actor


def forget_results(trial: "Trial") -> None:
    """Lets go of Tune's results and statistics of a trial, most of what it keeps of one."""
    trial.run_metadata.metric_analysis.clear()
    trial.run_metadata.metric_n_steps.clear()
    trial.run_metadata.last_result = {}


def try_no_more(trial: "Trial") -> None:
    """Keeps Tune from starting a trial again when its process dies."""
    trial.max_failures = 0
