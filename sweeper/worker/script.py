"""Runs a command as a process, reads its output, and ends it with all its descendants."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

GRACE_S = 5.0  # seconds from SIGTERM to SIGKILL
_MOST_AT_ONCE = 1 << 16  # bytes
_KEEPER = str(Path(__file__).with_name("keeper.py"))


class Script:
    """A command that runs apart: no shell, in a session of its own, without standard input.

    As a context manager it ends all that the command has started, whatever ends the block, even if
    this process is killed.

    Args:
        arguments: the program and its arguments.
        environment: all environment variables.
        output: the file for what it prints.

    Raises:
        OSError: the program can't be started: there is none, it may not be run, arguments are too
            long.
        ValueError: an argument is impossible, for instance one with a zero byte.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes]
    ) -> None:
        self._file = output
        self._told: dict[str, int] = {}
        self._output, output_end = _pipe()
        self._status, status_end = _pipe()
        lifeline_end, self._lifeline = _pipe()
        with output_end, status_end, lifeline_end:
            command = [sys.executable, "-I", "-S", _KEEPER, str(lifeline_end.fileno()),
                       str(status_end.fileno()), str(GRACE_S), *arguments]  # fmt: skip
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output_end,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=(lifeline_end.fileno(), status_end.fileno()),
                start_new_session=True,
            )
        os.set_blocking(self._output.fileno(), False)
        self._hear()
        if "error" in self._told:
            self._process.wait()
            raise OSError(self._told["error"], os.strerror(self._told["error"]), arguments[0])

    @property
    def returncode(self) -> int | None:
        """Its exit code once all has been read, negative for a signal; None if not known."""
        return self._told.get("returncode")

    def read(self, timeout_s: float | None = None) -> bytes | None:
        """Returns new output, b"" if none comes within `timeout_s`; None after its end."""
        if self._status.closed:
            return self._read_output() or None
        with selectors.DefaultSelector() as selector:
            selector.register(self._status, selectors.EVENT_READ)
            if not self._output.closed:
                selector.register(self._output, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in selector.select(timeout_s)]
        if self._output in ready:
            return self._read_output()
        if self._status in ready:
            self._hear()
        return b""

    def __enter__(self) -> "Script":
        return self

    def __exit__(self, *exception: object) -> None:
        """Ends all that it has started, within `GRACE_S` and a little more."""
        self._lifeline.close()
        try:
            while self.read() is not None:  # its last output; a full pipe would hold it up
                pass
        finally:
            self._output.close()
            self._status.close()
            self._process.wait()
            if "pid" in self._told and self.returncode is None:  # its keeper was killed
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._told["pid"], signal.SIGKILL)

    def _read_output(self) -> bytes:
        if self._output.closed:
            return b""
        try:
            chunk = os.read(self._output.fileno(), _MOST_AT_ONCE)
        except BlockingIOError:
            return b""
        if not chunk:
            self._output.close()
        self._file.write(chunk)
        return chunk

    def _hear(self) -> None:
        """Waits for the keeper's next message."""
        line = self._status.readline()
        if not line:
            self._status.close()
        elif line.endswith(b"\n"):
            what, number = line.split()
            self._told[what.decode()] = int(number)


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    """Returns both ends of a pipe, which close if nobody holds them any more."""
    reading, writing = os.pipe()
    return open(reading, "rb", buffering=0), open(writing, "wb", buffering=0)
