"""Digests of whole files: scripts, and modules that a function imports when it runs."""

import ast
from collections.abc import Iterator
from pathlib import Path

from sweeper.worker.own_modules import file_of
from sweeper.worker.value_text import digest

_MOST_FILES = 100


def whole_files(name: str, path: Path) -> dict[str, str]:
    """Returns digests by name: of a file and of all own modules that it imports, directly or not.

    Nothing is imported for this; a file that is not Python counts alone.
    """
    found: dict[str, str] = {}
    waiting = [(name, path)]
    while waiting and len(found) < _MOST_FILES:
        name, path = waiting.pop(0)
        if name in found:
            continue
        text = path.read_text(errors="replace")
        found[name] = digest(text)
        for module in _imported(text):
            beside = file_of(module, str(path.parent))
            if beside is not None:
                waiting.append((module, beside))
    return found


def _imported(text: str) -> Iterator[str]:
    """Yields the modules that a piece of Python imports; names from them may be modules too."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)
