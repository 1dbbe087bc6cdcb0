"""Limits at which a sweep gives up: on a trial, on trials that all fail alike, or as a whole."""

import math
from dataclasses import dataclass
from typing import Any

from sweeper.faults import int_fault


@dataclass(frozen=True)
class Limits:
    """Limits at which a trial is given up, or a sweep ends before all its trials have.

    A sweep that ends by `time_budget_s`, `total_epochs`, `target` or `patience` returns its
    results, its running trials are `interrupted`, and it can be resumed. Its rows are the same as
    in the whole sweep; how many there are depends on the number of workers.

    Args:
        max_failures: how often a trial is tried again after its process died (`os._exit`, a signal,
            out of memory, a lost node), at least 0; an exception of the objective ends a trial at
            once.
        time_budget_s: seconds from the first trial's start to the sweep's end, above 0.
        total_epochs: the number of epochs that all trials together may train, at least 1.
        target: a value of the metric; the sweep ends once a finished trial is at least as good.
        patience: a number of trials, at least 1. The sweep ends once so many trials in a row, in
            the order of their numbers, were no better than the best before them.
        trial_time_s: seconds, above 0. A trial that runs longer fails, even if it never reports.
        first_failures: a number of trials, at least 1, or None for no such limit. The sweep ends
            with a `ValueError` if so many first trials, and at least twice as many as there are
            workers, all fail with the same exception.

    Raises:
        ValueError: a number is of the wrong type or out of range; lists all faults.

    Example:
        >>> def objective(config):
        ...     return abs(config["x"] - 2)
        >>> limits = sweeper.Limits(target=0)
        >>> options = {"limits": limits, "address": "inline"}
        >>> len(sweeper.run(objective, {"x": [1, 2, 3]}, sweeper.GridSearch(), **options).frame)
        2
    """

    max_failures: int = 2
    time_budget_s: float | None = None
    total_epochs: int | None = None
    target: float | None = None
    patience: int | None = None
    trial_time_s: float | None = None
    first_failures: int | None = 8

    def __post_init__(self) -> None:
        faults = [int_fault("Limits(max_failures=…)", self.max_failures, 0)]
        for name in ("total_epochs", "patience", "first_failures"):
            value = getattr(self, name)
            faults.append(None if value is None else int_fault(f"Limits({name}=…)", value, 1))
        for name in ("time_budget_s", "trial_time_s", "target"):
            value = getattr(self, name)
            low = -math.inf if name == "target" else 0
            faults.append(None if value is None else _number_fault(f"Limits({name}=…)", value, low))
        found = [fault for fault in faults if fault]
        if found:
            raise ValueError("\n".join(found))


def _number_fault(name: str, value: Any, low: float) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and value > low:
        return None
    rule = "a finite number" if low == -math.inf else f"a number above {low:g}"
    return f"{name} must be {rule} or None, but got {value!r} ({type(value).__name__})."


class LimitReached(Exception):  # noqa: N818 (it is no error)
    """The reason to end a sweep that has used up its limits, or found its target."""
