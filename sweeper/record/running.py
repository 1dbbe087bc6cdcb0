"""Notes in a sweep's folder how far it is, for programs that watch it from outside."""

import json
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sweeper.files import NotAPlainFileError, open_plain, write_whole
from sweeper.terminal import short

_FILE = "progress.json"
_FRESH_S = 20.0  # the note is written every two seconds; an older one is of an ended sweep
_MOST_BYTES = 100_000
_MOST_LINES = 10


def note_progress(folder: Path, lines: Sequence[str]) -> None:
    """Writes how far the sweep is, and which process says so; a failure to do so is ignored."""
    content = json.dumps({"lines": list(lines), "pid": os.getpid(), "place": _place()}).encode()
    with suppress(OSError):
        write_whole(folder / _FILE, lambda file: file.write(content), lasting=False)


def read_progress(folder: Path) -> list[str]:
    """Returns how far the sweep is, in lines; empty if it doesn't run."""
    try:
        with open_plain(folder / _FILE) as file:
            age_s = time.time() - os.fstat(file.fileno()).st_mtime
            content = json.loads(file.read(_MOST_BYTES))
    except (OSError, NotAPlainFileError, ValueError, RecursionError):
        return []
    lines = content.get("lines") if isinstance(content, dict) else None
    if not isinstance(lines, list) or not abs(age_s) < _FRESH_S or _was_killed(content):
        return []
    return [short(line, 1000) for line in lines[:_MOST_LINES] if isinstance(line, str)]


def _was_killed(content: dict[str, Any]) -> bool:
    """Checks whether the process that wrote a note is gone, if that can be seen from here."""
    pid = content.get("pid")
    if content.get("place") != _place() or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)  # sends nothing
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass  # it is another user's
    return False


def _place() -> list[str]:
    """Returns the names of this machine and, in a container, of its process numbers."""
    numbers = ""
    with suppress(OSError):
        numbers = os.readlink("/proc/self/ns/pid")
    return [socket.gethostname(), numbers]


def remove_progress(folder: Path) -> None:
    """Removes the note: the sweep doesn't run any more."""
    with suppress(OSError):
        (folder / _FILE).unlink()
