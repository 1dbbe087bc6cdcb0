"""Makes text from outside safe to print and to keep: it can't move the cursor, change colours
or fill the disk.
"""

import os
import sys
from contextlib import suppress
from typing import TextIO

MOST_SAID = 10_000  # characters of an error on the screen
MOST_KEPT = 20_000  # characters of an exception or a traceback in a sweep's record


def printable(text: str) -> str:
    r"""Returns the text with control characters written out, as `\x1b`; newlines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    r"""Works as `printable`, with line breaks and tabs written out too: one line stays one."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def short(text: str, most: int) -> str:
    """Returns at most `most` characters of the first line."""
    line = printable(text.partition("\n")[0])
    return line if len(line) <= most else line[: most - 1] + "…"


def tell(text: str, stream: TextIO | None = None) -> None:
    """Writes text that may get lost, to standard error or this stream: it is dropped if the
    terminal or pipe is closed or the disk full.
    """
    with suppress(OSError, ValueError):  # ValueError: a closed file
        stream = stream or sys.stderr
        stream.write(text)
        stream.flush()


def drop_output() -> None:
    """Sends what is printed from now on nowhere, since nobody reads it any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def whole_characters(text: str) -> str:
    """Returns the text with ? for each half surrogate pair, which no text file can hold."""
    return text.encode("utf-8", "replace").decode()


def bounded(text: str, most: int = MOST_KEPT) -> str:
    """Returns the text as a record keeps it: without half surrogate pairs, which no text file
    can hold, and only the beginning and end if it is longer than `most` characters.
    """
    if len(text) > most:
        left_out = f"\n… {len(text) - most:,} characters left out …\n"
        text = text[: most // 2] + left_out + text[-(most - most // 2) :]
    return whole_characters(text)
