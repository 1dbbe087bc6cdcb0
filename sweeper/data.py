"""Data modules of images: `FashionMNIST` and the small `Digits`, each split into three sets.

Images stay bytes in memory-mapped files: the processes of a node share the pages, and what one
writes to them only it sees. They become floats some batches at a time, as they are handed out.
"""

import fcntl
import gzip
import hashlib
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from sweeper.training import DataModule, current_trial, int_fault, open_test_set, refuse

# Each array of Fashion-MNIST: its IDX file and the MD5 of that file, unzipped.
_SOURCES = {
    "train_images": ("train-images-idx3-ubyte", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
    "train_labels": ("train-labels-idx1-ubyte", "9018921c3c673c538a1fc5bad174d6f9"),
    "test_images": ("t10k-images-idx3-ubyte", "8181f5470baa50b63fa0f6fddb340f0a"),
    "test_labels": ("t10k-labels-idx1-ubyte", "15d484375f8d13e6eb1aabb0c3f46965"),
}
_DEBIAN = Path("/usr/share/datasets/fashion-mnist")

# A validation error must not depend on the batch size that is tuned, not even through rounding.
_EVALUATION_BATCH = 250
_CHUNK_BYTES = 2**19  # of floats made at once: enough to be fast, and still in the CPU's cache

# How a node without the files gets Fashion-MNIST from the one that started the sweep.
arrays_from_driver: Callable[[], dict[str, np.ndarray]] | None = None


class Batches:
    """Batches `(X, y)` of images `(batch, 1, height, width)` in [0, 1] and their int64 labels.

    They can be gone through again and again; if `shuffle`, torch's global generator decides on
    another order each time. The last batch may be smaller.

    Args:
        images: uint8, `(n, height, width)`.
        labels: uint8, `(n,)`.
        chosen: bool, `(n,)`: which of them to hand out.
        white: the value in `images` that becomes 1.
        batch_size: examples in a batch.
        resize: height and width to hand out.
        shuffle: whether the order is random.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        chosen: np.ndarray,
        *,
        white: int,
        batch_size: int,
        resize: tuple[int, int],
        shuffle: bool,
    ) -> None:
        self._images, self._labels = torch.from_numpy(images), torch.from_numpy(labels)
        self._rows = torch.from_numpy(np.flatnonzero(chosen))
        self._white, self._size, self._shuffle = white, torch.Size(resize), shuffle
        self._batch_size = int(batch_size)
        batches_at_once = max(1, _CHUNK_BYTES // (4 * self._size.numel() * self._batch_size))
        self._rows_at_once = batches_at_once * self._batch_size

    def __len__(self) -> int:
        return -(-len(self._rows) // self._batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        rows = self._rows
        if self._shuffle:
            rows = rows[torch.randperm(len(rows))]
        for some in rows.split(self._rows_at_once):
            X = self._images.index_select(0, some).unsqueeze(1).float().div_(self._white)
            if X.shape[2:] != self._size:
                X = F.interpolate(X, self._size, mode="bilinear", antialias=True).clamp_(0, 1)
            y = self._labels.index_select(0, some).long()
            yield from zip(X.split(self._batch_size), y.split(self._batch_size), strict=True)


class FashionMNIST(DataModule):
    """Images of clothes, 28 × 28, in ten classes (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747).

    Of the 60,000 training images, the last of every six of a class are for validation, as the
    file has them: 50,000 and 10,000 images. The 10,000 test images stay sealed while a sweep runs.

    Args:
        batch_size: training examples in a batch; evaluation batches always have 250.
        resize: height and width to hand out.
        root: folder with the IDX files, gzipped or not, themselves or in `FashionMNIST/raw`.
            Otherwise they are looked for in `$SWEEPER_DATA`, in Debian's package
            dataset-fashion-mnist, in the cache, and at last downloaded.

    Raises:
        FileNotFoundError: the images are nowhere to be had; lists where they were looked for.
        ValueError: an argument is unusable, or a file is broken.
    """

    def __init__(
        self,
        batch_size: int = 64,
        resize: tuple[int, int] = (28, 28),
        root: str | os.PathLike[str] | None = None,
    ) -> None:
        refuse(int_fault("batch_size", batch_size, 1), _resize_fault(resize))
        self.batch_size, self.resize, self.root = batch_size, resize, root
        arrays = fashion_mnist_arrays(root, ("train_images", "train_labels"))
        self._images, self._labels = arrays["train_images"], arrays["train_labels"]
        self._held_out = _rank_in_class(self._labels) % 6 == 5

    def get_dataloader(self, train: bool) -> Batches:
        """The training batches if `train`, else the validation (in test mode the test) batches."""
        if current_trial().test and not train:
            return self.test_dataloader()
        chosen = ~self._held_out if train else self._held_out
        return _batches(self, self._images, self._labels, chosen, white=255, train=train)

    def test_dataloader(self) -> Batches:
        """The test batches; a RuntimeError while a sweep runs."""
        open_test_set()
        arrays = fashion_mnist_arrays(self.root, ("test_images", "test_labels"))
        images, labels = arrays["test_images"], arrays["test_labels"]
        return _batches(self, images, labels, np.full(len(labels), True), white=255, train=False)


class Digits(DataModule):
    """Handwritten digits, 8 × 8, in ten classes: small, and always there.

    The 1,797 images are the test set of "Optical Recognition of Handwritten Digits" (E. Alpaydin,
    C. Kaynak 1998, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, licence
    CC BY 4.0), in the order in which scikit-learn's `load_digits` has them. The first of every
    five of a class are for testing, the second for validation.

    Args:
        batch_size: training examples in a batch; evaluation batches always have 250.
        resize: height and width to hand out.

    Raises:
        ValueError: an argument is unusable.
    """

    def __init__(self, batch_size: int = 64, resize: tuple[int, int] = (8, 8)) -> None:
        refuse(int_fault("batch_size", batch_size, 1), _resize_fault(resize))
        self.batch_size, self.resize = batch_size, resize
        with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as arrays:
            self._images, self._labels = arrays["images"], arrays["labels"]
        self._rank = _rank_in_class(self._labels) % 5

    def get_dataloader(self, train: bool) -> Batches:
        """The training batches if `train`, else the validation (in test mode the test) batches."""
        if current_trial().test and not train:
            return self.test_dataloader()
        chosen = self._rank >= 2 if train else self._rank == 1
        return _batches(self, self._images, self._labels, chosen, white=16, train=train)

    def test_dataloader(self) -> Batches:
        """The test batches; a RuntimeError while a sweep runs."""
        open_test_set()
        chosen = self._rank == 0
        return _batches(self, self._images, self._labels, chosen, white=16, train=False)


def _batches(
    data: FashionMNIST | Digits,
    images: np.ndarray,
    labels: np.ndarray,
    chosen: np.ndarray,
    *,
    white: int,
    train: bool,
) -> Batches:
    return Batches(
        images,
        labels,
        chosen,
        white=white,
        batch_size=data.batch_size if train else _EVALUATION_BATCH,
        resize=data.resize,
        shuffle=train,
    )


def _rank_in_class(labels: np.ndarray) -> np.ndarray:
    """How many examples of its class stand before each one, `(n,)`."""
    rank = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        of_class = labels == label
        rank[of_class] = np.arange(of_class.sum())
    return rank


def _resize_fault(resize: Any) -> str | None:
    pair = isinstance(resize, tuple | list) and len(resize) == 2
    if pair and not any(int_fault("resize", side, 1) for side in resize):
        return None
    return f"resize must be (height, width), two ints >= 1, but got {resize!r}."


# Where Fashion-MNIST comes from


def fashion_mnist_arrays(
    root: str | os.PathLike[str] | None = None,
    names: Iterable[str] = tuple(_SOURCES),
    download: bool = True,
) -> dict[str, np.ndarray]:
    """The arrays of these names, uint8, memory-mapped: shared pages, private writes.

    Args:
        root: where to look first; see `FashionMNIST`.
        names: of `train_images` and `test_images`, `(n, 28, 28)`, and `train_labels` and
            `test_labels`, `(n,)`. No other file is opened.
        download: whether to download what is nowhere else.

    Raises:
        FileNotFoundError: they are nowhere to be had; lists where they were looked for.
        ValueError: a file is broken.
    """
    paths = {name: _array_file(name, root, download) for name in names}
    return {name: np.load(path, mmap_mode="c") for name, path in paths.items()}


def local_arrays() -> dict[str, np.ndarray] | None:
    """All arrays of Fashion-MNIST if this node has them; nothing is downloaded."""
    try:
        return fashion_mnist_arrays(download=False)
    except (OSError, ValueError):
        return None


def _array_file(name: str, root: str | os.PathLike[str] | None, download: bool) -> Path:
    """The plain array on this node, made from the first source that has it."""
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
        f"Fashion-MNIST's {_SOURCES[name][0]} was looked for in vain.\n  "
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
    """The plain array made of an IDX file; a file that changed is read, and checked, anew."""
    status = source.stat()
    path = cache / f"{name}-{status.st_size:x}-{status.st_mtime_ns:x}.npy"
    return _write_once(path, lambda: _read_idx(name, source))


def _write_once(path: Path, read: Callable[[], np.ndarray]) -> Path:
    """Writes what `read` returns, unless that is done; never seen half-written."""
    if not path.exists():
        with _locked(path.parent):
            if not path.exists():
                unfinished = path.with_suffix(".unfinished")
                with open(unfinished, "wb") as file:
                    np.save(file, read())
                    file.flush()
                    os.fsync(file.fileno())  # the new name must not survive a crash without it
                unfinished.rename(path)
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
    """The array in an IDX file: 0, 0, 8 for bytes, the number of sides, the sides, the values."""
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
    """The folder of the IDX files, which torchvision downloads and unzips."""
    import torchvision

    with _locked(cache):
        if not (cache / "FashionMNIST").exists():
            unfinished = cache / "download.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            torchvision.datasets.FashionMNIST(str(unfinished), download=True)
            (unfinished / "FashionMNIST").rename(cache / "FashionMNIST")
    return cache / "FashionMNIST" / "raw"


def _cache() -> Path:
    """The user's cache folder, or a private temporary one where that can't be written."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sweeper"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    private = Path(tempfile.gettempdir()) / f"sweeper-cache-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.lstat().st_uid != os.getuid():
        raise PermissionError(
            f"{folder} can't be written, and {private} is somebody else's. "
            "Set XDG_CACHE_HOME to a folder of yours."
        )
    return private


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which ends with this process at the latest."""
    with open(folder / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
