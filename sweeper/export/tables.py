"""The table of trials as CSV and Parquet."""

import sys

import pandas as pd

from sweeper.extras import extras_named
from sweeper.files import write_named
from sweeper.record.columns import csv_cells, one_kind_a_column
from sweeper.terminal import one_line, whole_characters


def write_csv(frame: pd.DataFrame, output: str | None) -> None:
    """Writes a file of comma-separated values, or prints them if none is named."""
    to_screen = output is None and sys.stdout.isatty()
    cells = csv_cells(frame, one_line if to_screen else whole_characters)
    if output is None:
        cells.to_csv(sys.stdout, index=False)
    else:
        text = cells.to_csv(index=False).encode()
        write_named(output, lambda file: file.write(text))


def write_parquet(frame: pd.DataFrame, output: str) -> None:
    """Writes a Parquet file; columns are as `one_kind_a_column` makes them.

    Raises:
        ModuleNotFoundError: pyarrow is missing.
    """
    with extras_named():
        import pyarrow  # noqa: F401 (pandas, too, says that it is missing, but not how to get it)

    content = one_kind_a_column(frame).to_parquet(index=False)
    write_named(output, lambda file: file.write(content))
