"""Connects to a cluster's head from a laptop: its jobs API, by address or through a tunnel."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from sweeper.cluster.strangers import name_of, stranger_at
from sweeper.extras import extras_named
from sweeper.record.own_sweeps import Head
from sweeper.terminal import printable, tell

_CONNECT_S = 5.0
_ANSWER_S = 60.0  # seconds, for a very busy head
_TUNNEL_S = 60.0  # that ssh to a distant or busy head may take
_SAY_AFTER_S = 10.0
_END_S = 5.0


@contextmanager
def reached(head: Head) -> Iterator[Any]:
    """Yields Ray's `JobSubmissionClient` for the head.

    Raises:
        ConnectionError: nothing answers there, or it wants a token that is not here.
        FileNotFoundError: there is no such YAML file.
        ImportError: `ray[default]` is not installed.
    """
    if head.cluster is None:
        assert head.address is not None
        yield _client(head.address.rstrip("/"))
        return
    with _tunnel(Path(head.cluster)) as address:
        yield _client(address)


def _client(address: str) -> Any:
    with extras_named():
        from ray.exceptions import AuthenticationError

    from sweeper.cluster.connection import quiet
    from sweeper.cluster.ray_internals import with_limit
    from sweeper.cluster.token import bearer, token_fault

    try:
        import aiohttp  # noqa: F401
        from ray.job_submission import JobSubmissionClient
    except ImportError as error:
        raise ImportError(
            f"{error}. Jobs need more of Ray: pip install 'sweeper[cluster]'."
        ) from error
    url = urlsplit(address)
    if not url.hostname:
        raise ValueError(f"address={address!r}: must be http://HOST:PORT of a cluster's dashboard.")
    try:
        # Ray itself waits for minutes if nothing answers.
        port = url.port or {"https": 443}.get(url.scheme, 80)
        socket.create_connection((url.hostname, port), _CONNECT_S).close()
        with quiet():
            try:
                return with_limit(JobSubmissionClient(address), _ANSWER_S)
            except AuthenticationError:
                return with_limit(JobSubmissionClient(address, headers=bearer()), _ANSWER_S)
    except AuthenticationError as error:
        raise ConnectionError(f"The cluster at {address} {token_fault()}") from error
    except (OSError, RuntimeError) as error:
        raise ConnectionError(
            f"No dashboard of a Ray cluster answers at {address}: {error}."
        ) from error


@contextmanager
def _tunnel(cluster: Path) -> Iterator[str]:
    """Yields an address of this machine for the dashboard of a cluster started by `ray up`."""
    if not cluster.is_file():
        raise FileNotFoundError(f"{cluster}: no such file. Give the YAML file of `ray up`.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ray.scripts.scripts", "dashboard", str(cluster)]
    with _signals_raise(), tempfile.TemporaryFile() as said:
        tunnel = subprocess.Popen(
            [*command, "--port", str(port)], stdin=subprocess.DEVNULL, stdout=said,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for_tunnel(tunnel, port, said, cluster)
            stranger = stranger_at("127.0.0.1", port)
            if stranger is not None:  # the port was taken before ssh could
                raise ConnectionError(
                    f"{name_of(stranger)} has taken port {port} of this machine, which was to lead "
                    "to the head. Try again."
                )
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(tunnel.pid, signal.SIGTERM)
            try:
                tunnel.wait(_END_S)
            except subprocess.TimeoutExpired:
                os.killpg(tunnel.pid, signal.SIGKILL)
                tunnel.wait()


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Lets SIGTERM and a closed terminal end this process in order, so that it leaves no other."""
    numbers = [n for n in (signal.SIGHUP, signal.SIGTERM) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _wait_for_tunnel(
    tunnel: subprocess.Popen[bytes], port: int, said: IO[bytes], cluster: Path
) -> None:
    start, has_said = time.monotonic(), False
    while not _answers(port):
        waited_s = time.monotonic() - start
        if waited_s > _SAY_AFTER_S and not has_said:
            has_said = True
            tell(printable(f"Waiting for a way to the head of {cluster} …") + "\n")
        if tunnel.poll() is not None or waited_s > _TUNNEL_S:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()[-5:]
            raise ConnectionError(
                f"{cluster}: no way to the head by `ray dashboard`. Has `ray up` started it?\n  "
                + "\n  ".join(last)
            )
        time.sleep(0.2)


def _answers(port: int) -> bool:
    """Checks that something is at the other end of the tunnel: ssh itself accepts at once."""
    try:
        with socket.create_connection(("127.0.0.1", port), _CONNECT_S) as connection:
            connection.settimeout(_CONNECT_S)
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return bool(connection.recv(1))
    except OSError:
        return False
