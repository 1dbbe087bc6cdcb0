"""Finds packages that may be missing, and says how to install them."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

_EXTRAS = {
    "ray": "ray",
    "torch": "torch",
    "torchvision": "torch",
    "pyarrow": "export",
    "tensorboardX": "export",
    "mlflow": "mlflow",
}


def installed(package: str) -> str | None:
    """Returns the installed version of a package; None if there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@contextmanager
def extras_named() -> Iterator[None]:
    """Names the extra of sweeper which brings the package that an import inside does not find.

    Raises:
        ModuleNotFoundError: as before, with the command that installs the package.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        without = " Without Ray, address='inline' runs a sweep in this process."
        raise ModuleNotFoundError(
            f"{package} is not installed, and this needs it: "
            f"pip install 'sweeper[{_EXTRAS[package]}]'.{without if package == 'ray' else ''}",
            name=error.name,
        ) from None
