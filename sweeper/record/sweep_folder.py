"""Names and creates the folder of a new sweep, and keeps it from overwriting another."""

import os
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

from sweeper.record.unwritable import check_room
from sweeper.worker.own_modules import removed_later

CONFIRMATION = "confirm-"  # begins the name of a confirmation's folder, inside the sweep's own


def default_name(objective: str) -> str:
    """Returns the time and the objective's name, such as `2026-01-31_12-00-00_train`."""
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in objective)
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{plain.strip('-')[-40:] or 'objective'}"


def name_faults(name: Any, resume: bool) -> list[str]:
    """Lists the faults of a sweep's name, one sentence each; None stands for no name."""
    faults = []
    if resume and name is None:
        faults.append("resume=True needs the name of the sweep to go on with: name=….")
    if name is not None and (not isinstance(name, str) or not _is_file_name(name)):
        faults.append(
            f"name must be the name of one folder, such as 'first', but got {name!r} "
            f"({type(name).__name__})."
        )
    return faults


def _is_file_name(name: str) -> bool:
    return name == os.path.basename(name) and name not in ("", ".", "..") and "\0" not in name


def lasting(folder: str | Path) -> Path:
    """Returns the folder of sweeps; in a job, whose directory Ray removes, it is below the home."""
    return Path(folder) if removed_later() is None else Path.home() / folder


def normal_path(folder: str | Path) -> Path:
    """Returns a folder's path ending with its name: relative, if below the working directory."""
    path, here = Path(os.path.abspath(folder)), Path.cwd()
    return path.relative_to(here) if here in path.parents else path


def new_folder(path: Path, named: bool) -> Path:
    """Creates the sweep's folder and returns it; a default name gets a number if it is taken.

    Raises:
        FileExistsError: there is such a folder, and its name was chosen.
    """
    for number in range(1, 2 if named else 100):
        new = path if number == 1 else path.with_name(f"{path.name}-{number}")
        try:
            new.mkdir(parents=True)
            return new
        except FileExistsError:
            continue
    raise _taken(path)


def check_place(path: Path, named: bool) -> None:
    """Checks that a new sweep has a place, before anything is started for it.

    Raises:
        FileExistsError: there is such a folder, and its name was chosen.
        OSError: the folder for it can't be written.
    """
    if named and os.path.lexists(path):
        raise _taken(path)
    check_room(path.parent)


def _taken(path: Path) -> FileExistsError:
    return FileExistsError(
        f"{path}: exists already, and is never overwritten. Choose another name, or go on with "
        f"it: resume=True (sweeper resume {shlex.quote(str(path))})."
    )
