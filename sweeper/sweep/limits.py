"""When a sweep gives up: on a trial whose process keeps dying, and after a time."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How often a trial is tried again after its process died, and how long a sweep may take.

    `max_failures` counts deaths of the process only (`os._exit`, a signal, out of memory, a lost
    node); what the objective raises ends a trial at once. `time_budget_s` counts from the first
    trial's start; when it is over, running trials become `interrupted` and the sweep can be
    resumed.

    Raises:
        TypeError, ValueError: a number is of the wrong type or out of range.
    """

    max_failures: int = 2
    time_budget_s: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.max_failures, int) or isinstance(self.max_failures, bool):
            raise TypeError(
                "Limits(max_failures=…) needs an int, but got "
                f"{self.max_failures!r} ({type(self.max_failures).__name__})."
            )
        if self.max_failures < 0:
            raise ValueError(f"Limits(max_failures={self.max_failures}) must be at least 0.")
        budget = self.time_budget_s
        if budget is None:
            return
        if not isinstance(budget, int | float) or isinstance(budget, bool):
            raise TypeError(
                "Limits(time_budget_s=…) needs a number of seconds or None, but got "
                f"{budget!r} ({type(budget).__name__})."
            )
        if not (math.isfinite(budget) and budget > 0):
            raise ValueError(f"Limits(time_budget_s={budget}) must be a number above 0.")
