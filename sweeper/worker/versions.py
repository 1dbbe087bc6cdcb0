"""Compares versions of the packages that a validation error depends on, between two processes."""

import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path

from sweeper.extras import installed

# Not scipy: it draws configurations, which only the driver does.
_PACKAGES = ("ray", "torch", "numpy")

Versions = Mapping[str, str | None]


def versions() -> dict[str, str | None]:
    """Returns name → version of Python and the packages installed here; None for missing ones.

    Only sweeper itself is loaded, so it takes milliseconds. sweeper's version has a digest of its
    source files, since two checkouts share a number.
    """
    packages = {package: installed(package) for package in _PACKAGES}
    return {"Python": platform.python_version(), **packages, "sweeper": _sweeper()}


def differences(there: Versions, here: Versions) -> list[str]:
    """Returns a line for each package whose version on a node differs from the driver's.

    Builds of one version count as the same (`2.14.0+cpu`, `2.14.0+cu126`), so a driver without GPUs
    can use nodes that have them.
    """
    return [
        f"{package} {there.get(package) or 'is missing'}, the driver has {needed or 'none'}"
        for package, needed in here.items()
        if _without_build(there.get(package)) != _without_build(needed)
    ]


def _sweeper() -> str | None:
    """Returns the version of the package that an import finds, wherever it comes from."""
    try:
        import sweeper
    except ImportError:
        return None
    if sweeper.__file__ is None:
        return None  # a folder of that name
    digest = hashlib.sha256()
    folder = Path(sweeper.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return f"{sweeper.__version__} (source {digest.hexdigest()[:8]})"


def _without_build(version: str | None) -> str | None:
    return version and version.partition("+")[0]
