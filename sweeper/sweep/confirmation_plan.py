"""Says how many configurations a confirmation trains again, and how often."""

import numbers
from dataclasses import dataclass

from sweeper.faults import int_fault

EACH = 5  # trainings of each configuration by default
FIRST = 2  # … with `until`, before more go where they tell most
MOST_EACH = 20  # … at most, on average


@dataclass(frozen=True)
class ConfirmationPlan:
    """The extent of a confirmation; each field is an argument of `sweeper.confirm`."""

    top: int = 3
    replicates: int | None = None
    until: float | None = None
    max_replicates: int | None = None

    def faults(self) -> list[str]:
        """Lists the faults of these numbers, one sentence each; empty if there are none."""
        until = self.until
        found = [int_fault("top", self.top, 1)]
        if self.replicates is not None:
            found.append(int_fault("replicates", self.replicates, 2))
        is_number = isinstance(until, numbers.Real) and not isinstance(until, bool)
        if until is not None and not (is_number and 0.5 <= until < 1):
            found.append(
                "until must be a probability of at least 0.5 and below 1, such as 0.95, or None, "
                f"but got {until!r} ({type(until).__name__})."
            )
        if self.max_replicates is not None:
            fewest = self.top * (self.replicates or FIRST) if not any(found) else 2
            found.append(int_fault("max_replicates", self.max_replicates, fewest))
            if until is None:
                found.append(
                    "max_replicates says when to end at the latest, which needs until=…. Add it, "
                    "or give replicates=… of each."
                )
        return [fault for fault in found if fault]
