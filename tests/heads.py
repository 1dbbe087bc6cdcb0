"""A head of a cluster on this machine, with a dashboard, a token and a home of its own."""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

from waiting import PATIENCE_S

RAY = [sys.executable, "-m", "ray.scripts.scripts"]


@contextmanager
def running_head(home: Path) -> Iterator[SimpleNamespace]:
    """A Ray with a dashboard and this `home`, as on a cluster's head: its `url` and `port`.

    Ray clients are served at `client_port`. Its token is at `token`; a laptop needs it as
    `RAY_AUTH_TOKEN_PATH`.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for `python`
    environment = {**os.environ, "HOME": str(home), "PATH": path}
    environment.pop("RAY_AUTH_TOKEN_PATH", None)
    generate = [*RAY, "get-auth-token", "--generate"]
    subprocess.run(generate, env=environment, check=True, capture_output=True)
    environment |= {"RAY_AUTH_MODE": "token"}
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # Ray's sockets want short paths
        process, (port, client_port) = start_head(folder, home, environment)
        try:
            yield SimpleNamespace(
                url=f"http://127.0.0.1:{port}", port=port, client_port=client_port, home=home,
                token=home / ".ray" / "auth_token", process=process,
            )  # fmt: skip
        finally:
            end(process)


def start_head(
    folder: str, home: Path, environment: dict[str, str], again: bool = True
) -> tuple[subprocess.Popen, tuple[int, int]]:
    """A Ray that has started and whose dashboard answers; the ports of that and for clients.

    Somebody may take a port just before it does, or a busy machine lets Ray wait for itself too
    long. Then it is started again, once.
    """
    dashboard, client, own = free_ports(3)
    # What two Rays on one machine would both take, unless told otherwise.
    apart = {"--port": own, "--ray-client-server-port": client, "--dashboard-port": dashboard,
             "--dashboard-agent-listen-port": 0}  # fmt: skip
    command = [*RAY, "start", "--head", "--block", "--num-cpus=2", f"--temp-dir={folder}",
               *(f"{option}={value}" for option, value in apart.items())]  # fmt: skip
    with (home / "output").open("w") as output:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    deadline = time.monotonic() + PATIENCE_S
    try:
        said = ""
        while "Ray runtime started" not in said or not answers(f"http://127.0.0.1:{dashboard}"):
            said = (home / "output").read_text()
            assert time.monotonic() < deadline, f"Ray or its dashboard does not answer: {said}"
            if process.poll() is not None or "already occupied" in said:
                assert again, said
                end(process)
                return start_head(folder, home, environment, again=False)
            time.sleep(0.2)
    except BaseException:
        end(process)
        raise
    return process, (dashboard, client)


def end(process: subprocess.Popen) -> None:
    """Ends a Ray and waits for it."""
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def free_ports(number: int) -> list[int]:
    """Ports on which nothing listens, and which neither Linux nor Ray gives to who asks for any."""
    ports: list[int] = []
    with ExitStack() as stack:
        while len(ports) < number:
            port = secrets.choice(range(20_000, 32_000))
            try:
                stack.enter_context(socket.create_server(("", port)))
            except OSError:
                continue
            ports.append(port)
    return ports


def answers(url: str) -> bool:
    """Whether something speaks HTTP there."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
