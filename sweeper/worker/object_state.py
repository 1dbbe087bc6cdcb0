"""Lists the attributes of an object that affect what its methods compute."""

import functools
from typing import Any

from sweeper.worker.own_modules import is_own
from sweeper.worker.reads import source_of, written_attributes
from sweeper.worker.value_text import is_told

_TORCH_MODULE = "torch.nn.modules.module.Module"  # classes whose state is what training changes


def attributes(value: Any) -> list[tuple[str, Any]] | None:
    """Returns the attributes of an object by name, except those that its methods change.

    Returns None if its class is not the user's own, or is one of torch's modules: only the library
    knows what it holds.
    """
    kind = type(value)
    if not is_own(kind.__module__):
        return None
    if any(f"{base.__module__}.{base.__name__}" == _TORCH_MODULE for base in kind.__mro__):
        return None
    try:
        state = object.__getstate__(value)
    except TypeError:  # classes written in C keep their state to themselves
        return None
    parts = state if type(state) is tuple else (state,)  # slots have a second dict
    named = {name: one for part in parts if type(part) is dict for name, one in part.items()}
    methods: Any = kind  # hashable, though no stub says so
    written = changed_by_methods(methods)
    return [(name, one) for name, one in sorted(named.items()) if name not in written]


def class_attributes(kind: Any) -> list[tuple[str, Any]]:
    """Returns plain values in a class of the user's own that its methods don't change."""
    # A dataclass's defaults are reported with its objects.
    left_out = changed_by_methods(kind) | set(vars(kind).get("__dataclass_fields__", ()))
    return [
        (name, value)
        for name, value in vars(kind).items()
        if not name.startswith(("__", "_abc_")) and name not in left_out and is_told(type(value))
    ]


@functools.lru_cache(maxsize=1024)
def changed_by_methods(kind: Any) -> frozenset[str]:
    """Returns attributes that the methods of a class and its own bases change, or compute once."""
    found: set[str] = set()
    for base in kind.__mro__:
        if is_own(base.__module__):
            found |= written_attributes(source_of(base))
            found |= {n for n, v in vars(base).items() if type(v) is functools.cached_property}
    return frozenset(found)
