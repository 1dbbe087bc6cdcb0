"""Data modules of images: `FashionMNIST` and the small `Digits`, each split into three sets.

Images stay bytes in memory. They become floats some batches at a time, as they are handed out.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from sweeper.faults import int_fault, refuse
from sweeper.training.fashion_mnist import fashion_mnist_arrays
from sweeper.training.modules import DataModule
from sweeper.training.trial import current_context, joins_sets, open_test_set

# A validation error must not depend on the batch size that is tuned, not even by rounding.
_EVALUATION_BATCH = 250
_CHUNK_BYTES = 2**19  # of floats made at once: enough to be fast, and still in the CPU's cache


class Batches:
    """Batches `(X, y)` of images `(batch, 1, height, width)` in [0, 1] and their int64 labels.

    They can be gone through again and again; with `shuffle`, torch's global generator draws a new
    order each time. The last batch may be smaller.

    Args:
        images: uint8, `(n, height, width)`.
        labels: uint8, `(n,)`.
        chosen: bool, `(n,)`: True for those to hand out.
        white: the value in `images` that becomes 1.
        batch_size: examples in a batch.
        resize: height and width to hand out.
        shuffle: True for a random order.
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
        FileNotFoundError: the images are nowhere to be found; lists the places searched.
        ValueError: an argument is unusable, or a file is broken.

    Example:
        >>> data = sweeper.FashionMNIST(batch_size=256)
        >>> X, y = next(iter(data.train_dataloader()))
        >>> X.shape
        torch.Size([256, 1, 28, 28])
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
        """Returns the training batches if `train`, else validation (in test mode test) batches."""
        if current_context().test and not train:
            return self.test_dataloader()
        chosen = ~self._held_out if train else self._held_out
        if train and joins_sets():
            chosen = np.full(len(self._labels), True)
        return _batches(self, self._images, self._labels, chosen, white=255, train=train)

    def test_dataloader(self) -> Batches:
        """Returns the test batches; raises a RuntimeError while a sweep runs."""
        open_test_set()
        arrays = fashion_mnist_arrays(self.root, ("test_images", "test_labels"))
        images, labels = arrays["test_images"], arrays["test_labels"]
        return _batches(self, images, labels, np.full(len(labels), True), white=255, train=False)


class Digits(DataModule):
    """Handwritten digits, 8 × 8, in ten classes: small, and part of sweeper.

    The 1,797 images are the test set of "Optical Recognition of Handwritten Digits" (E. Alpaydin,
    C. Kaynak 1998, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, licence
    CC BY 4.0), in the order in which scikit-learn's `load_digits` has them. The first of every
    five of a class are for testing, the second for validation.

    Args:
        batch_size: training examples in a batch; evaluation batches always have 250.
        resize: height and width to hand out.

    Raises:
        ValueError: an argument is unusable.

    Example:
        >>> X, y = next(iter(sweeper.Digits(batch_size=32).train_dataloader()))
        >>> X.shape
        torch.Size([32, 1, 8, 8])
    """

    def __init__(self, batch_size: int = 64, resize: tuple[int, int] = (8, 8)) -> None:
        refuse(int_fault("batch_size", batch_size, 1), _resize_fault(resize))
        self.batch_size, self.resize = batch_size, resize
        with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as arrays:
            self._images, self._labels = arrays["images"], arrays["labels"]
        self._rank = _rank_in_class(self._labels) % 5

    def get_dataloader(self, train: bool) -> Batches:
        """Returns the training batches if `train`, else validation (in test mode test) batches."""
        if current_context().test and not train:
            return self.test_dataloader()
        chosen = self._rank >= 2 if train else self._rank == 1
        if train and joins_sets():
            chosen = self._rank >= 1
        return _batches(self, self._images, self._labels, chosen, white=16, train=train)

    def test_dataloader(self) -> Batches:
        """Returns the test batches; raises a RuntimeError while a sweep runs."""
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
    """Counts the examples of the same class before each one, `(n,)`."""
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
