"""Formats columns of text side by side, as a screen shows them."""

import io
from collections.abc import Sequence

from sweeper.terminal import short

Column = tuple[str, Sequence[str]]  # a name, and its cells
_GAP = 2  # characters between two columns
_WIDEST = 10_000  # characters, where nothing is cut
_NAME = 40  # characters of a name, which is shortened for the eye only


def text_table(columns: Sequence[Column], width: int | None = None) -> str:
    """Returns the columns as lines of text, the first of which has their names.

    Numbers are aligned to the right, other texts to the left.

    Args:
        columns: names and cells, equally many in each; the first two columns are always shown.
        width: of the screen in characters. Columns that don't fit are named in a last line. None
            for no limit.
    """
    shown, left_out = _that_fit(columns, width)
    text = _drawn(shown, width)
    if left_out:
        from rich.text import Text

        last = Text(f"no room for: {', '.join(left_out)}")
        last.truncate(width or _WIDEST, overflow="ellipsis")
        text += f"\n{last.plain}"
    return text


def _that_fit(columns: Sequence[Column], width: int | None) -> tuple[list[Column], list[str]]:
    """Returns the columns that fit side by side, and the names of the others."""
    from rich.cells import cell_len

    room = width or _WIDEST
    shown: list[Column] = []
    left_out: list[str] = []
    for name, cells in columns:
        wide = max(cell_len(text) for text in (short(name, _NAME), *cells)) + _GAP
        if width is None or wide <= room + _GAP or len(shown) < 2:
            shown.append((name, cells))
            room -= wide
        else:
            left_out.append(short(name, _NAME))
    return shown, left_out


def _drawn(columns: Sequence[Column], width: int | None) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for name, cells in columns:
        number = all(map(_is_number, cells))
        title = Text(short(name, _NAME))
        drawn.add_column(title, justify="right" if number else "left", no_wrap=True)
    for cells in zip(*(cells for _, cells in columns), strict=True):
        drawn.add_row(*map(Text, cells))
    page = io.StringIO()
    # In a notebook the console would display the table instead of writing it.
    Console(file=page, width=width or _WIDEST, color_system=None, force_jupyter=False).print(drawn)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def _is_number(text: str) -> bool:
    return text.strip("+-0123456789.e, ") in ("", "nan", "inf")
