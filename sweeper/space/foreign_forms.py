"""Recognises spaces as other libraries write them, and says what to write instead.

    tune.uniform(0.5, 0.9)                          →  uniform(0.5, 0.4)
    trial.suggest_int("n", 1, 8)                    →  randint(1, 9)
    {"distribution": "log_uniform_values", "min": 1e-4, "max": 1}   →  loguniform(0.0001, 1)

They are only translated in the message, never accepted: libraries differ in which bounds are
inclusive.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PREFIX = re.compile(r"(?:(?:ray\.)?tune|trial|hp|optuna(?:\.distributions)?|distributions)\.(\w+)")
# The keys of a dict that describes a hyperparameter for W&B, Optuna, Ax, NNI and others.
_LOW, _HIGH = ("min", "low", "lower"), ("max", "high", "upper")
_VALUES = ("values", "choices", "categories", "options")
_KIND = ("distribution", "type", "_type", "dist", "prior", "scale", "value_type")
_NORMAL = ("norm", "normal", "q_normal", "qnormal", "gaussian")
_STEP = ("q", "step")
_OTHERS = ("_value", "bounds", "range", "log", "log_scale", "mu", "sigma", "mean", "std", "sd",
           "probabilities", "value", "name", "default", "default_value")  # fmt: skip
_KNOWN = {*_LOW, *_HIGH, *_VALUES, *_KIND, *_STEP, *_OTHERS}


@dataclass(frozen=True)
class _Interval:
    """An interval of numbers, in the terms of most libraries.

    Attributes:
        low, high: the bounds, both inclusive if `whole`.
        whole: if there are whole numbers only.
        log: if values spread evenly on a logarithmic axis.
        step: the distance between values; None if there is none.
    """

    low: float
    high: float
    whole: bool = False
    log: bool = False
    step: float | None = None

    def text(self) -> str:
        """Returns the distribution or list as it is written for sweeper."""
        low, high, step = self.low, self.high, self.step
        if self.whole and step not in (None, 1) and not self.log:
            return f"range({_plain(low)}, {_plain(high + 1)}, {_plain(step or 1)})"
        if self.whole and not self.log:
            return f"randint({_plain(low)}, {_plain(high + 1)})"
        law = f"loguniform({_plain(low)}, {_plain(high)})"
        if not self.log:
            law = f"uniform({_plain(low)}, {_plain(high - low)})"
        if self.whole or step is not None:
            to = f", to={_plain(step)}" if step not in (None, 1) else ""
            return f"rounded({law}{to})"
        return law


def foreign_call(name: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> str | None:
    """Says what to write in place of a call of another library; None if it is none of those known.

    Args:
        name: the name in the call, such as `tune.uniform`.
        arguments: the positional values, as far as they could be read.
        options: the keyword values, likewise.
    """
    prefixed = _PREFIX.fullmatch(name)
    short_name = prefixed[1] if prefixed else name
    values = list(arguments)
    if short_name.startswith("suggest_") or name.startswith("hp."):  # the name comes first
        values = values[1:]
    if short_name in ("choice", "categorical", "grid_search", "suggest_categorical",
                      "CategoricalDistribution", "pchoice"):  # fmt: skip
        alone = len(values) == 1 and isinstance(values[0], list | tuple)
        chosen = options.get("choices", options.get("categories", values[0] if alone else values))
        shown = list(chosen) if isinstance(chosen, list | tuple) and chosen else [1, 2]
        return f"Choices are a list: {shown}."
    if short_name in ("sample_from", "sample"):
        return "Values that depend on others are computed in the objective."
    kind = short_name.removeprefix("suggest_").removesuffix("Distribution").lower()
    if kind not in _CALLS or (prefixed is None and kind in ("uniform", "loguniform", "randint")):
        return None
    interval = _of_call(kind, values, dict(options), name.startswith("hp."))
    return f"Write {interval}." if interval else "Write uniform(low, width) or loguniform(…)."


def interval_text(name: str, options: Mapping[str, Any]) -> str | None:
    """Returns the text to write for `uniform(low=0.5, high=0.9)` and the like; None for others."""
    low, high = _bounds(options)
    if low is None or name not in ("uniform", "loguniform"):
        return None
    return _Interval(low, high, log=name == "loguniform").text()


_CALLS = ("uniform", "loguniform", "quniform", "qloguniform", "randint", "qrandint", "lograndint",
          "qlograndint", "randn", "normal", "qrandn", "qnormal", "lognormal", "float", "int",
          "interval", "discrete_uniform", "uniformint", "intuniform", "intloguniform",
          "discreteuniform")  # fmt: skip


def _of_call(kind: str, values: list[Any], options: dict[str, Any], exponents: bool) -> str | None:
    if kind.removeprefix("q") in ("randn", "normal"):
        mean, sd = values[:2] if len(values) > 1 and _are_numbers(*values[:2]) else (0, 1)
        return f"norm({_plain(mean)}, {_plain(sd)})"
    low: Any = options.get("low", options.get("lower", values[0] if values else None))
    high: Any = options.get("high", options.get("upper", values[1] if len(values) > 1 else None))
    if not _are_numbers(low, high):
        return None
    third = values[2] if len(values) > 2 and _are_numbers(values[2]) else None
    step = options.get("step", options.get("q", third if kind != "float" else None))
    step = step if step is not None and _are_numbers(step) and math.isfinite(step) else None
    log = options.get("log") is True or "log" in kind
    is_top_out = kind in ("randint", "lograndint")  # of Ray Tune, where it means the same as here
    if exponents and log:
        low, high = math.exp(min(low, 700)), math.exp(min(high, 700))
    whole = "int" in kind.removesuffix("interval")
    return _Interval(low, high - is_top_out, whole, log, step).text()


def foreign_dict(value: Mapping[str, Any]) -> str | None:
    """Returns the text to write for a dict that describes a hyperparameter; None for others."""
    if not value or not set(value) <= _KNOWN:
        return None
    kind = " ".join(str(value[key]) for key in _KIND if key in value).lower()
    inside = value.get("_value") if kind in ("choice", "categorical") else None
    choices = next((value[key] for key in _VALUES if key in value), inside)
    if isinstance(choices, list | tuple) and choices:
        return f"{list(choices)}"
    if set(value) in ({"value"}, {"distribution", "value"}):
        return f"{value['value']!r}"
    if kind in _NORMAL and "mu" in value:
        return f"norm({value['mu']}, {value.get('sigma', 1)})"
    low, high = _bounds(value)
    if low is None:
        anything = "uniform(low, width), loguniform(low, high), a list or a constant"
        return anything if {"distribution", "_type"} & set(value) else None
    step = next((value[key] for key in _STEP if _are_numbers(value.get(key))), None)
    log = "log" in kind or value.get("log") is True or value.get("log_scale") is True
    if kind in ("log_uniform", "q_log_uniform") and "distribution" in value:  # W&B: exponents
        low, high = math.exp(min(low, 700)), math.exp(min(high, 700))
    whole = "int" in kind or (not kind and _are_ints(low, high))
    text = _Interval(low, high, whole, log, step).text()
    if not log and low > 0 and high >= 100 * low and not whole:
        text += f" or {_Interval(low, high, False, True, step).text()}"
    return text


def _bounds(value: Mapping[str, Any]) -> tuple[Any, Any]:
    for key in ("bounds", "range", "_value"):
        ends = value.get(key)
        if isinstance(ends, list | tuple) and len(ends) >= 2 and _are_numbers(*ends[:2]):
            return ends[0], ends[1]
    low = next((value[key] for key in _LOW if key in value), None)
    high = next((value[key] for key in _HIGH if key in value), None)
    return (low, high) if _are_numbers(low, high) else (None, None)


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _are_ints(*values: Any) -> bool:
    return all(type(value) is int for value in values)


def _plain(number: float) -> str:
    return str(number) if type(number) is int else f"{number:.12g}"
