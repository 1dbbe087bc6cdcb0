"""Formats values as short texts that are the same in every process, without running their code."""

import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import re
import sys
import types
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

_MOST = 200  # characters of a text
_MOST_ENTRIES = 100_000
_MOST_BYTES = 64 * 2**20  # of an array: of larger ones some elements are looked at
_MOST_DEPTH = 8
_TOLD_BY_REPR = (
    *(type(None), bool, complex, range, slice, type(...), re.Pattern, decimal.Decimal),
    *(fractions.Fraction, uuid.UUID, datetime.date, datetime.datetime, datetime.timedelta),
)
_PLAIN = (int, float, str, bytes, bytearray)
_CONTAINERS = (list, tuple, set, frozenset, dict)
_NAMED = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)

OfAnother = Callable[[Any, int], str]  # a text for any value but a plain one or container


def is_told(kind: type) -> bool:
    """Checks whether a type is plain, an array or a container, even one of the user's own."""
    return kind in _TOLD_BY_REPR or issubclass(
        kind, (*_PLAIN, *_CONTAINERS, enum.Enum, np.ndarray, np.generic)
    )


def value_text(value: Any, of_another: OfAnother, depth: int = 0) -> str:
    """Returns a text of at most some 200 characters: longer ones end in a digest of the whole.

    Plain values and containers of them are written as in Python (sets and dicts in the order of
    their texts), arrays as shape, type and digest.

    Args:
        value: anything.
        of_another: formats any other value.
        depth: the number of containers around it.
    """
    return shorten(_text(value, of_another, depth))


def shorten(text: str) -> str:
    """Returns the beginning of a long text and a digest of the whole."""
    if len(text) <= _MOST:
        return text
    return f"{text[: _MOST // 2]}… (sha256 {digest(text)})"


def digest(text: str) -> str:
    """Returns the first 64 bits of a text's SHA-256."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def _text(value: Any, of_another: OfAnother, depth: int) -> str:
    kind = type(value)
    if issubclass(kind, enum.Enum):
        return f"{kind.__qualname__}.{value._name_}"
    if kind in _TOLD_BY_REPR:
        return repr(value)
    for plain in _PLAIN:
        if issubclass(kind, plain):  # as the plain one: subclasses may write themselves differently
            return plain.__repr__(value)
    if depth > _MOST_DEPTH:
        return f"a {kind.__qualname__}"
    tell = functools.partial(_text, of_another=of_another, depth=depth + 1)
    for container, brackets in ((list, "[]"), (tuple, "()"), (set, "{}"), (frozenset, "{}")):
        if issubclass(kind, container):
            entries = list(container.__iter__(value))
            texts = [tell(entry) for entry in entries[:_MOST_ENTRIES]]
            return _joined(texts if brackets in ("[]", "()") else sorted(texts), brackets, entries)
    if issubclass(kind, dict):
        pairs = list(dict.items(value))
        texts = sorted(f"{tell(key)}: {tell(entry)}" for key, entry in pairs[:_MOST_ENTRIES])
        return _joined(texts, "{}", pairs)
    if issubclass(kind, np.ndarray | np.generic):
        return _array_text(np.asarray(value))
    if kind in (*_NAMED, np.ufunc):
        module = getattr(value, "__module__", None)
        name = getattr(value, "__qualname__", None) or value.__name__
        return f"{module}.{name}" if isinstance(module, str) else name
    return _of_library(value, kind) or of_another(value, depth)


def _joined(texts: list[str], brackets: str, entries: list[Any]) -> str:
    if len(entries) > len(texts):
        texts = [*texts, f"… {len(entries):,} in all"]
    return f"{brackets[0]}{', '.join(texts)}{brackets[1]}"


def _of_library(value: Any, kind: type) -> str | None:
    """Returns a text for torch's and pandas' data, if they are imported; else None."""
    root = kind.__module__.partition(".")[0]
    library: Any = sys.modules.get(root)
    try:
        if root == "torch" and issubclass(kind, library.Tensor):
            return f"{kind.__qualname__} {_array_text(value.detach().cpu().numpy())}"
        if root == "torch" and kind in (library.dtype, library.device, library.Size):
            return repr(value)
        if root == "pandas" and issubclass(kind, library.DataFrame | library.Series):
            hashes = library.util.hash_pandas_object(value).to_numpy()
            columns = list(value.columns) if issubclass(kind, library.DataFrame) else [value.name]
            return f"{kind.__qualname__} {columns!r} {_array_text(hashes)}"
    except Exception:  # a type that NumPy lacks, unhashable columns, a library half loaded
        return None
    return None


def _array_text(array: np.ndarray) -> str:
    kind = f"array {array.shape} {array.dtype}"
    if array.dtype.hasobject:
        return kind
    if not array.ndim:
        return repr(array.item())
    flat = array.reshape(-1)
    step = 1 + array.nbytes // _MOST_BYTES
    whole = np.ascontiguousarray(flat[::step])
    return f"{kind} {hashlib.sha256(whole.tobytes()).hexdigest()[:16]}"
