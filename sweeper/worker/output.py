"""What objectives print: kept in a file a worker, C libraries included.

The last words of a process that dies are kept on the driver's machine alone.
"""

import os
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, TextIO

from sweeper.files import open_plain, plain_folder

_MOST_AT_ONCE = 1 << 20  # bytes that travel with one result; what is more stays behind


class OutputFile:
    """Sends this process's standard output and error to a file while entered.

    With a `folder` (the sweep's own, on this machine) the file lies in it. Without one it is a
    temporary file, and `unread` hands over what came since the last time.
    """

    def __init__(self, worker: str, folder: Path | None) -> None:
        self._folder = folder
        if folder is None:
            self._file: IO[bytes] = tempfile.TemporaryFile(prefix="sweeper-")  # noqa: SIM115
        else:
            self._file = open_plain(plain_folder(folder / "output") / f"{worker}.txt", "a+b")
        self._own = self._open()

    @staticmethod
    def _open() -> tuple[TextIO, TextIO]:
        """Streams that end in 1 and 2, as Ray's own need not.

        They write line by line, so that a dying process leaves its last words.
        """
        return (
            open(1, "w", buffering=1, closefd=False, errors="replace"),
            open(2, "w", buffering=1, closefd=False, errors="replace"),
        )

    @property
    def file(self) -> IO[bytes]:
        """Where it goes, for other processes."""
        return self._file

    def title(self, text: str) -> None:
        """Writes a line of its own that tells which trial the following output is of."""
        file = self._file.fileno()
        size = os.fstat(file).st_size
        new_line = "\n" if size and os.pread(file, 1, size - 1) != b"\n" else ""
        os.write(file, f"{new_line}--- {text}\n".encode())

    def unread(self) -> str:
        """What was printed since the last call and is not in the sweep's folder yet."""
        if self._folder is not None:
            return ""
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
        # The same ones each time: an objective that is left and entered again may hold on to them.
        if any(stream.closed for stream in self._own):
            self._own = self._open()
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


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # closed or replaced by the objective
