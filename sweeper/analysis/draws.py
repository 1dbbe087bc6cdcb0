"""Whether the trials of a sweep are random draws: what may be said of other numbers of them."""

from typing import Any

from sweeper.record.results import Results


def kind_of_searcher(results: Results) -> str | None:
    """The name of the searcher's class, None if the record has none that can be read."""
    searcher = results.sweep.get("searcher")
    kind = searcher.get("kind") if isinstance(searcher, dict) else None
    return kind if isinstance(kind, str) else None


def stops_early(results: Results) -> bool:
    """Whether trials may be stopped before their end: by its scheduler, or because some were."""
    return bool(results.sweep.get("scheduler")) or any(r.status == "stopped" for r in results.rows)


def is_in_any_order(results: Results) -> bool:
    """Whether its trials might as well have come in another order.

    Not so where earlier ones decide on later ones, by a searcher that learns or by early stopping,
    nor for Sobol's sequence, of which each beginning is spread evenly and a random part is not.
    """
    in_order = ("SobolSearch", "BayesianSearch")
    return kind_of_searcher(results) not in in_order and not stops_early(results)


def check_random(results: Results) -> None:
    """Nothing, if the trials are independent draws whose final values are known.

    Raises:
        ValueError: they are not.
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
    """How many configurations were given instead of drawn."""
    searcher: Any = results.sweep.get("searcher")
    initial = searcher.get("initial_configs") if isinstance(searcher, dict) else None
    return len(initial) if isinstance(initial, list) else 0
