"""Reads what an objective gives: a number, or several by name."""

from collections.abc import Mapping
from typing import Any

_MOST, _LONGEST = 1_000, 200  # metrics of a trial, and characters of a name


def as_metrics(given: Any, metric: str) -> tuple[float, dict[str, float]]:
    """Returns the value of the metric that is optimised, and the others by name.

    Args:
        given: the metric's value as a number, or numbers by name, the metric among them.
        metric: the metric's name.

    Raises:
        ValueError: the metric is not among the names, or there are too many or too long ones.
        TypeError: a value is None, text, a truth value, or anything else but a number.
    """
    if not isinstance(given, Mapping):
        return as_number(given, metric), {}
    wrong = [name for name in given if not isinstance(name, str)]
    if wrong:
        raise TypeError(
            f"Metrics need names of type str, but got {wrong[0]!r} ({type(wrong[0]).__name__})."
        )
    if len(given) > _MOST or max(map(len, given), default=0) > _LONGEST:
        raise ValueError(
            f"An objective may give {_MOST:,} metrics, with names of {_LONGEST} characters, but it "
            f"gave {len(given):,}, with up to {max(map(len, given)):,}. Write what is larger into "
            "the trial's folder."
        )
    if metric not in given:
        other = f", or optimise another one, say metric={next(iter(given))!r}" if given else ""
        raise ValueError(
            f"The objective gave {list(given)}, but not {metric!r}, which is optimised. "
            f"Add it{other}."
        )
    numbers = {name: as_number(value, name) for name, value in given.items()}
    return numbers.pop(metric), numbers


def as_number(value: Any, name: str) -> float:
    """Returns the value as a float; `name` is the metric's.

    Raises:
        TypeError: `value` is None, text, a truth value, complex, or anything else but a single
            number.
    """
    if isinstance(value, float):  # the usual case, np.float64 included
        return float(value)
    if getattr(value, "ndim", 0):
        shape = tuple(value.shape)
        raise TypeError(
            f"The objective must give {name} as one number, but got {type(value).__name__} of "
            f"shape {shape}. Give its mean, or one element."
        )
    try:
        # Of an array or tensor, what it holds; a complex number would lose a part without a word.
        plain = value.item() if hasattr(value, "item") else value
        if plain is None or isinstance(plain, str | bytes | bool):
            raise TypeError
        return float(plain)
    except OverflowError:
        raise ValueError(f"The objective gave {name} as a number too large for a float.") from None
    except Exception:
        cure = " Return, yield or sweeper.report it, in this process." if value is None else ""
        raise TypeError(
            f"The objective must give {name} as a number, but got "
            f"{value!r:.200} ({type(value).__name__}).{cure}"
        ) from None
