"""Packs a trial's folder on a node that doesn't share the sweep's, so that it can be copied."""

import io
import shutil
import zipfile
from pathlib import Path

from sweeper.files import named


def pack(folder: Path) -> bytes:
    """Returns the regular files in a folder as a zip archive, and removes the folder."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", strict_timestamps=False) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                file.write(path, path.relative_to(folder))
    shutil.rmtree(folder, ignore_errors=True)
    return archive.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Writes the packed files into a folder; `zipfile` lets no name lead out of it."""
    with named(folder), zipfile.ZipFile(io.BytesIO(packed)) as file:
        file.extractall(folder)
