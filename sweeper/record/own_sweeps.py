"""Remembers, outside of sweeps' folders, what this user has run and where sweeps were sent.

A folder may come from anywhere, and names the code that computes its errors and the cluster it was
sent to. But code is run, and tokens are sent, only if the user has said so; that is noted in
`$XDG_STATE_HOME/sweeper`, in a file per folder that nobody else can read.
"""

import hashlib
import json
import os
import shlex
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.files import kind_of, read_plain, write_whole

_CODE = ("objective", "objective_file", "fixed_arguments")
_OWN_CODE = "sweeper.training.classifier:Classifier"  # harmless, whatever it is given
_COMMAND = "sweeper.worker.command:Command"
_FOLDERS = ("output", "trials", "checkpoints")  # in a sweep's own folder
_MOST_CODES = 7  # kept besides the last one
_MANY = 256  # notes, after which those of removed folders are looked for


@dataclass(frozen=True)
class Head:
    """The place of a cluster's head: the address of its dashboard, or the YAML file of `ray up`."""

    address: str | None
    cluster: str | None

    def __str__(self) -> str:
        return str(self.address or self.cluster)


def note_objective(folder: Path, described: Mapping[str, Any]) -> None:
    """Notes that the user has run this objective in a sweep's folder.

    Args:
        folder: the sweep's folder.
        described: the objective as `describe_objective` describes it.
    """
    code = {name: described.get(name) for name in _CODE}
    others = [one for one in _codes(folder) if one != code]
    _note(folder, {"code": [*others[-_MOST_CODES:], code]})


def is_own_objective(folder: Path, described: Mapping[str, Any]) -> bool:
    """Checks that the user has run the objective that the folder's `sweep.json` names."""
    if described.get("objective") == _OWN_CODE and described.get("objective_file") is None:
        return True
    return {name: described.get(name) for name in _CODE} in _codes(folder)


def _codes(folder: Path) -> list[Any]:
    codes = _noted(folder).get("code")
    return codes if isinstance(codes, list) else []


def check_objective(folder: Path, described: Mapping[str, Any], command: str = "resume") -> None:
    """Refuses to run code that only a folder names.

    Args:
        folder: the sweep's folder.
        described: the content of its `sweep.json`.
        command: the command of `sweeper` that would run it.

    Raises:
        ValueError: the user has not run it there.
    """
    if is_own_objective(folder, described):
        return
    what, where = described.get("objective"), described.get("objective_file")
    given = described.get("fixed_arguments")
    cure = f"Name the objective: sweeper {command} {shlex.quote(str(folder))} file.py:function."
    if what == _COMMAND:
        what = f"the command {given.get('command') if isinstance(given, dict) else given}"
        name = shlex.quote(folder.name)
        cure = f"Give the command again: sweeper run --command … --name {name} --resume."
        cure += "" if command == "resume" else f" Then {command} it."
    raise ValueError(
        f"{folder}: going on with it would run {what}{f' of {where}' if where else ''}, which "
        "only the folder names, as far as sweeper knows: it may come from elsewhere, have been "
        f"moved, or have been made by an older sweeper. {cure}"
    )


def note_head(folder: Path, head: Head) -> None:
    """Notes that the user has sent the folder's sweep to this head."""
    _note(folder, {"address": head.address, "cluster": head.cluster})


def noted_head(folder: Path) -> Head | None:
    """Returns the head to which the user has sent a folder's sweep, as far as that is noted."""
    match _noted(folder):
        case {"address": str(address), "cluster": None}:
            return Head(address, None)
        case {"address": None, "cluster": str(cluster)}:
            return Head(None, cluster)
    return None


def check_folders(folder: Path) -> None:
    """Refuses a sweep's folder with links that lead out of it, before it is written to.

    In the user's own folders only the places that sweeper writes to are checked, since trials may
    leave links where they like.

    Raises:
        ValueError: a subfolder is not a folder, or a foreign folder holds links that lead out of
            it, FIFOs or devices; names the first ten.
    """
    own = bool(_codes(folder))
    found = [
        f"{path}: is {kind_of(path.lstat())}, but must be a folder"
        for path in (folder / name for name in _FOLDERS)
        if os.path.lexists(path) and not stat.S_ISDIR(path.lstat().st_mode)
    ]
    found += [] if own else _leading_out(folder)
    if found:
        raise ValueError(
            "\n".join(found[:10]) + f"\nNothing is written into {folder} so, since it would be "
            "written elsewhere. Remove what is named here if you don't know it."
        )


def _leading_out(folder: Path) -> list[str]:
    """Lists entries that are neither a file nor a folder, nor a link to one of these inside."""
    inside = Path(os.path.realpath(folder))
    found = []
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
                continue
            leads_to = Path(os.path.realpath(path))
            if not path.is_symlink():
                found.append(f"{path}: is {kind_of(status)}")
            elif not leads_to.is_relative_to(inside):
                found.append(f"{path}: is a link to {leads_to}")
    return found


def _note(folder: Path, what: dict[str, Any]) -> None:
    """Adds to the notes on a folder; if they can't be kept, the user is asked again next time."""
    with suppress(OSError, RuntimeError):  # there may be no home
        path = _note_of(folder)
        for parent in reversed(path.parents[:2]):
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        noted = {**_noted(folder), **what, "folder": os.path.realpath(folder)}
        text = json.dumps(noted, indent=2)
        write_whole(path, lambda file: file.write(text.encode()), mode=0o600)
        _forget_gone(path.parent)


def _noted(folder: Path) -> dict[str, Any]:
    try:
        path = _note_of(folder)
        if path.lstat().st_uid not in (0, os.geteuid()):
            return {}
        noted = json.loads(read_plain(path))
    except (OSError, ValueError, RuntimeError):  # there may be no home
        return {}
    return noted if isinstance(noted, dict) else {}


def _note_of(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()
    return state_folder() / "sweeps" / f"{name}.json"


def state_folder() -> Path:
    """Returns sweeper's folder in the place where this user's programs keep lasting state."""
    given = os.environ.get("XDG_STATE_HOME", "")
    state = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "state"
    return state / "sweeper"


def _forget_gone(notes: Path) -> None:
    """Removes the notes on folders that are gone, each time that many have been added."""
    there = list(notes.glob("*.json"))
    if len(there) % _MANY:
        return
    for path in there:
        with suppress(OSError, ValueError, TypeError, KeyError):
            if not os.path.isdir(json.loads(read_plain(path))["folder"]):
                path.unlink()
