"""Shows a few lines that change in place: in a terminal, or below the cell of a notebook."""

import html
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TextIO, cast

from sweeper.terminal import printable, tell

_PER_SECOND = 4.0


class Live:
    """Shows the present lines below what is printed, from `open` to `close`.

    Where there is neither a terminal nor a notebook, nothing is shown in place (`shows` is False).
    What can't be written is dropped: nothing depends on it.

    Args:
        lines: Returns the present lines. Another thread calls it, several times a second.
        stream: Where to; standard error unless given.
        enabled: Whether lines may change in place at all.
        in_terminals: Whether they may change in a terminal: not if others print there unnoticed.
    """

    def __init__(
        self,
        lines: Callable[[], Sequence[str]],
        stream: TextIO | None = None,
        enabled: bool = True,
        in_terminals: bool = True,
    ) -> None:
        self._lines = lines
        self._stream = stream
        self._in_notebook = enabled and stream is None and in_notebook()
        shared = self._in_notebook or not in_terminals
        self._in_terminal = enabled and not shared and is_terminal(stream or sys.stderr)
        self.shows = self._in_terminal or self._in_notebook
        self._rich: Any = None  # the live part of a terminal, while it is there
        self._handle: Any = None  # the same of a notebook

    def open(self) -> None:
        """Begins to show the lines."""
        if self._in_terminal and self._rich is None:
            from rich.console import Console
            from rich.live import Live as RichLive

            file = cast(TextIO, _Dropping(self._stream or sys.stderr))
            console = Console(file=file, soft_wrap=True, force_jupyter=False)
            self._rich = RichLive(
                console=console,
                get_renderable=self._renderable,
                refresh_per_second=_PER_SECOND,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),  # else it goes where the user sends it
            )
            self._rich.start()
        elif self._in_notebook and self._handle is None:
            from IPython.display import display

            self._handle = display(_Shown(self._lines()), display_id=True)

    def refresh(self) -> None:
        """Shows the lines as they are now; a terminal does so by itself."""
        if self._handle is not None:
            self._handle.update(_Shown(self._lines()))

    def say(self, message: str) -> None:
        """Prints a message that stays."""
        if self._rich is not None:
            from rich.text import Text

            self._rich.console.print(Text(printable(message)))
        else:
            say_line(message, self._stream)

    def close(self) -> None:
        """Takes the lines away; say what is to stay."""
        if self._handle is not None:
            self._handle.update(_Shown([]))
            self._handle = None
        if self._rich is not None:
            self._rich.stop()
            self._rich = None

    def _renderable(self) -> Any:
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        for number, line in enumerate(self._lines()):
            text.append("\n" * (number > 0) + line, "bold" if number == 0 else "")
        return text


def say_line(message: str, stream: TextIO | None = None) -> None:
    """Prints a message on lines of its own, to standard error unless another stream is given."""
    tell(printable(message) + "\n", stream or _default_stream())


def printer(enabled: bool) -> Callable[[str], None]:
    """Returns a function that prints a message, or one that does nothing."""

    def say(message: str) -> None:
        if enabled:
            say_line(message)

    return say


def _default_stream() -> TextIO:
    """Returns standard error; in a notebook, where that looks like a fault, standard output."""
    return sys.stdout if in_notebook() else sys.stderr


def is_terminal(stream: TextIO) -> bool:
    """Checks that lines can be changed in place there."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def in_notebook() -> bool:
    """Checks that this process is the kernel of a notebook (Jupyter, Colab, Databricks)."""
    if "IPython" not in sys.modules:
        return False
    from rich.console import Console

    return Console().is_jupyter


class _Shown:
    """Lines as a notebook shows them."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._text = "\n".join(lines)

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self._text)}</pre>" if self._text else ""


class _Dropping:
    """A stream that drops what can't be written, and writes ? for characters it lacks."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        encoding = self._stream.encoding or "utf-8"
        tell(text.encode(encoding, "replace").decode(encoding), self._stream)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
