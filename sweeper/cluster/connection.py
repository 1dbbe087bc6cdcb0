"""The Ray that a sweep runs on: one of this machine's own, or a running cluster."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from sweeper.cluster.ray_internals import address_started_here, is_client, unprinted_deaths
from sweeper.cluster.token import use_token

_NO_CLIENT = (
    "{}: a Ray client connection (ray://) would run the sweep on the head node without saying so. "
    "Run the script there: ray submit cluster.yaml SCRIPT, or ray job submit. "
    "The shell sends sweeps there: sweeper run … --cluster cluster.yaml."
)


@contextmanager
def connected(address: str | None) -> Iterator[str]:
    """Connects to Ray for the time of a sweep; yields a line that says to which.

    `None` takes the first there is: a Ray initialised in this process, `RAY_ADDRESS`, one that
    `ray start` started on this machine, or a new one. "local" always starts a new one. Only a Ray
    that was started here is stopped again, only a connection that was made here is closed.

    Raises:
        ValueError: an address of the form `ray://…`, or this process is connected so.
        ConnectionError: nothing answers at the address, it wants a token that is not here, or has
            another version of Python or Ray.
    """
    if ray.is_initialized():
        if address is not None:
            raise ValueError(
                f"address={address!r}, but this process is connected to a Ray already. "
                "Leave address out to use it, or call ray.shutdown() first."
            )
        if is_client():
            raise ValueError(_NO_CLIENT.format("This process"))
        yield "Ray of this process"
        return
    address = address or os.environ.get("RAY_ADDRESS") or _started_here() or "local"
    if address == "auto":
        address = _started_here() or "auto"
    where = _join_or_start(address)
    try:
        yield where
    finally:
        ray.shutdown()


def _started_here() -> str | None:
    """The address of the Ray that `ray start` started on this machine, if it is still there.

    Not `ray.init("auto")`, which would also join the private Ray of another program.
    """
    address = address_started_here()
    try:
        if address:
            _check_reachable(address)
    except (ConnectionError, ValueError):
        return None  # left behind by a Ray that has gone
    return address or None


def _join_or_start(address: str) -> str:
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if wants_logs():
        options = {}
    if address == "local":
        with quiet():
            ray.init(address="local", include_dashboard=False, **options)
        return "this machine"
    if address.startswith("ray://"):
        raise ValueError(_NO_CLIENT.format(address))
    if address.startswith(("http://", "https://")):
        raise ValueError(
            f"{address}: jobs are sent there, from the shell: sweeper run … --address {address}. "
            "sweeper.run wants HOST:PORT of a cluster that this machine is part of."
        )
    if address != "auto":
        _check_reachable(address)
        use_token(address)
    try:
        with quiet():
            ray.init(address=address, **options)
    except ConnectionError as error:
        raise ConnectionError(
            f"No Ray answers at {address!r}: {error}. Start one with `ray start --head`, or leave "
            "the address out."
        ) from error
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise
        _, _, told = " ".join(str(error).split()).partition(": ")
        raise ConnectionError(
            f"Ray at {address} has other versions: {told}. Use the same ones on both sides."
        ) from error
    return f"Ray at {ray.get_runtime_context().gcs_address}"


def _check_reachable(address: str, timeout_s: float = 5) -> None:
    """Ray itself waits very long for an address where nothing answers."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(
            f"address={address!r}: must be HOST:PORT of a Ray head node, 'auto', 'local' or "
            "'inline'."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout_s).close()
    except OSError as error:
        raise ConnectionError(f"No Ray answers at {address}: {error}.") from error


def answers(address: tuple[str, int], timeout_s: float) -> bool:
    """Whether something listens at a host and port."""
    try:
        socket.create_connection(address, timeout_s).close()
    except OSError:
        return False
    return True


def wants_logs() -> bool:
    """Whether the user asks for what Ray and Tune have to say."""
    return bool(os.environ.get("SWEEPER_RAY_LOGS"))


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps Ray and Tune from talking of themselves, unless `SWEEPER_RAY_LOGS` is set."""
    if wants_logs():
        yield
        return
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with unprinted_deaths():  # the row of its trial tells it in a line
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


_TALKATIVE = (
    "ray",
    "ray.tune",
    "ray.tune.tune",
    "ray.tune.analysis.experiment_analysis",
    "ray._private.worker",
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
)
