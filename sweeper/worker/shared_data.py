"""Shares large data with objectives: one copy per node, writable and private in each trial.

The buffers of arrays, tensors and frames lie in one file per node. A trial maps that file privately
(copy on write): nothing is copied until a trial writes, and only that trial sees its writes.
"""

import fcntl
import mmap
import pickle
import secrets
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import cloudpickle
import numpy as np

from sweeper.files import locked, private_folder, write_whole

_CLEARING_S = 5.0
_ALIGNMENT = 64  # bytes: the alignment that NumPy and Arrow prefer


@dataclass(frozen=True)
class PackedData:
    """Data taken apart: `structure` is its pickle without the buffers, `buffers` are uint8 arrays.

    The node's file has a random name, so that nobody can have put another file there before.
    """

    structure: bytes
    buffers: list[np.ndarray]
    name: str


class _Pickler(cloudpickle.Pickler):
    """Pickles CPU tensors through NumPy, whose buffers can stay outside of the pickle."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj).__module__ == "torch" and type(obj).__name__ == "Tensor":
            import torch

            plain = obj.device.type == "cpu" and obj.layout == torch.strided
            if plain and not obj.is_quantized and not obj.is_conj() and not obj.is_neg():
                # Bytes, since NumPy has no bfloat16.
                raw = obj.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
                return _tensor, (raw, obj.dtype, tuple(obj.shape), obj.requires_grad)
        return super().reducer_override(obj)


def _tensor(raw: np.ndarray, dtype: Any, shape: tuple[int, ...], requires_grad: bool) -> Any:
    import torch

    tensor = torch.from_numpy(raw).view(dtype).reshape(shape)
    return tensor.requires_grad_(requires_grad)


def pack(data: Any) -> PackedData:
    """Takes `data` apart into a small pickle and its large buffers.

    Raises:
        TypeError: `data` can't be pickled.
    """
    buffers: list[np.ndarray] = []

    def keep_outside(buffer: pickle.PickleBuffer) -> None:
        buffers.append(np.frombuffer(buffer.raw(), dtype=np.uint8))

    stream = BytesIO()
    try:
        _Pickler(stream, protocol=5, buffer_callback=keep_outside).dump(data)
    except Exception as error:
        raise TypeError(
            f"data= must be picklable, but {type(data).__name__} is not: {error}. "
            "Pass arrays, tensors, frames, or dicts of these."
        ) from error
    return PackedData(stream.getvalue(), buffers, f"{secrets.token_hex(16)}.data")


class NodeCopy:
    """This node's copy of packed data, alive as long as one worker of the node holds it."""

    def __init__(self, packed: PackedData) -> None:
        self._structure = packed.structure
        self._sizes = [buffer.nbytes for buffer in packed.buffers]
        remove_abandoned()
        self._path = _folder() / packed.name
        self._file = _open_or_write(self._path, packed.buffers)

    def __getstate__(self) -> tuple[Any, ...]:
        return self._structure, self._sizes, self._path

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Opens or writes the node's file in another process of this node."""
        self._structure, self._sizes, self._path = state
        self._file = open(self._path, "rb")  # noqa: SIM115 (held until close)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def open(self) -> Any:
        """Returns the data, writable; writes stay in this process and this opening."""
        if not sum(self._sizes):
            return pickle.loads(self._structure, buffers=[bytearray() for _ in self._sizes])
        pages = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)
        buffers, start = [], 0
        for size in self._sizes:
            buffers.append(memoryview(pages)[start : start + size])
            start += _padded(size)
        return pickle.loads(self._structure, buffers=buffers)

    def close(self) -> None:
        """Closes the file; the last one to do so removes it."""
        with locked(self._path.parent):
            _remove_if_unused(self._path, self._file)
        self._file.close()


def _open_or_write(path: Path, buffers: list[np.ndarray]) -> BinaryIO:
    """Opens the node's file, held with a shared lock; the first worker writes it."""

    def write(file: BinaryIO) -> None:
        for buffer in buffers:
            file.write(buffer.data)
            file.write(bytes(_padded(buffer.nbytes) - buffer.nbytes))

    with locked(path.parent):
        if not path.exists():
            write_whole(path, write)
        file = open(path, "rb")  # noqa: SIM115 (held until close)
        fcntl.flock(file, fcntl.LOCK_SH)
        return file


def _remove_if_unused(path: Path, file: BinaryIO) -> None:
    """Removes a file that no other process holds; the folder must be locked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    path.unlink(missing_ok=True)


def remove_abandoned() -> None:
    """Removes files that killed workers left on this node, unless the folder is locked for long."""
    folder = _folder()
    with suppress(TimeoutError), locked(folder, _CLEARING_S):
        for path in [*folder.glob("*.data"), *folder.glob("*.unfinished")]:
            with open(path, "rb") as file:
                _remove_if_unused(path, file)


def _folder() -> Path:
    return private_folder("sweeper-data")


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
