"""Files and folders that several processes share: whole or not there, and nobody else's."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which ends with this process at the latest."""
    with open(folder / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_whole(path: Path, write: Callable[[Any], object]) -> None:
    """Writes a file with `write(file)`; it appears under its name when it is on the disk.

    Raises:
        OSError: the file can't be written, or `write` raises it.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with open(unfinished, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())  # the new name must not survive a crash without it
        unfinished.replace(path)
    except OSError as error:
        if error.filename is None or os.fspath(error.filename) != str(unfinished):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # the name that was given
    finally:
        with suppress(OSError):  # above all if it is not there
            unfinished.unlink()  # half a file on a full disk helps nobody


def private_folder(name: str) -> Path:
    """This user's own temporary folder of that name, the same for all processes of the machine.

    Raises:
        PermissionError: somebody else has put something in its place.
    """
    folder = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise PermissionError(f"{folder} is somebody else's. Remove it, or set TMPDIR elsewhere.")
    return folder
