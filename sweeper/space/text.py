"""Writes a configuration space as text, for YAML files and a sweep's record, and reads it back."""

import warnings
from typing import Any

import numpy as np
from scipy import stats

from sweeper.space.conditions import ABSENT, When
from sweeper.space.distributions import is_discrete, is_distribution, quantile, support
from sweeper.space.reading import read_config_space as read_config_space
from sweeper.space.reading import read_value as read_value
from sweeper.space.rounded import Rounded


def to_text(value: Any) -> str | None:
    """Returns a text that `read_value` reads back to the same value, or None if there is none.

    Two distributions are the same if their support and, to the last bit, their quantiles are. The
    user's own kinds of distributions have no text, nor have rescaled ones such as
    `2 * stats.Normal()`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy raises on tables that it accepted before
            text = _write(value)
            if text is not None:
                read_value(text)  # the text may be too long
    except (ValueError, TypeError, RecursionError):
        return None
    return text


def _write(value: Any) -> str | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, When):
        return _write_conditions(value)
    if is_distribution(value):
        text = _write_distribution(value)
        return text if text and _same(value, read_value(text)) else None
    if isinstance(value, list | tuple):
        texts = [_write(entry) for entry in value]
        left, right = ("[", "]") if isinstance(value, list) else ("(", ")")
        comma = "," if right == ")" and len(texts) == 1 else ""
        return None if None in texts else f"{left}{', '.join(map(str, texts))}{comma}{right}"
    if isinstance(value, dict):
        texts = [_write(entry) for entry in value.values()]
        pairs = (f"{key!r}: {text}" for key, text in zip(value, texts, strict=True))
        return None if None in texts else f"{{{', '.join(pairs)}}}"
    return repr(value) if value is None or type(value) in (bool, int, float, str) else None


def _write_conditions(value: When) -> str | None:
    parts: list[str | None] = []
    rest: Any = value
    while isinstance(rest, When):
        parts += [_write(rest.law), f" if {rest.condition}"]
        rest = rest.otherwise
        parts += [" else "] if rest is not ABSENT else []
    parts += [_write(rest)] if rest is not ABSENT else []
    return None if None in parts else "".join(map(str, parts))


def _write_distribution(distribution: Any) -> str | None:
    if isinstance(distribution, Rounded):
        options = {} if distribution.step == 1 else {"to": distribution.step}
        return _write_call("rounded", (distribution.base,), options)
    if hasattr(distribution, "args"):
        return _write_call(distribution.dist.name, distribution.args, distribution.kwds)
    if hasattr(distribution, "_histogram"):
        density = distribution._density
        options = {} if density is None else {"density": density}
        table = tuple(np.asarray(column).tolist() for column in distribution._histogram)
        return _write_call("rv_histogram", (table,), options)
    if hasattr(distribution, "xk"):
        table = (distribution.xk.tolist(), distribution.pk.tolist())
        return _write_call("rv_discrete", (), {"values": table})
    if isinstance(distribution, stats.Mixture):
        weights = {"weights": distribution.weights.tolist()}
        return _write_call("Mixture", (distribution.components,), weights)
    with np.printoptions(legacy="1.25"):  # prints np.float64(0.5) as 0.5
        return repr(distribution).replace("StandardNormal()", "Normal()")


def _write_call(name: str, arguments: tuple, options: dict[str, Any]) -> str | None:
    texts = [_write(argument) for argument in arguments]
    named = {key: _write(option) for key, option in options.items()}
    if None in texts or None in named.values():
        return None
    return f"{name}({', '.join([*map(str, texts), *(f'{k}={v}' for k, v in named.items())])})"


def _same(one: Any, other: Any) -> bool:
    if not is_distribution(other) or support(one) != support(other):
        return False
    probabilities = (0.0009, 0.021, 0.25, 1 / 3, 0.5, 0.62, 0.87, 0.999)
    equal = all(quantile(one, u) == quantile(other, u) for u in probabilities)
    return equal and is_discrete(one) == is_discrete(other)
