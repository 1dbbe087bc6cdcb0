"""The record of a sweep on disk: `sweep.json` and the append-only `trials.jsonl`.

Both are plain JSON that a person can read. JSON has no NaN and no infinities: such a float is
written as `{"$float": "nan"}`, and a dict that happens to look like that as `{"$dict": {...}}`.
Tuples become lists. Neither Ray, torch nor pickle is needed to read them.
"""

import errno
import fcntl
import json
import math
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweeper.files import append_all, open_plain, read_plain, write_whole
from sweeper.record.rows import STATUSES, Key, Row
from sweeper.record.unwritable import unwritable
from sweeper.space.conditions import MOST_NAMES
from sweeper.terminal import bounded

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
        self._place = self._path.absolute()  # an objective may go to another directory
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
        """Writes rows; when this returns, they are on the disk.

        Raises:
            UnwritableError: they can't be written, or are where nobody looks for them any more.
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
        with suppress(OSError):  # a file system that has failed says so once more; rows are safe
            self._opened.close()


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
        content = read_plain(path)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{folder}: no sweep here (no sweep.json). Give the folder that a sweep printed."
        ) from None
    try:
        sweep = json.loads(content)
        _check_depth(sweep)
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
    wrong += [name for name in _COUNTS if name not in wrong and not _is_count(sweep[name])]
    if wrong:
        raise ValueError(f"{path}: damaged, {wrong} are missing or of a wrong type.")
    if len(sweep["config_space"]) > MOST_NAMES:
        raise ValueError(f"{path}: damaged, it has more than {MOST_NAMES:,} hyperparameters.")
    rows, unreadable = _read_rows(folder / "trials.jsonl")
    return Record(folder, sweep, rows, unreadable)


def read_if_there(path: Path) -> bytes:
    """What is in a plain file; nothing if there is none."""
    try:
        return read_plain(path)
    except FileNotFoundError:
        return b""


def _read_rows(path: Path) -> tuple[list[Row], list[str]]:
    rows: dict[Key, Row] = {}
    unreadable = []
    lines = read_if_there(path).split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line and number == len(lines):
            continue  # what follows the last newline
        row = _read_row(line) if number < len(lines) else None
        if row is None:
            cut = "damaged" if number < len(lines) and line.endswith(b"}") else "cut short"
            unreadable.append(f"{path}:{number}: {cut}: {line[:60].decode(errors='replace')!r}")
            continue
        key = row.key
        # The first row wins, unless it tells of a trial that never came to its end.
        if key not in rows or rows[key].status in ("interrupted", "failed"):
            rows[key] = row
    return [rows[key] for key in sorted(rows)], unreadable


_COUNTS = ("num_trials", "replicates", "seed")
_SWEEP_KINDS: dict[str, Any] = {
    **dict.fromkeys(("created", "objective", "digest_of_first_draws"), str),
    **dict.fromkeys(_COUNTS, int),
    **dict.fromkeys(("config_space", "searcher", "resources", "versions", "fixed_arguments"), dict),
    "without_text": list,
    "data_given": bool,
    **dict.fromkeys(("objective_file", "objective_source", "git_commit"), (str, type(None))),
}
_KINDS: dict[str, Any] = {
    "trial": int,
    "replicate": int,
    "config": dict,
    "value": (float, int, type(None)),
    "epochs": (int, type(None)),
    "status": str,
    "seed": int,
    "start_s": (float, int, type(None)),
    "runtime_s": (float, int, type(None)),
    "worker": (str, type(None)),
    "node": (str, type(None)),
    "exception": (str, type(None)),
    "traceback": (str, type(None)),
    "curve": list,
    "metrics": dict,
}
_TEXTS = ("worker", "node", "exception", "traceback")
_MAX_DEPTH = 60  # of lists and dicts in one another in a line; a configuration has 20 at most


def _read_row(line: bytes) -> Row | None:
    """The row in a line, or None if the line is no row of a trial."""
    row = read_json(line)
    if isinstance(row, dict) and "validation_error" in row:  # format 1
        row = {"metrics": {}, **row, "value": row["validation_error"]}
    whole = (
        isinstance(row, dict)
        and row.keys() >= _KINDS.keys()
        and all(isinstance(row[name], kind) for name, kind in _KINDS.items())
        and row["status"] in STATUSES
        and all(_is_count(row[name] or 0) for name in ("trial", "replicate", "seed", "epochs"))
        and all(is_number(row[name] or 0) for name in ("value", "start_s", "runtime_s"))
        and all(_is_point(point) for point in row["curve"])
        and _are_metrics(row["metrics"])
    )
    if not whole:
        return None
    texts = {name: bounded(row[name]) for name in _TEXTS if row[name] is not None}
    return Row(**{name: row[name] for name in _KINDS} | texts)


def read_json(line: bytes) -> Any:
    """Plain data from a line of JSON; None if it is none."""
    try:
        value = json.loads(line)
        if line.count(b"[") + line.count(b"{") > _MAX_DEPTH:  # few lines have so many
            _check_depth(value)
        return decode(value) if b'"$' in line else value  # most lines have nothing to decode
    except (ValueError, RecursionError):
        return None


def _check_depth(value: Any) -> None:
    """Raises a ValueError for what is nested deeper than any configuration is."""
    inside, depth = [value] if isinstance(value, dict | list) else [], 0
    while inside:
        depth += 1
        if depth > _MAX_DEPTH:
            raise ValueError("is nested too deeply")
        values = (v.values() if isinstance(v, dict) else v for v in inside)
        inside = [one for few in values for one in few if isinstance(one, dict | list)]


def is_number(value: Any) -> bool:
    """Whether it is a number that a float can hold: an int may have hundreds of digits."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= sys.float_info.max)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < 2**53


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list)
        and len(point) in (3, 4)
        and all(map(is_number, point[:3]))
        and all(map(_are_metrics, point[3:]))
        and 0 <= point[0] < 2**53
    )


def _are_metrics(metrics: Any) -> bool:
    return isinstance(metrics, dict) and all(map(is_number, metrics.values()))


def encode(value: Any) -> Any:
    """Plain data as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, dict):
        plain = {key: encode(item) for key, item in value.items()}
        return {"$dict": plain} if len(plain) == 1 and "$" in next(iter(plain))[:1] else plain
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def decode(value: Any) -> Any:
    """Plain data from what `encode` made of it."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$float"} and value["$float"] in ("nan", "inf", "-inf"):
        return float(value["$float"])
    if value.keys() == {"$dict"} and isinstance(value["$dict"], dict):
        value = value["$dict"]
    return {key: decode(item) for key, item in value.items()}
