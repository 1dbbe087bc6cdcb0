"""Checks arguments; a fault is a sentence with the name, the rule, and the value with its type."""

import math
import numbers
import os
from collections.abc import Collection
from typing import Any


def int_fault(name: str, value: Any, low: int) -> str | None:
    """Returns the fault of an argument that must be an int of at least `low`; None if it is one."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= low:
        return None
    return f"{name} must be an int of at least {low}, but got {value!r} ({type(value).__name__})."


def float_fault(name: str, value: Any, high: float = math.inf) -> str | None:
    """Returns the fault of an argument that must be finite and in [0, `high`]; None if it is."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and 0 <= value <= high:
        return None
    rule = "finite and >= 0" if high == math.inf else f"a number from 0 to {high:g}"
    return f"{name} must be {rule}, but got {value!r} ({type(value).__name__})."


def choice_fault(name: str, value: Any, choices: Collection[str]) -> str | None:
    """Returns the fault of an argument that must be one of a few words; None if it is one."""
    if isinstance(value, str) and value in choices:
        return None
    return f"{name} must be one of {list(choices)}, but got {value!r} ({type(value).__name__})."


def bool_fault(name: str, value: Any) -> str | None:
    """Returns the fault of an argument that must be True or False; None if it is one of them."""
    if isinstance(value, bool):
        return None
    return f"{name} must be True or False, but got {value!r} ({type(value).__name__})."


def path_fault(name: str, value: Any) -> str | None:
    """Returns the fault of an argument that must be a path; None if it is one."""
    if isinstance(value, str | os.PathLike) and "\0" not in os.fspath(value):
        return None
    return (
        f"{name} must be a path, such as 'runs/first', but got {value!r} ({type(value).__name__})."
    )


def refuse(*faults: str | None) -> None:
    """Raises a ValueError with all faults, one a line, if there are any."""
    lines = [fault for fault in faults if fault]
    if lines:
        raise ValueError("\n".join(lines))
