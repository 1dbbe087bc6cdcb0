"""A search in a plain loop: what every trial may know of those before it, by number."""

import math

from sweeper.search.known import Known


def ended(config, error) -> Known:
    """A trial that ended: with an error, or with none because it failed."""
    if error is None:
        return Known(config, status="failed")
    status = "finished" if math.isfinite(error) else "diverged"
    return Known(config, ((1, error),), error, status)


def known_before(trial, table, lag):
    """What trial number `trial` may know: all of a trial that is `lag` or more before it."""
    return tuple(t if trial - j >= lag else Known(t.config) for j, t in enumerate(table[:trial]))


def search(searcher, space, objective, trials, seed=0, lag=2) -> list[Known]:
    """The table of a search: its trials in the order of their numbers, as they ended."""
    table: list[Known] = []
    for trial in range(trials):
        config = searcher.config(space, seed, trial, known_before(trial, table, lag))
        table.append(ended(config, objective(config)))
    return table
