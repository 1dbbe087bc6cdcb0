"""Connects a sweep to Ray: a new one on this machine, or a running cluster."""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray

from sweeper.cluster.ray_internals import (
    addresses_of_raylets,
    file_of_current_cluster,
    is_client,
    start_options,
    unprinted_deaths,
)
from sweeper.cluster.strangers import is_stranger, name_of, stranger_at
from sweeper.cluster.token import try_to_join
from sweeper.cluster.watchdog import Watch
from sweeper.files import NotAPlainFileError, open_plain

_LONGEST_ADDRESS = 300  # bytes
_MOST_TRIES_S = 300.0  # each has a limit of its own
_NO_ANSWER = (
    "No Ray answers at {!r}: {}. Start one with `ray start --head`, or leave the address out."
)
_NO_CLIENT = (
    "{}: a Ray client connection (ray://) would run the sweep on the head node without saying so. "
    "Run the script there: ray submit cluster.yaml SCRIPT, or ray job submit. "
    "The shell sends sweeps there: sweeper run … --cluster cluster.yaml."
)


def _say_nothing(message: str) -> None:
    pass


@contextmanager
def connected(
    address: str | None, say: Callable[[str], None] = _say_nothing, watch: Watch | None = None
) -> Iterator[str]:
    """Connects to Ray for the time of a sweep; yields a line that says to which.

    `None` takes the first that exists: a Ray initialised in this process, `RAY_ADDRESS`, one that
    `ray start` started on this machine, or a new one. "local" always starts a new one. A Ray is
    stopped afterwards only if it was started here, and a connection closed only if it was made
    here.

    An address that the user has not named is used only if it comes from this user or root, and, on
    this machine, if their process listens there: the other end is shown the token and may run code
    here. Others are reported to `say`. `watch` monitors the Ray, then and later.

    Raises:
        ValueError: an address of the form `ray://…`, or this process is connected so.
        ConnectionError: nothing answers at the address, it wants a token that is not here, or has
            another version of Python or Ray; or a new Ray failed to start twice.
    """
    watch = watch or Watch(say)
    if ray.is_initialized():
        if address is not None:
            raise ValueError(
                f"address={address!r}, but this process is connected to a Ray already. "
                "Leave address out to use it, or call ray.shutdown() first."
            )
        if is_client():
            raise ValueError(_NO_CLIENT.format("This process"))
        watch.connected()
        try:
            yield "Ray of this process"
        finally:
            watch.look_away()
        return
    address = address or os.environ.get("RAY_ADDRESS") or _started_here(say) or "local"
    if address == "auto":
        address = _started_here(say) or _runs_here(say)
    where = _join_or_start(address, watch)
    try:
        watch.connected()
        yield where
    finally:
        watch.leave()


def _started_here(say: Callable[[str], None]) -> str | None:
    """Returns the address of the Ray that `ray start` started on this machine, if it still runs.

    Not `ray.init("auto")`, which would also join the private Ray of another program.
    """
    path = file_of_current_cluster()
    try:
        with open_plain(path) as file:
            owner = os.fstat(file.fileno()).st_uid
            address = file.read(_LONGEST_ADDRESS).decode(errors="replace").strip()
    except OSError:
        return None
    except NotAPlainFileError:
        say(
            f"Note: {path} is not a plain file, so sweeper does not use the Ray running on this "
            "machine. Remove the file, or name the Ray that you want: address=HOST:PORT."
        )
        return None
    return _ours(address, owner, str(path), say)


def _runs_here(say: Callable[[str], None]) -> str:
    """Returns the address of any Ray that runs on this machine.

    Raises:
        ConnectionError: there is none, except other users'.
    """
    for address, owner in addresses_of_raylets():
        if joined := _ours(address, owner, "a process of Ray's", say):
            return joined
    raise ConnectionError(
        "address='auto': no Ray of yours runs on this machine. Start one with `ray start --head`, "
        "or leave the address out."
    )


def _ours(address: str, owner: int, source: str, say: Callable[[str], None]) -> str | None:
    """Returns an address that the user hasn't named, if it may be used and something answers."""
    stranger = owner if is_stranger(owner) else None
    if stranger is None:
        try:
            host, port = _check_reachable(address)
        except (ConnectionError, ValueError):
            return None  # left behind by a Ray that is gone
        stranger = stranger_at(host, port)
        if stranger is None:
            return address
        source = "what listens there"
    shown = address if address.isprintable() else ascii(address)
    say(
        f"Note: the Ray at {shown} is not joined, since {source} belongs to {name_of(stranger)}. "
        f"If you trust it: address={shown!r}."
    )
    return None


def _join_or_start(address: str, watch: Watch) -> str:
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if wants_logs():
        options = {}
    if address == "local":
        options |= {"address": "local", "include_dashboard": False, **start_options()}
        with quiet():
            watch.start(lambda: ray.init(**options), "it starts on this machine")
        return "this machine"
    if address.startswith("ray://"):
        raise ValueError(_NO_CLIENT.format(address))
    if address.startswith(("http://", "https://")):
        raise ValueError(
            f"{address}: jobs are sent there, from the shell: sweeper run … --address {address}. "
            "sweeper.run needs HOST:PORT of a cluster that this machine is part of."
        )
    _check_reachable(address)
    joining = f"{address} is joined"
    try:
        watch.run(lambda: _answers_at_last(address), joining, _MOST_TRIES_S)
    except TimeoutError as error:
        raise ConnectionError(_NO_ANSWER.format(address, error)) from error
    try:
        with quiet():
            watch.run(lambda: ray.init(address=address, **options), joining)
    except ConnectionError as error:
        raise ConnectionError(_NO_ANSWER.format(address, error)) from error
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise
        _, _, told = " ".join(str(error).split()).partition(": ")
        raise ConnectionError(
            f"Ray at {address} has other versions: {told}. Use the same ones on both sides."
        ) from error
    return f"Ray at {ray.get_runtime_context().gcs_address}"


def _answers_at_last(address: str) -> None:
    """Tries to join a cluster, a second time if it is silent."""
    try:
        try_to_join(address)
    except TimeoutError:
        try_to_join(address)


def _check_reachable(address: str, timeout_s: float = 5) -> tuple[str, int]:
    """Returns host and port of an address if it answers; Ray itself waits very long for that."""
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port[:6]) < 2**16):
        raise ValueError(
            f"address={address!r}: must be HOST:PORT of a Ray head node, 'auto', 'local' or "
            "'inline'."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout_s).close()
        return host.strip("[]"), int(port)
    except OSError as error:
        raise ConnectionError(f"No Ray answers at {address}: {error}.") from error


def wants_logs() -> bool:
    """Checks whether the user asks for Ray's and Tune's own messages."""
    return bool(os.environ.get("SWEEPER_RAY_LOGS"))


@contextmanager
def quiet() -> Iterator[None]:
    """Silences Ray's and Tune's own messages, unless `SWEEPER_RAY_LOGS` is set."""
    if wants_logs():
        yield
        return
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with unprinted_deaths():  # the row of its trial says it in a line
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
