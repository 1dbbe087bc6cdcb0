"""Reads lists that are written as calls: `range(16, 257, 16)`, `np.logspace(-4, 0, 5)`."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

MOST_VALUES = 1_000
_NAME = re.compile(r"(?:(?:np|numpy)\.)?(arange|linspace|logspace|geomspace)|(range)")
_AS_THEY_ARE = ("list", "tuple", "np.array", "numpy.array")


def makes_a_list(name: str) -> bool:
    """True for the name of a call that stands for a list here."""
    return name in _AS_THEY_ARE or _NAME.fullmatch(name) is not None


def number_list(name: str, arguments: list[Any], options: dict[str, Any]) -> list[Any]:
    """Returns the list that such a call makes, in Python's own numbers; also of `list([1, 2])`.

    Raises:
        ValueError: the arguments are wrong, or the result holds anything but finite numbers, or
            more than 1,000 of them.
    """
    given = ", ".join([*map(repr, arguments), *(f"{k}={v!r}" for k, v in options.items())])
    text = f"{name}({given})"
    if name in _AS_THEY_ARE:
        if len(arguments) == 1 and isinstance(arguments[0], list | tuple) and not options:
            return list(arguments[0])
        raise ValueError(f"can't read {text}. Write the list itself: [1, 2].")
    for option, value in [*(("", value) for value in arguments), *options.items()]:
        if type(value) not in ((bool,) if option == "endpoint" else (int, float)):
            raise ValueError(f"{text}: needs numbers, but got {value!r}. Write the list itself.")
    short_name = name.rpartition(".")[2]
    make: Callable[..., Any] = range if short_name == "range" else getattr(np, short_name)
    try:
        with np.errstate(all="ignore"):
            too_many = _length(short_name, arguments, options) > MOST_VALUES
            made = [] if too_many else list(make(*arguments, **options))
    except Exception as error:  # NumPy raises several kinds of exceptions on wrong arguments
        raise ValueError(f"can't make {text}: {str(error).rstrip('.')}.") from error
    if too_many:
        raise ValueError(
            f"{text} has more than {MOST_VALUES:,} values. Write a distribution: randint(low, "
            "high), uniform(low, width), loguniform(low, high)."
        )
    values = [value.item() if isinstance(value, np.generic) else value for value in made]
    if not values or not all(type(v) in (int, float) and np.isfinite(float(v)) for v in values):
        raise ValueError(f"{text} gives {values[:3]}, but a choice has finite numbers.")
    return values


def _length(name: str, arguments: list[Any], options: dict[str, Any]) -> float:
    """Estimates how many values there will be, before they take any memory."""
    is_range = name in ("range", "arange")
    names = ("start", "stop", "step" if is_range else "num")
    given: dict[str, Any] = dict(zip(names, arguments, strict=False)) | options
    if not is_range:
        return given.get("num", 50)
    low, high = (given.get("start", 0), given["stop"]) if "stop" in given else (0, given["start"])
    return abs(high - low) // abs(given.get("step", 1))
