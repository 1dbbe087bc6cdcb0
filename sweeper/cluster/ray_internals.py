"""All code that uses parts of Ray that Ray doesn't promise to keep.

Tested with Ray 2.60 and 2.52.1, the newest and the oldest that pyproject.toml allows. If another
version behaves differently, look here first.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray._private.services import psutil

if TYPE_CHECKING:
    from ray.tune.experiment import Trial

HEAD = "node:__internal_head__"  # a resource that Ray gives to the head node alone
MONITORS = ("autoscaler/_private/monitor.py", "autoscaler/v2/monitor.py")  # run the autoscaler
# Asks a cluster's head, with or without a token. Run in a process of its own: Ray's client dies of
# a missing token, and of a changed mode.
KNOCK = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"


def read_settings_again() -> None:
    """Makes Ray heed settings in `os.environ` that it has read when it was imported."""
    from ray._raylet import Config  # type: ignore[attr-defined]

    Config.initialize("")


def file_of_current_cluster() -> Path:
    """Returns the file in which the last `ray start` on this machine left its cluster's address.

    Ray makes its folder, in /tmp, writable for everybody.
    """
    return Path(ray._common.utils.get_ray_address_file(None))


def addresses_of_raylets() -> list[tuple[str, int]]:
    """Returns the clusters of nodes on this machine, with the user id of each node's process."""
    from ray._private.services import _is_raylet_process

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
    """Checks whether this process is connected by `ray://`."""
    return bool(ray.util.client.ray.is_connected())


def start_options() -> dict[str, Any]:
    """Returns the options of `ray.init` for a Ray that this process starts."""
    return {
        "_system_config": {
            # Ray waits for its first workers in C++, for ever, and holds Python's lock meanwhile:
            # if one of them dies, not even Ctrl-C is heard.
            "prestart_worker_first_driver": False,
            # Ray's head keeps 13 kB per call, for this many calls; a trial is two: 1.3 GB by
            # default.
            "task_events_max_num_task_in_gcs": 1_000,
        }
    }


def descendants_of_ray() -> list[Any]:
    """Returns Ray's processes that this process has started, and their children.

    They are `psutil.Process`, including those that have just ended, but not what workers have
    started, which is the user's.
    """
    parents = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            parents[process] = process.ppid()
    main = {p.pid for p, parent in parents.items() if parent == os.getpid() and _is_of_ray(p)}
    return [p for p, parent in parents.items() if p.pid in main or parent in main]


def _is_of_ray(process: Any) -> bool:
    words: list[str] = []
    with suppress(psutil.Error):
        words = process.cmdline()
    with suppress(psutil.Error):
        words = words or [process.name()]  # all that is left of a dead one
    own = str(Path(ray.__file__).parent)
    return any(word.startswith((own, "raylet", "gcs_server")) for word in words)


def head_answers(timeout_s: float) -> bool:
    """Checks that the head of the connected Ray answers at all."""
    try:
        client: Any = ray._private.worker.global_worker.gcs_client  # type: ignore[attr-defined]
        client.internal_kv_exists(b"sweeper", None, timeout=timeout_s)
    except Exception:  # of Ray's own kinds, and an AttributeError once Ray is left
        return False
    return True


def forget_shutdown_at_exit() -> None:
    """Keeps Ray's shutdown at exit from waiting for what is stuck in a thread."""
    atexit.unregister(ray._private.worker.shutdown)


def own_node() -> Any:
    """Returns the Ray processes that this process has started; None if it has joined others'."""
    return ray._private.worker._global_node


def memory_bytes() -> tuple[int, int]:
    """Returns total and used memory as Ray counts it, within the limits of a container."""
    from ray._common.utils import get_system_memory
    from ray._private.utils import get_used_memory

    return get_system_memory(), get_used_memory()


def start_no_other_ray() -> None:
    """Keeps code left in threads after a shutdown from starting another Ray."""
    ray._private.auto_init_hook.enable_auto_connect = False


def with_limit(client: Any, limit_s: float) -> Any:
    """Limits how long a `JobSubmissionClient` waits for an answer; Ray's own waits for ever."""
    client._do_request = partial(client._do_request, timeout=limit_s)
    return client


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
    """Returns the actor that runs one of Tune's trials; None if there is none."""
    return trial.temporary_state.ray_actor


def forget_ended(tune: Any) -> None:
    """Lets Tune drop ended trials, all of which it would keep until the last one has ended.

    Args:
        tune: the controller, as a scheduler gets it.
    """
    from ray.tune.progress_reporter import TrialProgressCallback

    controller = tune._tune_controller
    ended = {
        trial
        for trial in controller._trials
        if trial.is_finished() and trial not in controller._trial_to_actor
    }
    if ended:
        controller._trials[:] = [trial for trial in controller._trials if trial not in ended]
        for kept in ("_stopped_trials", "_failed_trials", "_trials_to_cache"):
            getattr(controller, kept).difference_update(ended)
        for callback in controller._callbacks._callbacks:
            if isinstance(callback, TrialProgressCallback):
                callback._completed_trials -= ended
                for printed in (callback._last_print, callback._last_print_iteration):
                    for trial in ended:
                        printed.pop(trial, None)


@contextmanager
def known_trainables() -> Iterator[None]:
    """Keeps Tune from asking Ray's head, several times a trial, for what it stored there."""
    from ray.tune.registry import _global_registry as registry

    get = cache(registry.get)

    def contains(category: str, key: str) -> bool:
        with suppress(ValueError):  # nothing is cached of what does not exist yet
            return get(category, key) is not None
        return False

    vars(registry).update(get=get, contains=contains)  # beside the methods of its class
    try:
        yield
    finally:
        del vars(registry)["get"], vars(registry)["contains"]


@contextmanager
def uncounted_callbacks() -> Iterator[None]:
    """Keeps Tune from loading MLflow, W&B and Comet, where they are installed.

    It takes seconds, and serves Ray's usage statistics only.
    """
    from ray.air._internal import usage

    before = usage.tag_callbacks
    usage.tag_callbacks = lambda callbacks: False
    try:
        yield
    finally:
        usage.tag_callbacks = before


def try_no_more(trial: "Trial") -> None:
    """Keeps Tune from starting a trial again when its process dies."""
    trial.max_failures = 0
