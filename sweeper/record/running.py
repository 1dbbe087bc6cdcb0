"""Notes in a sweep's folder how far it is, for programs that watch it from outside."""

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sweeper.files import NotAPlainFileError, open_plain, write_whole
from sweeper.terminal import short

_FILE = "progress.json"
_FRESH_S = 20.0  # the note is written every two seconds; an older one is of an ended sweep
_MOST_BYTES = 100_000
_MOST_LINES = 10


def note_progress(folder: Path, lines: Sequence[str]) -> None:
    """Writes how far the sweep is; a failure to do so is ignored."""
    content = json.dumps({"lines": list(lines)}).encode()
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
    if not isinstance(lines, list) or not abs(age_s) < _FRESH_S:
        return []
    return [short(line, 1000) for line in lines[:_MOST_LINES] if isinstance(line, str)]


def remove_progress(folder: Path) -> None:
    """Removes the note: the sweep doesn't run any more."""
    with suppress(OSError):
        (folder / _FILE).unlink()
