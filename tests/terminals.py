"""A terminal that knows what is seen on it."""

import io

import pyte
import pytest


class Terminal(io.StringIO):
    """A stream to write to; for as long as the test runs, programs are told its size."""

    encoding = "utf-8"

    def __init__(self, patch: pytest.MonkeyPatch, columns: int = 80, rows: int = 24) -> None:
        super().__init__()
        self._screen = pyte.Screen(columns, rows)
        self._parser = pyte.Stream(self._screen)
        for name, value in {"TERM": "xterm", "COLUMNS": columns, "LINES": rows}.items():
            patch.setenv(name, str(value))

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._parser.feed(text.replace("\n", "\r\n"))
        return super().write(text)

    def shown(self) -> list[str]:
        """The lines that are seen, without empty ones."""
        return [line.rstrip() for line in self._screen.display if line.strip()]
