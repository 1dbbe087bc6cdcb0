"""Restores a record's values as the objective was given them: JSON has made lists of tuples."""

import copy
import re
import warnings
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sweeper.record.rows import Row
from sweeper.space.conditions import laws

_TUPLE = re.compile(r"(?<![\w.])\(")  # a bracket that is not one of a call


def as_given(sweep: dict[str, Any], rows: list[Row]) -> list[Row]:
    """Returns the rows with the values of the space, as far as `sweep.json` describes it.

    Values of a damaged or foreign record outside of its space stay as they are.
    """
    entries = _entries_with_tuples(sweep)
    return (
        [replace(row, config=_as_given(entries, row.config)) for row in rows] if entries else rows
    )


def _entries_with_tuples(sweep: dict[str, Any]) -> dict[str, Any]:
    """Returns the hyperparameters whose value may be a tuple, or contain one."""
    texts = {
        name: text
        for name, text in sweep["config_space"].items()
        if _TUPLE.search(str(text)) and name not in sweep.get("without_text", ())
    }
    if not texts:
        return {}
    from sweeper.space.text import read_value  # it loads scipy.stats

    found = {}
    for name, text in texts.items():
        with suppress(ValueError, TypeError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy raises on tables that it accepted before
            found[name] = read_value(text)
    return {name: value for name, value in found.items() if any(map(_holds_tuple, laws(value)))}


def _holds_tuple(value: Any) -> bool:
    entries = value.values() if isinstance(value, dict) else value
    return isinstance(value, list | tuple | dict) and any(
        isinstance(entry, tuple) or _holds_tuple(entry) for entry in entries
    )


def _as_given(entries: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    from sweeper.space.membership import value_in

    given = dict(config)
    for name, entry in entries.items():
        if name in config:
            with suppress(ValueError):
                given[name] = copy.deepcopy(value_in(entry, name, config))
    return given
