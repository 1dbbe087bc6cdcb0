"""Finds Fashion-MNIST's arrays, checks them, and keeps them in a cache of this node.

The arrays are memory-mapped: the processes of a node share the pages, and each sees only its own
writes to them.
"""

import gzip
import hashlib
import os
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from sweeper.files import locked, private_folder, write_whole

# Each array of Fashion-MNIST: its IDX file and the MD5 of that file, unzipped.
_SOURCES = {
    "train_images": ("train-images-idx3-ubyte", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
    "train_labels": ("train-labels-idx1-ubyte", "9018921c3c673c538a1fc5bad174d6f9"),
    "test_images": ("t10k-images-idx3-ubyte", "8181f5470baa50b63fa0f6fddb340f0a"),
    "test_labels": ("t10k-labels-idx1-ubyte", "15d484375f8d13e6eb1aabb0c3f46965"),
}
_TRAINING = ("train_images", "train_labels")
_DEBIAN = Path("/usr/share/datasets/fashion-mnist")

# Set where a node without the files gets Fashion-MNIST from the one that started the sweep.
arrays_from_driver: Callable[[], dict[str, np.ndarray]] | None = None


def fashion_mnist_arrays(
    root: str | os.PathLike[str] | None = None,
    names: Iterable[str] = tuple(_SOURCES),
    download: bool = True,
) -> dict[str, np.ndarray]:
    """Returns the arrays of these names, uint8, memory-mapped: shared pages, private writes.

    Args:
        root: where to look first; see `FashionMNIST`.
        names: any of `train_images` and `test_images`, `(n, 28, 28)`, `train_labels` and
            `test_labels`, `(n,)`. No other file is opened.
        download: True to download files that are nowhere else.

    Raises:
        FileNotFoundError: they are nowhere to be found; lists the places searched.
        ValueError: a file is broken.
    """
    paths = {name: _array_file(name, root, download) for name in names}
    return {name: np.load(path, mmap_mode="c") for name, path in paths.items()}


def local_arrays() -> dict[str, np.ndarray] | None:
    """Returns the training arrays for other nodes, if this one has them; nothing is downloaded.

    The test set stays here, where `sweeper.test` reads it after the sweep.
    """
    try:
        return fashion_mnist_arrays(names=_TRAINING, download=False)
    except (OSError, ValueError):
        return None


def place_of_files() -> str | None:
    """Returns where this node has the training arrays, if it does; nothing is read."""
    for folder in (os.environ.get("SWEEPER_DATA"), _DEBIAN, _cache()):
        if folder and all(_has(Path(folder), name) for name in _TRAINING):
            return str(folder)
    return None


def _has(folder: Path, name: str) -> bool:
    return bool(_find_idx(folder, _SOURCES[name][0])) or any(folder.glob(f"{name}-*.npy"))


def _array_file(name: str, root: str | os.PathLike[str] | None, download: bool) -> Path:
    """Returns the plain array on this node, made from the first source that has it."""
    cache = _cache()
    places: dict[str, str | os.PathLike[str] | None] = {
        "root": root,
        "$SWEEPER_DATA": os.environ.get("SWEEPER_DATA"),
        "Debian's package": _DEBIAN,
        "the cache": cache,
    }
    tried = []
    for place, folder in places.items():
        source = _find_idx(Path(folder), _SOURCES[name][0]) if folder else None
        if source:
            return _prepare(cache, name, source)
        tried.append(f"{place}: " + (f"{folder} does not have it" if folder else "not given"))
    prepared = sorted(cache.glob(f"{name}-*.npy"))
    if prepared:
        return prepared[0]
    if arrays_from_driver is not None:
        return _write_once(cache / f"{name}-driver.npy", lambda: _from_driver(name))
    if download:
        try:
            return _prepare(cache, name, _download(cache) / _SOURCES[name][0])
        except (OSError, RuntimeError) as error:
            tried.append(f"download: {error}")
    raise FileNotFoundError(
        f"Fashion-MNIST's {_SOURCES[name][0]} was not found.\n  "
        + "\n  ".join(tried)
        + "\nWithout a network: apt-get install dataset-fashion-mnist, or copy its four files to "
        "a folder and name that in root= or $SWEEPER_DATA."
    )


def _find_idx(folder: Path, file_name: str) -> Path | None:
    for path in (folder / file_name, folder / "FashionMNIST" / "raw" / file_name):
        for candidate in (path, path.with_name(f"{file_name}.gz")):
            if candidate.is_file():
                return candidate
    return None


def _prepare(cache: Path, name: str, source: Path) -> Path:
    """Returns the plain array made of an IDX file; a file that changed is read and checked anew."""
    status = source.stat()
    path = cache / f"{name}-{status.st_size:x}-{status.st_mtime_ns:x}.npy"
    return _write_once(path, lambda: _read_idx(name, source))


def _write_once(path: Path, read: Callable[[], np.ndarray]) -> Path:
    """Writes what `read` returns, unless that was done; nobody sees a half-written file."""
    if not path.exists():
        with locked(path.parent):
            if not path.exists():
                write_whole(path, lambda file: np.save(file, read()))
    return path


def _read_idx(name: str, source: Path) -> np.ndarray:
    try:
        content = source.read_bytes()
        if source.suffix == ".gz":
            content = gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{source} is broken: {error} Get it again.") from error
    return _checked(name, content, str(source))


def _from_driver(name: str) -> np.ndarray:
    assert arrays_from_driver is not None
    array = arrays_from_driver()[name]
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return _checked(name, header + array.tobytes(), f"{name} of the sweep's driver")


def _checked(name: str, content: bytes, source: str) -> np.ndarray:
    """Reads an IDX file: 0, 0, 8 for bytes, the number of sides, the sides, the values."""
    file_name, md5 = _SOURCES[name]
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(
            f"{source} is broken or no part of Fashion-MNIST: unzipped, {len(content):,} bytes "
            f"with the MD5 {found}, but {file_name} has {md5}. Get it again."
        )
    sides = struct.unpack_from(f">{content[3]}I", content, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(sides)).reshape(sides)


def _download(cache: Path) -> Path:
    """Returns the folder of the IDX files, which torchvision downloads and unzips."""
    import torchvision

    with locked(cache):
        if not (cache / "FashionMNIST").exists():
            unfinished = cache / "download.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            torchvision.datasets.FashionMNIST(str(unfinished), download=True)
            (unfinished / "FashionMNIST").rename(cache / "FashionMNIST")
    return cache / "FashionMNIST" / "raw"


def _cache() -> Path:
    """Returns the user's cache folder, or a private temporary one if that can't be written."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sweeper"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return private_folder("sweeper-cache")
