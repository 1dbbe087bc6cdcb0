"""What is optimised: the name of a number that objectives give, and whether low or high is good."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_Values = TypeVar("_Values", float, "np.ndarray", "pd.Series")

MODES = ("min", "max")
CURVE_COLUMNS = ("epoch", "elapsed_s")  # names that learning curves use beside the metric's


@dataclass(frozen=True)
class Metric:
    """The number that a sweep optimises.

    Attributes:
        name: of the number, where objectives give several by name.
        mode: "min" if low is good, "max" if high is.
    """

    name: str = "validation_error"
    mode: str = "min"

    def loss(self, value: _Values) -> _Values:
        """The value as something of which low is good: itself, or its negative; and back again."""
        return value if self.mode == "min" else -value

    def faults(self, taken: tuple[str, ...] = ()) -> list[str]:
        """What is wrong with it, one sentence a fault; `taken` are names that it can't have."""
        faults = []
        name: Any = self.name
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            faults.append(
                "metric must be the name of a number that the objective gives, such as "
                f"'accuracy', but got {name!r} ({type(name).__name__})."
            )
        elif name in taken:
            faults.append(
                f"metric={name!r}: the results have a column of that name. Call it something else, "
                f"such as 'my_{name}'."
            )
        if self.mode not in MODES:
            faults.append(
                f"mode must be 'min' or 'max', but got {self.mode!r} ({type(self.mode).__name__})."
            )
        return faults


def read_metric(described: dict[str, Any]) -> Metric:
    """The metric that a record tells of; of an older record the validation error.

    Raises:
        ValueError: it is damaged.
    """
    metric = Metric(described.get("metric", Metric.name), described.get("mode", Metric.mode))
    faults = metric.faults()
    if faults:
        raise ValueError("\n".join(faults))
    return metric
