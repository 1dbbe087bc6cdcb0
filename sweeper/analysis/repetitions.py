"""Finds sweeps that are repetitions of one another, and labels them."""

import json
from typing import Any

from sweeper.record.objective_changes import recorded_state
from sweeper.record.results import Results


def labels(results: list[Results]) -> list[str]:
    """Returns a label for each sweep, the same for repetitions: its searcher and scheduler, and the
    folder if in doubt.

    Repetitions have the same objective (with the same values, as far as these could be seen), space
    with its constraints, searcher (whatever its `num_trials`), lag and scheduler, and other seeds.
    A sweep with the same seed repeats nothing and stands for itself.
    """
    # Older records don't contain what the objective reached.
    states = [recorded_state(r.sweep) for r in results]
    values = [state.get("values") if state and all(states) else None for state in states]
    keys = [_key(r, reached) for r, reached in zip(results, values, strict=True)]
    seen: list[tuple[str, Any]] = []
    for i, r in enumerate(results):
        same = (keys[i], r.sweep.get("seed"))
        if same in seen:
            keys[i] = f"{keys[i]} {i}"
        seen.append(same)
    distinct = list(dict.fromkeys(keys))
    names = [_searcher_text(results[keys.index(key)]) for key in distinct]
    twice = {name for name in names if names.count(name) > 1}
    for i, key in enumerate(distinct):
        if names[i] in twice:
            names[i] += f" · {results[keys.index(key)].folder.name}"
    unique = [n if names.index(n) == i else f"{n} ({i + 1})" for i, n in enumerate(names)]
    return [unique[distinct.index(key)] for key in keys]


def _key(results: Results, reached: Any) -> str:
    """Returns what repetitions have in common."""
    sweep = results.sweep
    searcher = sweep.get("searcher")
    if isinstance(searcher, dict):
        searcher = {name: value for name, value in searcher.items() if name != "num_trials"}
    named = ("config_space", "objective", "fixed_arguments", "replicates")
    # Entries that older records lack count as None.
    common = [searcher, reached, *(sweep.get(name) for name in named)]
    common += [sweep.get(name) or None for name in ("constraints", "scheduler", "lag")]
    return json.dumps(common, sort_keys=True, default=repr)


def _searcher_text(results: Results) -> str:
    searcher = results.sweep.get("searcher")
    searcher = searcher if isinstance(searcher, dict) else {}
    points = searcher.get("points")
    kind = str(searcher.get("kind", "sweep"))
    text = f"{kind}(points={points})" if points is not None else kind
    scheduler = results.sweep.get("scheduler")
    if not scheduler:
        return text
    return f"{text} with {scheduler.get('kind') if isinstance(scheduler, dict) else scheduler}"
