"""The record of a sweep on disk: `sweep.json` and the append-only `trials.jsonl`.

Both are plain JSON that a person can read. Neither Ray, torch nor pickle is needed for that.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweeper.files import naming, open_plain, read_plain, write_whole
from sweeper.record.lines import check_depth, is_count, is_number, read_json, read_row
from sweeper.record.lines import decode as decode
from sweeper.record.lines import encode as encode
from sweeper.record.rows import Key, Row
from sweeper.space.conditions import MOST_NAMES

_MOST_BYTES = 1 << 30  # of trials.jsonl
_MOST_OF_A_LINE = _MOST_OF_A_FILE = 16_000_000  # bytes of one of its lines; of the other files
_MOST_UNREADABLE = 1_000  # lines that are named
FORMAT = 2  # 1 had no metrics but the validation error, under that name


class Journal:
    """Appends the rows of ended trials to a sweep's folder; one process at a time.

    Raises:
        BlockingIOError: another process writes to this folder.
        OSError: the folder can't be written; its path is in the message.
        ValueError: `trials.jsonl` is a link or no file.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "trials.jsonl"
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
            os.write(self._file, b"\n")  # a crash cut the last line short: set it aside

    def append(self, *rows: Row) -> None:
        """Writes rows; when this returns, they are on the disk."""
        lines = "".join(json.dumps(encode(asdict(row)), allow_nan=False) + "\n" for row in rows)
        try:
            if os.fstat(self._file).st_nlink == 0:
                raise FileNotFoundError(2, "the sweep's folder was removed", str(self._path))
            written = os.write(self._file, lines.encode())
            if written < len(lines):
                raise OSError(28, "no space left on device", str(self._path))
            os.fsync(self._file)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def close(self) -> None:
        """Lets other processes write."""
        self._opened.close()


def append_look(folder: Path, look: dict[str, Any]) -> None:
    """Notes a look at the test set in `test_looks.jsonl`."""
    path = folder / "test_looks.jsonl"
    with naming(path), open_plain(path, "a+b") as file:
        cut = file.seek(0, os.SEEK_END) and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n"
        line = json.dumps(encode(look), allow_nan=False).encode() + b"\n"
        file.write(b"\n" * bool(cut) + line)  # a line cut short is set aside, and takes no other


def read_looks(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """The looks at the test set, and how many lines of their record can't be read.

    A look has `time`, `trial`, `config` and `test_error` (None if it failed).

    Raises:
        ValueError: the record is a link or no file.
    """
    lines = _read_if_there(folder / "test_looks.jsonl").splitlines()
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


@dataclass(frozen=True)
class Record:
    """What a sweep's folder holds. `unreadable` names the lines that are no complete row."""

    folder: Path
    sweep: dict[str, Any]
    rows: list[Row]
    unreadable: list[str]


def write_json(path: Path, value: Any) -> None:
    """Writes a file at once or not at all."""
    text = json.dumps(encode(value), indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


def read(folder: str | Path) -> Record:
    """The record in a sweep's folder, also while the sweep is running.

    Raises:
        FileNotFoundError: there is no sweep in this folder.
        ValueError: `sweep.json` is damaged or of a newer format; a file is a link, or none at all.
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
        raise ValueError(f"{path}: damaged, it is no JSON ({error}).") from error
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


def _read_if_there(path: Path) -> bytes:
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
        # The first row wins, unless it tells of a trial that never came to its end.
        if key not in rows or rows[key].status in ("interrupted", "failed"):
            rows[key] = row
    unreadable += [f"{path}: {more:,} more lines"] if more else []
    return [rows[key] for key in sorted(rows)], unreadable


def _lines(path: Path) -> Iterator[tuple[int, bytes, str]]:
    """The lines of a journal with their numbers from 1, and what is wrong with them at first sight.

    Raises:
        ValueError: the file is a link or none, or too large.
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
