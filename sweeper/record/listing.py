"""Formats the trials of a sweep as text."""

import shutil
import sys

import pandas as pd

from sweeper.terminal import short
from sweeper.text_table import text_table

_CELL = 60  # characters
_ELSEWHERE = ("seed", "worker", "node", "start_s")  # in the frame, but not shown at first


def table(frame: pd.DataFrame, metrics: list[str], most: int, width: int | None) -> str:
    """Returns trials as text, at most `most` rows.

    Columns without information are left out, and those that don't fit are named below.

    Args:
        frame: as `Results.frame`, in the order in which the trials are shown.
        metrics: the columns of the optimised metric and then of the others.
        most: the largest number of rows.
        width: of the screen in characters; None for no limit.
    """
    text = frame_text(frame[_order(frame, metrics)].head(most), width)
    more = len(frame) - most
    return text + (f"\n… and {more:,} more trials" if more > 0 else "")


def frame_text(frame: pd.DataFrame, width: int | None = None) -> str:
    """Returns a DataFrame as text, for a screen of so many characters."""
    return text_table([(name, _cells(name, frame[name])) for name in frame.columns], width)


def screen_width() -> int | None:
    """Returns how many characters fit into a line of standard output; None if no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _order(frame: pd.DataFrame, metrics: list[str]) -> list[str]:
    """Returns the columns worth showing, the most informative ones first."""
    first = ["trial", "replicate", metrics[0]]
    last = [*metrics[1:], "epochs", "status", "runtime_s", "exception"]
    if frame["status"].nunique() > 1:  # then a value without its status misleads
        first.append("status")
        last.remove("status")
    hyperparameters = [n for n in frame.columns if n not in (*first, *last, *_ELSEWHERE)]
    telling = {"replicate": frame["replicate"].nunique() > 1}
    telling |= {name: bool(frame[name].notna().any()) for name in ("epochs", "exception")}
    return [name for name in (*first, *hyperparameters, *last) if telling.get(name, True)]


def _cells(name: str, values: pd.Series) -> list[str]:
    if pd.api.types.is_float_dtype(values.dtype):
        form = "{:.1f}" if name == "runtime_s" else "{:.4g}"
        return ["" if pd.isna(value) else form.format(value) for value in values]
    return ["" if value is None or value is pd.NA else short(str(value), _CELL) for value in values]
