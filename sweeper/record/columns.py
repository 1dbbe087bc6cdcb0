"""Columns and order of the results' DataFrames."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from sweeper.record.lines import encode
from sweeper.space.conditions import ABSENT
from sweeper.terminal import whole_characters

_WITH_EMPTY = {int: "Int64", float: "float64", bool: "boolean"}


def column(values: list[Any]) -> pd.Series:
    """Returns numbers as such, also if some are ints and some floats, or some are None or ABSENT
    and so empty; other values as is, empty where ABSENT.
    """
    there = [None if value is ABSENT else value for value in values]
    kinds = {type(value) for value in there if value is not None}
    with suppress(OverflowError, TypeError):
        if kinds == {int, float} and all(float(v) == v for v in there if type(v) is int):
            return pd.Series(there, dtype="float64")
        if kinds in ({int}, {float}, {bool}):
            if not any(value is None for value in there):
                return pd.Series(there)
            return pd.Series(there, dtype=_WITH_EMPTY[kinds.pop()])
    return pd.Series(there, dtype="object")


def one_kind_a_column(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the frame for formats that have one type per column.

    Texts and empty cells stay; any other column of Python objects becomes JSON, and
    `attrs["json"]` names it.
    """
    table = frame.copy()
    table.attrs = {**frame.attrs, "json": []}
    for name in frame.columns[frame.dtypes == "object"]:
        cells = list(frame[name])
        is_text = all(value is None or isinstance(value, str) for value in cells)
        write = whole_characters if is_text else as_json
        table[name] = pd.Series([v if v is None else write(v) for v in cells], dtype="object")
        if not is_text:
            table.attrs["json"].append(name)
    return table


def as_json(value: Any) -> str:
    """Returns a value as the record writes it."""
    return json.dumps(encode(value))


def columns_for(names: Iterable[str], prefix: str, taken: set[str]) -> dict[str, str]:
    """Returns names and their columns: the name, with the prefix once or more if it is taken.
    Characters that can't be written are replaced, as half surrogate pairs in foreign records.
    """
    wanted = {name: whole_characters(name) for name in names}
    plain = {name for name, column in wanted.items() if name == column and name not in taken}
    used = taken | plain
    for name in (name for name in wanted if name not in plain):
        while wanted[name] in used:
            wanted[name] = prefix + wanted[name]
        used.add(wanted[name])
    return wanted


def best_first(frame: pd.DataFrame, losses: pd.Series) -> pd.DataFrame:
    """Sorts the rows of `Results.frame`: finished ones first, the best first; then stopped ones by
    epochs and value, which is not that of a whole trial; then those without a value.

    Args:
        frame: as `Results.frame`.
        losses: as `Results.losses`.
    """
    stopped = (frame["status"] == "stopped").to_numpy()
    group = np.select([(frame["status"] == "finished").to_numpy(), stopped], [0, 1], 2)
    epochs = frame["epochs"].astype("float64").fillna(0.0).to_numpy()
    keys = (frame["trial"], losses, np.where(stopped, -epochs, 0), group)
    return frame.iloc[np.lexsort(keys)]


def csv_cells(frame: pd.DataFrame, mend: Callable[[str], str]) -> pd.DataFrame:
    """Prepares a frame for a file of comma-separated values, its texts and names mended.

    Text that a spreadsheet would compute gets an apostrophe before it: all that begins with =, +, -
    or @ and is not a number.
    """

    def cell(value: Any) -> Any:
        text = mend(str(value))
        is_formula = text.lstrip()[:1] in ("=", "+", "-", "@") and not _is_number(text)
        return f"'{text}" if is_formula else text

    table = frame.rename(columns=cell)
    for place, kind in enumerate(table.dtypes):
        if kind == "object":
            values = table.iloc[:, place]
            mended = [v if v is None or type(v) in (int, float, bool) else cell(v) for v in values]
            table.isetitem(place, np.array([*mended, None], dtype="object")[:-1])
    return table


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
