"""The CPUs and GPUs that each trial gets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Resources:
    """The CPU cores and GPUs that each trial gets, fractions allowed.

    torch uses as many threads as there are whole CPUs, at least one.

    Raises:
        ValueError: a number is negative, not finite, or both are 0.
        TypeError: a value is not a number.

    Example:
        >>> sweeper.Resources(cpus=2, gpus=0.5).describe()
        '2 CPUs and 0.5 GPUs'
    """

    cpus: float = 1
    gpus: float = 0

    def __post_init__(self) -> None:
        for name, value in (("cpus", self.cpus), ("gpus", self.gpus)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(
                    f"Resources({name}=…) needs a number, but got {value!r} "
                    f"({type(value).__name__})."
                )
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"Resources({name}=…) needs a number ≥ 0, but got {value!r}.")
        if self.cpus == self.gpus == 0:
            raise ValueError(
                "Resources(cpus=0, gpus=0) asks for nothing. Give a trial a CPU or a GPU."
            )
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise ValueError(
                f"Resources(gpus={self.gpus}): more than one GPU must be a whole number."
            )

    def describe(self) -> str:
        """Returns a text such as `1 CPU` or `2 CPUs and 0.5 GPUs`."""
        parts = [
            f"{value:g} {unit}{'s' * (value != 1)}"
            for value, unit in ((self.cpus, "CPU"), (self.gpus, "GPU"))
            if value
        ]
        return " and ".join(parts)

    def fit_on(self, have: Mapping[str, float]) -> int:
        """Returns how many trials fit on a node with these resources, such as `{"CPU": 8}`."""
        room = [
            have.get(kind, 0) / need
            for kind, need in (("CPU", self.cpus), ("GPU", self.gpus))
            if need
        ]
        if 0 < self.gpus < 1:  # Ray does not split one trial's share over two GPUs
            room[-1] = have.get("GPU", 0) * math.floor(1 / self.gpus + 1e-9)
        return math.floor(min(room) + 1e-9)  # fractional resources: 1 / 0.1 must be 10
