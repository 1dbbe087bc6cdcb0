"""Reads options with a syntax of their own: times, NAME=VALUE."""

import re
from contextlib import suppress
from typing import Any

from sweeper.terminal import short

_UNITS_S = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def read_seconds(value: Any, name: str) -> float:
    """Returns seconds from a number, or from a text such as `90`, `1e3`, `30m`, `1.5h`.

    Raises:
        ValueError: `value` is anything else.
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    with suppress(ValueError, OverflowError):  # 1.2.3, 10**400
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if match and match[2].lower() in _UNITS_S:
            return float(match[1]) * _UNITS_S[match[2].lower()]
    raise ValueError(
        f"{name} must be seconds or a text such as 90, 1e3, 30m, 1.5h or 2d, but got "
        f"{short(repr(value), 60)} ({type(value).__name__})."
    )


def name_and_value(text: str, flag: str) -> tuple[str, str]:
    """Returns the two halves of NAME=VALUE.

    Raises:
        ValueError: `text` is anything else.
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"{flag} {text!r}: must be NAME=VALUE, such as lr=loguniform(1e-4,1).")
    return name.strip(), value.strip()


def read_points(texts: list[str]) -> int | dict[str, int]:
    """Reads `["5"]` as 5, `["lr=5", "depth=3"]` as a dict."""
    try:
        if len(texts) == 1 and "=" not in texts[0]:
            return int(texts[0])
        named = dict(name_and_value(text, "--points") for text in texts)
        return {name: int(value) for name, value in named.items()}
    except ValueError:
        raise ValueError(f"--points {' '.join(texts)}: must be N, or NAME=N for each.") from None
