"""Checks whether trials are random draws, so that other numbers of them can be judged."""

from typing import Any

from sweeper.record.results import Results


def kind_of_searcher(results: Results) -> str | None:
    """Returns the name of the searcher's class, None if the record has none that can be read."""
    searcher = results.sweep.get("searcher")
    kind = searcher.get("kind") if isinstance(searcher, dict) else None
    return kind if isinstance(kind, str) else None


def stops_early(results: Results) -> bool:
    """Checks whether trials may be stopped early: the scheduler can, or some were."""
    return bool(results.sweep.get("scheduler")) or any(r.status == "stopped" for r in results.rows)


def is_in_any_order(results: Results) -> bool:
    """Checks whether its trials might as well have come in another order.

    False if earlier trials affect later ones, by a searcher that learns or by early stopping, and
    for Sobol's sequence: its first points spread evenly, a random part of them does not.
    """
    in_order = ("SobolSearch", "BayesianSearch")
    return kind_of_searcher(results) not in in_order and not stops_early(results)


def check_random(results: Results) -> None:
    """Checks that the trials are independent draws whose final values are known.

    Raises:
        ValueError: they are not independent, or not known.
    """
    cure = "Use incumbents(results), which tells what each number of trials did reach."
    kind = kind_of_searcher(results)
    if kind != "RandomSearch":
        why = {
            "SobolSearch": ", whose points are spread evenly",
            "BayesianSearch": ", which chooses each trial by what earlier ones have shown",
        }
        raise ValueError(
            "The expected best of n trials needs independent draws: a sweep of RandomSearch, but "
            f"this one is of {kind or 'an unknown searcher'}{why.get(kind or '', '')}. {cure}"
        )
    if stops_early(results):
        raise ValueError(
            f"The expected best of n trials needs the final {results.metric.noun} of every draw, "
            "but this sweep stops trials early: what the stopped ones would have reached isn't "
            f"known, and which ones were trained to the end depends on the others. {cure}"
        )


def num_initial(results: Results) -> int:
    """Counts the configurations that were given instead of drawn."""
    searcher: Any = results.sweep.get("searcher")
    initial = searcher.get("initial_configs") if isinstance(searcher, dict) else None
    return len(initial) if isinstance(initial, list) else 0
