"""Packs the objective for the workers, and names what makes it too large."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sweeper.worker.objective import Objective
from sweeper.worker.objective_state import held_values
from sweeper.worker.packed_objective import PackedObjective, pack_objective

_LARGE = 10 * 2**20  # bytes, above which a hint is printed
_MB = 1e6


def packed(objective: Objective, say: Callable[[str], None]) -> PackedObjective:
    """Returns the objective as workers are given it.

    Args:
        objective: the user's objective.
        say: gets a message if it is large, and why.

    Raises:
        TypeError: the objective can't be pickled.
    """
    try:
        found = pack_objective(objective)
    except Exception as error:
        raise TypeError(
            f"objective can't be pickled: {error}. Open files, connections and locks inside of "
            "it, and pass large things through data=."
        ) from error
    if len(found.first.pickled) > _LARGE:
        say(_hint(objective, len(found.first.pickled)))
    return found


def _hint(objective: Objective, size: int) -> str:
    held = [(_size(value), name) for name, value in held_values(objective)]
    largest, name = max(held, default=(0, ""), key=lambda one: one[0])
    most = f", most of it {name} ({largest / _MB:,.0f} MB)" if 2 * largest > size else ""
    return (
        f"Note: the objective takes {size / _MB:,.0f} MB pickled{most}, of which each worker and "
        "the driver hold copies. Give it an argument `data` and pass large things as data=…, which "
        "reaches each node once."
    )


def _size(value: Any) -> int:
    """Returns the bytes of a value when pickled; 0 if it can't be."""
    import cloudpickle

    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    try:
        return len(cloudpickle.dumps(value))
    except Exception:
        return 0
