"""Reads and writes a line of a sweep's record, and checks that it is the row of a trial.

JSON has no NaN and no infinities: such a float is written as `{"$float": "nan"}`, and a dict that
happens to look like that as `{"$dict": {...}}`. Tuples become lists.
"""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sweeper.record.rows import STATUSES, Row
from sweeper.terminal import bounded

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
_MOST_OF_A_CURVE = 8_000_000  # bytes, half of what is read of a line
_FEW_NUMBERS = 10_000  # which never take so many bytes
_MAX_DEPTH = 60  # levels of nested lists and dicts in a line; a configuration has 20 at most


def read_row(line: bytes) -> Row | None:
    """Returns the row in a line, or None if the line is no row of a trial."""
    row = read_json(line)
    if isinstance(row, dict) and "validation_error" in row:  # format 1
        row = {"metrics": {}, **row, "value": row["validation_error"]}
    whole = (
        isinstance(row, dict)
        and row.keys() >= _KINDS.keys()
        and all(isinstance(row[name], kind) for name, kind in _KINDS.items())
        and row["status"] in STATUSES
        and all(is_count(row[name] or 0) for name in ("trial", "replicate", "seed", "epochs"))
        and all(is_number(row[name] or 0) for name in ("value", "start_s", "runtime_s"))
        and all(_is_point(point) for point in row["curve"])
        and _are_metrics(row["metrics"])
    )
    if not whole:
        return None
    texts = {name: bounded(row[name]) for name in _TEXTS if row[name] is not None}
    return Row(**{name: row[name] for name in _KINDS} | texts)


def read_json(line: bytes) -> Any:
    """Returns the content of a line of JSON; None if it is not JSON, or nested too deeply."""
    try:
        value = json.loads(line)
        if line.count(b"[") + line.count(b"{") > _MAX_DEPTH:  # few lines have so many
            check_depth(value)
        return decode(value) if b'"$' in line else value  # most lines have nothing to decode
    except (ValueError, RecursionError):
        return None


def check_depth(value: Any) -> None:
    """Raises a ValueError for a value nested deeper than any configuration is."""
    inside, depth = [value] if isinstance(value, dict | list) else [], 0
    while inside:
        depth += 1
        if depth > _MAX_DEPTH:
            raise ValueError("is nested too deeply")
        values = (v.values() if isinstance(v, dict) else v for v in inside)
        inside = [one for few in values for one in few if isinstance(one, dict | list)]


def is_number(value: Any) -> bool:
    """Checks for a number that a float can hold: an int may have hundreds of digits."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= sys.float_info.max)


def is_count(value: Any) -> bool:
    """Checks for a whole number that is at least 0."""
    return type(value) is int and 0 <= value < 2**53


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list)
        and len(point) in (3, 4)
        and all(map(is_number, point[:3]))
        and all(map(_are_metrics, point[3:]))
        and 0 <= point[0] < 2**53
        and float(point[0]).is_integer()  # an epoch
    )


def _are_metrics(metrics: Any) -> bool:
    return isinstance(metrics, dict) and all(map(is_number, metrics.values()))


def thinned(row: Row, keep: Callable[[int], bool]) -> Row:
    """Returns the row with a learning curve that fits into a line: of a longer one every second,
    fourth, … epoch, the last one, and those that `keep` returns True for.
    """
    curve, step = row.curve, 1
    if sum(3 + len(point[3] if point[3:] else ()) for point in curve) < _FEW_NUMBERS:
        return row
    while len(json.dumps(encode(curve))) > _MOST_OF_A_CURVE and step < len(row.curve):
        step *= 2
        kept = [point for point in row.curve[:-1] if point[0] % step == 0 or keep(int(point[0]))]
        curve = [*kept, row.curve[-1]]
    return replace(row, curve=curve)


def encode(value: Any) -> Any:
    """Returns plain data in a form that JSON can hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, dict):
        plain = {key: encode(item) for key, item in value.items()}
        return {"$dict": plain} if len(plain) == 1 and "$" in next(iter(plain))[:1] else plain
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def decode(value: Any) -> Any:
    """Returns the plain data that `encode` was given."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$float"} and value["$float"] in ("nan", "inf", "-inf"):
        return float(value["$float"])
    if value.keys() == {"$dict"} and isinstance(value["$dict"], dict):
        value = value["$dict"]
    return {key: decode(item) for key, item in value.items()}
