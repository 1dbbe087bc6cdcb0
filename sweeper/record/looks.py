"""Notes each look at the test set in a sweep's folder."""

import json
import os
from pathlib import Path
from typing import Any

from sweeper.files import append_all, named, open_plain
from sweeper.record.journal import read_if_there
from sweeper.record.lines import encode, is_number, read_json


def append_look(folder: Path, look: dict[str, Any]) -> None:
    """Notes a look at the test set in `test_looks.jsonl`; on return it is on the disk.

    Raises:
        OSError: the file can't be written.
        ValueError: the record is a link or not a file.
    """
    path = folder / "test_looks.jsonl"
    with open_plain(path, "a+b") as file, named(path):
        size = file.seek(0, os.SEEK_END)
        cut = size and os.pread(file.fileno(), 1, size - 1) != b"\n"
        line = json.dumps(encode(look), allow_nan=False).encode() + b"\n"
        # A line that was cut short is ended first.
        append_all(file.fileno(), b"\n" * bool(cut) + line, size)
        os.fsync(file.fileno())


def read_looks(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """Returns the looks at the test set, and how many lines of their record can't be read.

    A look has `time`, `trial`, `config` and `test_error` (None if it failed).

    Raises:
        ValueError: the record is a link or not a file.
    """
    lines = read_if_there(folder / "test_looks.jsonl").splitlines()
    looks = [look for look in map(read_json, lines) if _is_look(look)]
    return looks, len(lines) - len(looks)


def _is_look(look: Any) -> bool:
    return (
        isinstance(look, dict)
        and isinstance(look.get("time"), str)
        and isinstance(look.get("trial"), int)
        and isinstance(look.get("config"), dict)
        and "test_error" in look
        and (look["test_error"] is None or is_number(look["test_error"]))
    )
