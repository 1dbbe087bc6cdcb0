"""Who would like to have the user's token: servers that write down what they are sent."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

TOKEN = "0123456789abcdef" * 4
STRANGER = 12345  # the id of another user, whom root can be
IS_ROOT = os.getuid() == 0

LISTEN = """
import os, socket, sys
notes, user = map(int, sys.argv[1:])
if user != os.getuid():
    os.setgroups([]), os.setgid(user), os.setuid(user)
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    guest = server.accept()[0]
    guest.settimeout(5)
    with guest:
        try:
            content = guest.recv(65536)
        except OSError:
            continue
        os.write(notes, content)
"""


class Eavesdropper:
    """A server of this process that wants a token of everybody."""

    def __init__(self) -> None:
        self.heard = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                guest = self._server.accept()[0]
            except OSError:
                return
            with guest:
                self.heard += b"<connection>" + guest.recv(65536)
                guest.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Stranger:
    """Another user, one of whose processes listens at a port of this machine."""

    uid: int
    port: int
    notes: Path

    def heard(self) -> bytes:
        """What that process was sent."""
        return self.notes.read_bytes()


@contextmanager
def listening(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    """A stranger who listens.

    Only root can be another user. For others it is the checks that take themselves for one.
    """
    uid = STRANGER if IS_ROOT else os.getuid()
    with (
        open(folder / "heard", "wb") as notes,
        subprocess.Popen(
            [sys.executable, "-c", LISTEN, str(notes.fileno()), str(uid)],
            stdout=subprocess.PIPE, pass_fds=[notes.fileno()], text=True,
        ) as process,
    ):  # fmt: skip
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            if not IS_ROOT:
                patch.setattr("os.geteuid", lambda: uid + 1)
            yield Stranger(uid, port, folder / "heard")
        finally:
            process.kill()


def given_away(path: Path, patch: pytest.MonkeyPatch) -> int:
    """Makes a file another user's; the id of that user."""
    if IS_ROOT:
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
        return STRANGER
    patch.setattr("os.geteuid", lambda: os.getuid() + 1)
    return os.getuid()
