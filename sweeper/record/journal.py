"""The record of a sweep on disk: `sweep.json` and the append-only `trials.jsonl`.

Both are plain JSON that a person can read. Neither Ray, torch nor pickle is needed for that.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweeper.files import append_all, open_plain, read_plain, write_whole
from sweeper.record.lines import check_depth, is_count, read_row
from sweeper.record.lines import decode as decode
from sweeper.record.lines import encode as encode
from sweeper.record.rows import Key, Row
from sweeper.record.unwritable import unwritable
from sweeper.space.conditions import MOST_NAMES

_MOST_BYTES = 1 << 30  # of trials.jsonl
_MOST_OF_A_LINE = _MOST_OF_A_FILE = 16_000_000  # bytes of a line of it; of the other files
_MOST_UNREADABLE = 1_000  # lines that are named
FORMAT = 2  # 1 had the validation error as its only metric, under that name


class Journal:
    """Appends the rows of ended trials to a sweep's folder; one process at a time.

    Raises:
        BlockingIOError: another process writes to this folder.
        OSError: the folder can't be written; its path is in the message.
        ValueError: `trials.jsonl` is a link or not a file.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "trials.jsonl"
        self._place = self._path.absolute()  # an objective may change the directory
        self._opened = open_plain(self._path, "a+b")
        self._file = self._opened.fileno()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # dies with this process
        except BlockingIOError:
            self._opened.close()
            raise BlockingIOError(
                f"{folder}: another process is running this sweep. Wait for it or stop it."
            ) from None
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")  # a crash cut the last line short: end it

    def append(self, *rows: Row) -> None:
        """Writes rows; when this returns, they are on the disk.

        Raises:
            UnwritableError: they can't be written, or the file is no longer in its place.
        """
        lines = "".join(json.dumps(encode(asdict(row)), allow_nan=False) + "\n" for row in rows)
        try:
            before = os.fstat(self._file)
            if before.st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "the sweep's folder was removed")
            append_all(self._file, lines.encode(), before.st_size)
            os.fsync(self._file)
        except OSError as error:
            raise unwritable(self._path, error) from None
        try:
            os.lstat(self._place)
        except (FileNotFoundError, NotADirectoryError):
            moved = OSError(errno.ENOENT, "its folder was moved, or its file system unmounted")
            raise unwritable(self._path, moved, "Put it back") from None

    def close(self) -> None:
        """Lets other processes write."""
        with suppress(OSError):  # a file system that has failed reports it once more; rows are safe
            self._opened.close()


@dataclass(frozen=True)
class Record:
    """The content of a sweep's folder. `unreadable` names the lines that are no complete row."""

    folder: Path
    sweep: dict[str, Any]
    rows: list[Row]
    unreadable: list[str]


def write_json(path: Path, value: Any) -> None:
    """Writes a file whole or not at all."""
    text = json.dumps(encode(value), indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


def read(folder: str | Path) -> Record:
    """Reads the record in a sweep's folder, also while the sweep is running.

    Raises:
        FileNotFoundError: there is no sweep in this folder.
        ValueError: `sweep.json` is damaged or of a newer format; a file is a link, or not a file at
            all.
    """
    folder = Path(folder)
    path = folder / "sweep.json"
    try:
        content = read_plain(path, _MOST_OF_A_FILE)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{folder}: no sweep here (no sweep.json). Give the folder that a sweep printed."
        ) from None
    try:
        sweep = json.loads(content)
        check_depth(sweep)
        sweep = decode(sweep)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: damaged, it is not JSON ({error}).") from error
    if not isinstance(sweep, dict) or not isinstance(sweep.get("format"), int):
        raise ValueError(f"{path}: damaged, it does not describe a sweep.")
    if sweep["format"] > FORMAT:
        raise ValueError(
            f"{path}: format {sweep['format']} is newer than this sweeper reads ({FORMAT}). "
            "Upgrade sweeper."
        )
    wrong = [name for name, kind in _SWEEP_KINDS.items() if not isinstance(sweep.get(name), kind)]
    wrong += [name for name in _COUNTS if name not in wrong and not is_count(sweep[name])]
    if wrong:
        raise ValueError(f"{path}: damaged, {wrong} are missing or of a wrong type.")
    if len(sweep["config_space"]) > MOST_NAMES:
        raise ValueError(f"{path}: damaged, it has more than {MOST_NAMES:,} hyperparameters.")
    rows, unreadable = _read_rows(folder / "trials.jsonl")
    return Record(folder, sweep, rows, unreadable)


def read_if_there(path: Path) -> bytes:
    """Returns the content of a plain file; nothing if there is none."""
    try:
        return read_plain(path, _MOST_OF_A_FILE)
    except FileNotFoundError:
        return b""


def _read_rows(path: Path) -> tuple[list[Row], list[str]]:
    rows: dict[Key, Row] = {}
    unreadable: list[str] = []
    more = 0
    for number, line, fault in _lines(path):
        row = None if fault else read_row(line)
        if row is None:
            if len(unreadable) < _MOST_UNREADABLE:
                fault = fault or ("damaged" if line.endswith(b"}") else "cut short")
                start = line[:60].decode(errors="replace")
                unreadable.append(f"{path}:{number}: {fault}: {start!r}")
            else:
                more += 1
            continue
        key = row.key
        # The first row counts, unless it is of a trial that never came to its end.
        if key not in rows or rows[key].status in ("interrupted", "failed"):
            rows[key] = row
    unreadable += [f"{path}: {more:,} more lines"] if more else []
    return [rows[key] for key in sorted(rows)], unreadable


def _lines(path: Path) -> Iterator[tuple[int, bytes, str]]:
    """Yields the lines of a journal, numbers from 1, and what is plainly wrong with them.

    Raises:
        ValueError: the file is a link, not a file, or too large.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return
    with file:
        if os.fstat(file.fileno()).st_size > _MOST_BYTES:
            raise ValueError(f"{path}: has more than {_MOST_BYTES:,} bytes, too many to be read.")
        number = 0
        while line := file.readline(_MOST_OF_A_LINE):
            number += 1
            if line.endswith(b"\n"):
                yield number, line[:-1], ""
                continue
            yield number, line, "too long" if len(line) == _MOST_OF_A_LINE else "cut short"
            while line and not line.endswith(b"\n"):
                line = file.readline(_MOST_OF_A_LINE)


_COUNTS = ("num_trials", "replicates", "seed")
_SWEEP_KINDS: dict[str, Any] = {
    **dict.fromkeys(("created", "objective", "digest_of_first_draws"), str),
    **dict.fromkeys(_COUNTS, int),
    **dict.fromkeys(("config_space", "searcher", "resources", "versions", "fixed_arguments"), dict),
    "without_text": list,
    "data_given": bool,
    **dict.fromkeys(("objective_file", "objective_source", "git_commit"), (str, type(None))),
}
