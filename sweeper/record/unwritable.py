"""Explains why a sweep's folder can't be written: disk full, read-only, gone or out of reach.

Two sentences say what could not be written and what helps, whichever call failed.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CURES = {
    errno.ENOSPC: "Make room",
    errno.EDQUOT: "Make room within your quota",
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "Make it writable"),
    **dict.fromkeys(
        (errno.EIO, errno.ENOTCONN, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN),
        "Its file system has failed: bring it back",
    ),
    **dict.fromkeys(
        (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP),
        "Take a folder on a file system with locks",
    ),
}


class UnwritableError(OSError):
    """Something of a sweep can't be written; says what, why, and what helps.

    Attributes:
        errno: the original error's number.
        cure: what helps, without a full stop; empty if nothing does.
    """

    cure = ""


def unwritable(path: str | Path, error: OSError, cure: str | None = None) -> UnwritableError:
    """Returns the error to report for an error in writing a file or a folder."""
    told = UnwritableError(f"{path}: can't be written: {error.strerror or error}.")
    told.errno = error.errno
    told.cure = _CURES.get(error.errno or 0, "") if cure is None else cure
    return told


def with_cure(error: UnwritableError, then: str) -> UnwritableError:
    """Returns the same error with what helps, and what can be done after that."""
    sentences = [str(error), error.cure and f"{error.cure}.", then]
    told = UnwritableError(" ".join(filter(None, sentences)))
    told.errno = error.errno
    return told


@contextmanager
def writing(path: Path, then: str) -> Iterator[None]:
    """Converts errors of the block to `UnwritableError`; those that already are one pass unchanged.

    Args:
        path: the file being written, unless the error names it.
        then: what can be done afterwards.

    Raises:
        UnwritableError: something can't be written.
    """
    try:
        yield
    except UnwritableError as error:
        raise with_cure(error, then) from None
    except OSError as error:
        if error.errno is None:  # it has its own message
            raise
        raise with_cure(unwritable(error.filename or path, error), then) from None


def check_room(folder: Path) -> None:
    """Checks that a folder, even one still to be made, can be written, down to its file system.

    Raises:
        OSError: the folder can't be written.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    trial = folder / f".{secrets.token_hex(8)}.unfinished"
    file = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, bytes(4096))
        os.fsync(file)
    finally:
        os.close(file)
        with suppress(OSError):
            trial.unlink()
            for path in missing:  # what is refused later leaves nothing
                path.rmdir()
