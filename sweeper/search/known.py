"""The part of an earlier trial that a searcher may know."""

import math
from dataclasses import dataclass

from sweeper.space.checks import Config


@dataclass(frozen=True)
class Known:
    """The part of an earlier trial that is known when a later one is chosen.

    Attributes:
        config: its configuration.
        curve: pairs (epoch, loss) as far as they are known, means over the replicates. The loss is
            the value of the metric, or its negative where high is good.
        error: the final loss, mean over the replicates, once it is known.
        status: "running", or how it ended: "finished", "diverged", "stopped", "failed".
    """

    config: Config
    curve: tuple[tuple[int, float], ...] = ()
    error: float | None = None
    status: str = "running"

    @property
    def is_bad(self) -> bool:
        """Checks whether it counts as worse than any measured value: failed, NaN or infinite."""
        shown = [error for _, error in self.curve[-1:]] if self.error is None else [self.error]
        return self.status in ("failed", "diverged") or not all(map(math.isfinite, shown))
