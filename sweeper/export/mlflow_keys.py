"""Names as MLflow takes them, for the keys of parameters and metrics."""

import posixpath
import re
from collections.abc import Iterable

from sweeper.terminal import whole_characters

_MOST = 250  # characters (mlflow/utils/validation.py, as the rest)


def keys(names: Iterable[str]) -> dict[str, str]:
    """Returns names and their keys: the name itself where MLflow takes it. In others `_` stands
    for what it does not take; if that is another one's key, a number follows.
    """
    wanted = {name: _key(name) for name in names}
    used = {name for name, key in wanted.items() if name == key}
    for name, key in wanted.items():
        number = 1
        while name != key and wanted[name] in used:
            number += 1
            wanted[name] = f"{key[: _MOST - 10]}_{number}"
        used.add(wanted[name])
    return wanted


def _key(name: str) -> str:
    """Replaces what is no letter, digit or one of `_-. :/`, and what a path would not keep."""
    key = re.sub(r"[^\w.\- :/]", "_", whole_characters(name)[:_MOST])
    if posixpath.normpath(key) != key or key.startswith(("/", "..")) or key == ".":
        key = key.replace("/", "_")
    if key.startswith("..") or key in ("", "."):
        key = "_" + key[1:]
    return key
