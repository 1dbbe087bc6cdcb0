"""Keeps what objectives print in a file per worker, C libraries included.

The last output of a process that dies is kept only on the driver's machine.
"""

import io
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TextIO

from sweeper.files import open_plain, plain_folder

_MOST_AT_ONCE = 1 << 20  # bytes that travel with one result; the rest stays behind


class Dropping(io.FileIO):
    """A descriptor for output that drops what can't be written, so that no trial fails by it.

    Attributes:
        fault: the last reason for dropping output.
    """

    fault: OSError | None = None

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)

    def write(self, content: Any) -> int:
        """Writes as much as possible, and reports that all was written."""
        try:
            return super().write(content)
        except OSError as error:
            self.fault = error
            return len(content)


class OutputFile:
    """Sends this process's standard output and error to a file while entered.

    With a `folder` (the sweep's own, on this machine) the file lies in it. Without one, or if that
    can't be written, it is a temporary file, and `unread` returns what came since the last call.
    Output is dropped if the disk is full, and `unread` says so.
    """

    def __init__(self, worker: str, folder: Path | None) -> None:
        kept = None
        if folder is not None:
            with suppress(OSError):  # the driver, which then gets the output, says what is wrong
                kept = open_plain(plain_folder(folder / "output") / f"{worker}.txt", "a+b")
        self._travels = kept is None
        self._file: IO[bytes] = kept or tempfile.TemporaryFile(prefix="sweeper-")  # noqa: SIM115
        self._open()

    def _open(self) -> None:
        self._raw = Dropping(1), Dropping(2)
        self._own = own_stream(self._raw[0]), own_stream(self._raw[1])

    @property
    def file(self) -> IO[bytes]:
        """Returns the file that output goes to, for other processes."""
        return self._file

    def title(self, text: str) -> None:
        """Writes a line of its own that names the trial of the output that follows."""
        file = self._file.fileno()
        size = os.fstat(file).st_size
        new_line = "\n" if size and os.pread(file, 1, size - 1) != b"\n" else ""
        try:
            os.write(file, f"{new_line}--- {text}\n".encode())
        except OSError as error:
            self._raw[0].fault = error

    def unread(self) -> str:
        """Returns output since the last call that is not in the sweep's folder yet."""
        faults = [raw.fault for raw in self._raw if raw.fault]
        for raw in self._raw:
            raw.fault = None
        lost = f"--- some output could not be written: {faults[0]}\n" if faults else ""
        return (self._unsent() if self._travels else "") + lost

    def _unsent(self) -> str:
        file = self._file.fileno()
        start = max(0, os.lseek(file, 0, os.SEEK_END) - _MOST_AT_ONCE)
        text = os.pread(file, _MOST_AT_ONCE, start).decode(errors="replace")
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        return text

    def __enter__(self) -> None:
        _flush()
        self._streams = sys.stdout, sys.stderr
        self._saved = os.dup(1), os.dup(2)
        os.dup2(self._file.fileno(), 1)
        os.dup2(self._file.fileno(), 2)
        # Always the same ones: an objective that is left and entered again may hold on to them.
        if any(stream.closed for stream in self._own):
            self._open()
        sys.stdout, sys.stderr = self._own

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _flush()
        for saved, standard in zip(self._saved, (1, 2), strict=True):
            os.dup2(saved, standard)
            os.close(saved)
        sys.stdout, sys.stderr = self._streams


def own_stream(raw: Dropping) -> TextIO:
    """Returns a stream that writes to descriptor 1 or 2, which Ray's own may not.

    It writes line by line, so that a dying process leaves its last output.
    """
    stream = io.TextIOWrapper(io.BufferedWriter(raw), errors="replace", line_buffering=True)
    vars(stream)["mode"] = "w"  # as `open` does
    return stream


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # closed or replaced by the objective
