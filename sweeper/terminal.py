"""Text from outside, safe to print and to keep: it can neither move the cursor nor change colours,
nor fill the disk.
"""

import os
import sys
from contextlib import suppress
from typing import TextIO

MOST_SAID = 10_000  # characters of an error on the screen
MOST_KEPT = 20_000  # characters of an exception or a traceback in a sweep's record


def printable(text: str) -> str:
    r"""The text with control characters written out, such as `\x1b`; newlines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    r"""As `printable`, with line breaks and tabs written out: it makes no line of its own."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def short(text: str, most: int) -> str:
    """At most `most` characters of the first line."""
    line = printable(text.partition("\n")[0])
    return line if len(line) <= most else line[: most - 1] + "…"


def tell(text: str, stream: TextIO | None = None) -> None:
    """Writes to standard error, or to this stream, what nothing depends on: where nobody reads it
    any more, since its terminal or pipe is closed or its disk full, it is dropped.
    """
    with suppress(OSError, ValueError):  # ValueError: a closed file
        stream = stream or sys.stderr
        stream.write(text)
        stream.flush()


def drop_output() -> None:
    """Lets what is printed from now on go nowhere, since nobody reads it any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def whole_characters(text: str) -> str:
    """The text with ? for each half surrogate pair, which no file of text can hold."""
    return text.encode("utf-8", "replace").decode()


def bounded(text: str, most: int = MOST_KEPT) -> str:
    """The text as a record keeps it: without half surrogate pairs, which no file of text can hold,
    and of one longer than `most` characters only the beginning and the end.
    """
    if len(text) > most:
        left_out = f"\n… {len(text) - most:,} characters left out …\n"
        text = text[: most // 2] + left_out + text[-(most - most // 2) :]
    return whole_characters(text)
