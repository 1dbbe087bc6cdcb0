"""The metric that is optimised: its name, and whether low or high is good."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sweeper.terminal import short

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_Values = TypeVar("_Values", float, "np.ndarray", "pd.Series")

MODES = ("min", "max")
# Parts of names of metrics where high is good, so that "min" is hardly meant.
_HIGH_IS_GOOD = ("acc", "auc", "f1", "score", "r2", "bleu", "iou", "dice", "precision", "recall",
                 "reward")  # fmt: skip
CURVE_COLUMNS = ("epoch", "elapsed_s")  # names that learning curves use beside the metric's


@dataclass(frozen=True)
class Metric:
    """The number that a sweep optimises.

    Attributes:
        name: the number's name, for objectives that give several by name.
        mode: "min" if low is good, "max" if high is.
    """

    name: str = "validation_error"
    mode: str = "min"

    def loss(self, value: _Values) -> _Values:
        """Returns the value as a loss, low is good; also turns a loss back into a value."""
        return value if self.mode == "min" else 0.0 - value  # -value would make -0.0 of 0.0

    def interval(self, low: _Values, high: _Values) -> tuple[_Values, _Values]:
        """Returns the interval of values for one of losses, low ≤ high; also the reverse."""
        return (self.loss(high), self.loss(low)) if self.is_high_good else (low, high)

    @property
    def is_high_good(self) -> bool:
        """True if `mode` is "max"."""
        return self.mode == "max"

    # Words for messages. An error is called one; for other numbers only the name is known.

    @property
    def text(self) -> str:
        """Returns the name for messages: `validation error`, or the metric's own."""
        return "validation error" if self.name == Metric.name else short(self.name, 60)

    @property
    def one(self) -> str:
        """Returns `a validation error`, or `a value of accuracy`."""
        return f"a {self.text}" if self.name == Metric.name else f"a value of {self.text}"

    @property
    def noun(self) -> str:
        """Returns `error`, or `value`."""
        return "error" if self.name == Metric.name else "value"

    @property
    def best_word(self) -> str:
        """Returns the word for where the best is: `lowest`, or `highest`."""
        return "highest" if self.is_high_good else "lowest"

    def best(self, value: float) -> str:
        """Returns the best value in words: `best 0.12`, or `best accuracy 0.91`."""
        name = "" if self.name == Metric.name else f"{self.text} "
        return f"best {name}{value:.4g}"

    def faults(self, taken: tuple[str, ...] = ()) -> list[str]:
        """Lists the metric's faults, one sentence each; `taken` are names that it can't have."""
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


def sounds_high(name: Any) -> bool:
    """Checks for the name of a metric where high is good, for which "min" is a poor default."""
    return isinstance(name, str) and any(word in name.lower() for word in _HIGH_IS_GOOD)


def read_metric(described: dict[str, Any], taken: tuple[str, ...] = ()) -> Metric:
    """Returns the metric of a record; for an older record the validation error.

    Args:
        described: the record.
        taken: names that it can't have.

    Raises:
        ValueError: the record is damaged.
    """
    metric = Metric(described.get("metric", Metric.name), described.get("mode", Metric.mode))
    faults = metric.faults(taken)
    if faults:
        raise ValueError("\n".join(faults))
    return metric
