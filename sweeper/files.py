"""Reads and writes files in folders that others may have changed: only plain files are read, a file
is written whole or not at all, and folders belong to nobody else.

A folder may come from anywhere. A link in it could lead to a file of the user's, to be shown or
overwritten, and reading a FIFO never ends. So no link is followed at the last name of a path,
unless the user has named that very file to write: then links are followed, and anything there that
is not a plain file, such as /dev/null, is written into.
"""

import errno
import fcntl
import os
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFDIR: "a folder",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}


class NotAPlainFileError(ValueError):
    """The path leads to something other than a file."""


def open_plain(path: str | Path, mode: str = "rb") -> IO[Any]:
    """Opens a plain file, as `open` does, but never through a link, and never waiting for anyone.

    Args:
        path: the path, whose last name must be the file itself, not a link.
        mode: `rb`, or `ab` and `a+b`, which create a missing file.

    Raises:
        NotAPlainFileError: a link, a FIFO, a folder or a device lies there.
        OSError: the file can't be opened.
    """
    flags = os.O_RDONLY if mode == "rb" else os.O_CREAT | os.O_APPEND
    if mode != "rb":
        flags |= os.O_RDWR if "+" in mode else os.O_WRONLY
    with suppress(FileNotFoundError):
        _check_kind(path, os.lstat(path))  # checked before, since opening a device can do something
    # Should it be replaced in between: a link is not followed, and nothing here waits.
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotAPlainFileError(_not_plain(path, "a link")) from error
        raise
    try:
        _check_kind(path, os.fstat(descriptor))
        return os.fdopen(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise


def read_plain(path: str | Path, most: int | None = None) -> bytes:
    """Returns the content of a plain file of at most so many bytes; raises as `open_plain` does.

    Raises:
        ValueError: the file has more.
    """
    with open_plain(path) as file, named(path):
        content: bytes = file.read() if most is None else file.read(most + 1)
    if most is not None and len(content) > most:
        raise ValueError(f"{path}: has more than {most:,} bytes.")
    return content


@contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Adds the path to errors of the block that name no file, as those of a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


def _check_kind(path: str | Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotAPlainFileError(_not_plain(path, kind_of(status)))


def kind_of(status: os.stat_result) -> str:
    """Says in words what kind of thing lies there, such as `a link`."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "a plain file")


def _not_plain(path: str | Path, kind: str) -> str:
    return f"{path}: is {kind}, but must be a plain file. Put the file itself there, or remove it."


def plain_folder(path: Path) -> Path:
    """Returns a folder inside another, created if it is missing.

    Raises:
        NotADirectoryError: a link or something else lies there.
        OSError: the folder can't be made.
    """
    with suppress(FileExistsError):
        path.mkdir()
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(
            errno.ENOTDIR, f"is {kind_of(status)}, but must be a folder", str(path)
        )
    return path


def write_whole(
    path: Path, write: Callable[[Any], object], mode: int = 0o666, lasting: bool = True
) -> None:
    """Writes a file with `write(file)`; it appears under its name once it is on the disk.

    A file that was there keeps its owner and mode; a link or a FIFO is replaced. A new file gets
    `mode`, less the process's mask. A file that is not `lasting` may be lost in a power cut.

    Raises:
        OSError: the file can't be written, or `write` raises it.
    """
    # Nobody can guess the name and put a link there; O_EXCL would refuse one anyway.
    unfinished = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.unfinished")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with named(path), os.fdopen(os.open(unfinished, flags, mode), "wb") as file:
            write(file)
            file.flush()
            _take_over(path, file.fileno())
            if lasting:
                os.fsync(file.fileno())  # the new name must not survive a crash without its content
        unfinished.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(unfinished), unfinished):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None  # the name that was given
    finally:
        with suppress(OSError):  # above all if the file is not there
            unfinished.unlink()  # half a file helps nobody, and fills the disk


def _take_over(path: Path, new: int) -> None:
    """Gives a new file the owner and mode of the one that it replaces, as far as permitted."""
    try:
        old = path.lstat()
    except OSError:
        return
    if stat.S_ISREG(old.st_mode):
        with suppress(OSError):
            os.fchown(new, old.st_uid, old.st_gid)
        with suppress(OSError):
            os.fchmod(new, stat.S_IMODE(old.st_mode) & 0o777)


def write_named(path: str | Path, write: Callable[[Any], object]) -> None:
    """Writes a file that the user has named with `write(file)`: whole, following links.

    Anything there that is not a plain file, such as /dev/null or a FIFO, is written into.

    Raises:
        OSError: the file can't be written, or `write` raises it.
    """
    descriptor = _own_descriptor(path)
    if descriptor is not None:
        opened = os.dup(descriptor)  # goes on at its position, though it may lead to a file
    elif os.path.exists(path) and not os.path.isfile(path):
        opened = os.open(path, os.O_WRONLY)
    else:
        target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
        write_whole(target, write)
        return
    with named(path), os.fdopen(opened, "wb") as file:
        write(file)


def _own_descriptor(path: str | Path) -> int | None:
    """Returns the descriptor of this process that a name stands for, such as 1 for /dev/stdout."""
    name = os.path.abspath(path)
    if name in _STREAMS:
        return _STREAMS[name]
    known = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d{1,6})", name, re.ASCII)
    return int(known[1]) if known else None


def append_all(descriptor: int, content: bytes, size: int) -> None:
    """Appends to a file of this size, or leaves it as it was and raises the OSError."""
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    except OSError:
        with suppress(OSError):  # else half a line stays, which readers skip
            os.ftruncate(descriptor, size)
        raise


@contextmanager
def locked(folder: Path, limit_s: float = 600) -> Iterator[None]:
    """Holds the folder's lock, which is released when this process ends at the latest.

    Raises:
        TimeoutError: another process holds it for longer than the limit.
    """
    with open_plain(folder / "lock", "ab") as lock:
        lock_within(lock, limit_s)
        yield


def lock_within(file: IO[Any], limit_s: float) -> None:
    """Takes the lock of a file, which is released when the file is closed at the latest.

    Raises:
        TimeoutError: another process holds it for longer than the limit.
    """
    deadline = time.monotonic() + limit_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{file.name}: another process has held its lock for {limit_s:g} s. End it."
                ) from None
        time.sleep(0.02)


def private_folder(name: str) -> Path:
    """Returns this user's temporary folder of that name, the same for all processes here.

    Raises:
        PermissionError: somebody else has put something in its place.
    """
    folder = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise PermissionError(f"{folder} is somebody else's. Remove it, or set TMPDIR elsewhere.")
    return folder
