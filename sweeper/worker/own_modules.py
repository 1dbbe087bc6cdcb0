"""Tells the user's own modules from Python's, installed packages' and sweeper's."""

import ast
import functools
import linecache
import sys
import sysconfig
from pathlib import Path
from typing import Any

_OF_JOBS = "working_dir_files"  # where Ray keeps the directories of jobs
_INSTALLED = {"site-packages", "dist-packages"}
_LIBRARY = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
# Words in an expression whose value may differ in the next process, or on another machine.
_SURROUNDINGS = {
    *("time", "perf_counter", "monotonic", "now", "today", "uuid1", "uuid4", "getpid", "urandom"),
    *(
        "environ",
        "getenv",
        "getcwd",
        "cwd",
        "home",
        "expanduser",
        "gethostname",
        "node",
        "platform",
    ),
    *("cpu_count", "__file__", "is_available", "device_count", "tempfile", "mkdtemp", "secrets"),
    *("random", "rand", "randn", "abspath", "resolve", "absolute", "sched_getaffinity"),
}


def is_own(module: Any) -> bool:
    """Checks whether a module of this name is the user's own; False if there is no such module."""
    if not isinstance(module, str) or module.partition(".")[0] == "sweeper":
        return False
    if module == "__main__":
        return True
    return is_own_file(getattr(sys.modules.get(module), "__file__", None))


def is_own_file(file: Any) -> bool:
    """Checks that a file belongs neither to an installed package nor to Python."""
    if not isinstance(file, str):
        return False
    path = Path(file).absolute()
    inside = any(path.is_relative_to(library) for library in _LIBRARY)
    return not inside and not _INSTALLED & set(path.parts)


def label_of(module: str) -> str:
    """Returns a label for a module: the same for a script and a module from its file."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file).stem if isinstance(file, str) and "." not in module else module


def file_of(module: str, *beside: str) -> Path | None:
    """Returns the file of an own module, as an import would find it; imports nothing.

    Args:
        module: the module's name.
        beside: folders that are searched first, such as that of a script.
    """
    parts = module.split(".")
    for folder in (*beside, *sys.path):
        place = Path(folder or ".").joinpath(*parts)
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path if is_own_file(str(path.absolute())) else None
    return None


def removed_later() -> Path | None:
    """Returns the copy of the user's directory that Ray made for a job and will remove, if any."""
    here = Path.cwd()
    return next((path for path in (here, *here.parents) if path.parent.name == _OF_JOBS), None)


def comes_from_surroundings(file: Any, name: str) -> bool:
    """Checks whether a Python file sets a name by the time, the machine or the environment."""
    return isinstance(file, str) and _from_surroundings(_assigned(file), name, 3)


def _from_surroundings(assigned: dict[str, set[str]], name: str, depth: int) -> bool:
    words = assigned.get(name, set())
    if words & _SURROUNDINGS:
        return True
    return depth > 0 and any(_from_surroundings(assigned, word, depth - 1) for word in words)


@functools.lru_cache(maxsize=64)
def _assigned(file: str) -> dict[str, set[str]]:
    """Returns the names that a file assigns at its top level, and the words assigned to each."""
    lines = linecache.getlines(file)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) or node.value is None:
            continue
        words = {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
        words |= {part.attr for part in ast.walk(node.value) if isinstance(part, ast.Attribute)}
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for part in ast.walk(target):
                if isinstance(part, ast.Name):
                    found[part.id] = found.get(part.id, set()) | words
    return found
