"""Advice on the configuration space, each with the numbers behind it."""

from dataclasses import dataclass
from typing import Any

from sweeper.importance import Importance
from sweeper.results import Results


@dataclass(frozen=True)
class Advice:
    """One piece of advice.

    Attributes:
        kind: `edge`, `log_axis`, `failures`, `no_effect`, `epochs` or `noise`.
        hyperparameter: which one it is about; None if about none.
        text: one sentence with its numbers.
        evidence: the numbers; `bounds` is a new distribution as text, where there is one.
    """

    kind: str
    hyperparameter: str | None
    text: str
    evidence: dict[str, Any]


def advice(results: Results, importances: Importance | None = None) -> list[Advice]:
    """What to change about the configuration space; empty if nothing shows.

    Args:
        results: of any searcher, also of a sweep that is still running.
        importances: what `importance(results)` gave, if it was called before; saves its time.
    """
    raise NotImplementedError
