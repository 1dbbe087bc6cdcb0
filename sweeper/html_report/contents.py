"""The content of a report, as plain data. All of it may hold hostile text: the page escapes it."""

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from sweeper.analysis.axes import number
from sweeper.analysis.certainty import Winner
from sweeper.plots.frames import best_row
from sweeper.plots.scales import ABSENT, label, shorten, values_of
from sweeper.record.columns import best_first
from sweeper.record.looks import read_looks
from sweeper.record.results import Results
from sweeper.record.rows import STATUSES, Row

MOST_EXCEPTIONS = 100  # different exceptions
_LONGEST = 10_000  # characters of one text
_FACTS = {
    "created": "started",
    "objective": "objective",
    "fixed_arguments": "its fixed arguments",
    "searcher": "searcher",
    "scheduler": "scheduler",
    "constraints": "constraints",
    "lag": "lag (trials)",
    "metric": "optimised",
    "seed": "seed",
    "num_trials": "trials planned",
    "replicates": "replicates",
    "fresh": "a new process for each trial",
    "resources": "resources of a trial",
    "versions": "versions",
    "git_commit": "git commit",
    "machine": "machine",
    "num_workers": "workers",
}
_TOLD_ELSEWHERE = {"format", "config_space", "digest_of_first_draws", "objective_source"}
_TOLD_ELSEWHERE |= {"without_text", "data_given"}


def facts(results: Results) -> list[tuple[str, str]]:
    """Lists what was run, by name: all that the record says, known entries first."""
    sweep = {key: value for key, value in results.sweep.items() if key not in _TOLD_ELSEWHERE}
    if "metric" in sweep:
        way = "higher" if results.metric.is_high_good else "lower"
        sweep["metric"] = f"{results.metric.name}, {way} is better"
        sweep.pop("mode", None)
    if isinstance(sweep.get("resumed"), list):
        sweep["resumed"] = f"{len(sweep['resumed'])} times"
    if (planned := _planned(results)) is not None:
        sweep["num_trials"] = planned
    known = [key for key in _FACTS if sweep.get(key) not in (None, [], {})]
    others = [key for key in sweep if key not in _FACTS]
    told = [(_FACTS.get(key, shorten(key, 60)), _in_words(sweep[key])) for key in known + others]
    return [("folder", str(results.folder)), *told] if results.folder else told


def space(results: Results) -> list[tuple[str, str]]:
    """Lists the configuration space: each hyperparameter's name and what may be tried."""
    return [(name, _in_words(text)) for name, text in results.sweep["config_space"].items()]


def statuses(results: Results) -> list[tuple[str, int]]:
    """Counts how many trials ended how."""
    counts = Counter(row.status for row in results.rows)
    return [(status, counts[status]) for status in STATUSES if counts[status]]


def outstanding(results: Results) -> int:
    """Counts the planned trials, replicates included, that have not come to their own end; 0 if
    that isn't known.
    """
    ended = sum(row.status != "interrupted" for row in results.rows)
    return max((_planned(results) or 0) - ended, 0)


def _planned(results: Results) -> int | None:
    """Returns the number of planned trials, replicates included; None if that isn't known."""
    configurations, replicates = (results.sweep.get(key) for key in ("num_trials", "replicates"))
    if type(configurations) is not int:
        return None
    return configurations * (replicates if type(replicates) is int else 1)


def best(results: Results, winner: Winner | None) -> dict[str, Any] | None:
    """Returns the winner, else the incumbent, else None: its `trial`, its `value`, `what` that
    value is, and its configuration as `python` and `yaml`.

    The value is the mean over replicates if there is one: the best of them alone was lucky.
    """
    row = best_row(results)
    if row is None:
        return None
    metric = results.metric.text
    what, value = f"{metric} of trial {row.trial}", number(row.value)
    if winner and winner.trial is not None:
        row = next(one for one in results.rows if one.trial == winner.trial)
        what, value = f"{metric} of trial {winner.trial}", winner.mean
        replicates = winner.probability_best.set_index("trial")["count"].get(winner.trial, 1)
        if replicates > 1:
            what = f"mean {what} over {replicates} replicates"
    entries = [f"    {name!r}: {_python(value)},\n" for name, value in row.config.items()]
    return {
        "trial": row.trial,
        "value": f"{value:.4g}",
        "what": what,
        "python": f"config = {{\n{''.join(entries)}}}",
        "yaml": yaml.safe_dump(row.config, sort_keys=False, allow_unicode=True).rstrip(),
    }


def exceptions(results: Results) -> list[dict[str, Any]]:
    """Returns the different exceptions, the most frequent first: `text`, `traceback` (of the
    first trial), `count`, `trials` (the first 20, as text); at most `MOST_EXCEPTIONS` of them.
    """
    groups: dict[str, list[Row]] = {}
    for row in results.rows:
        if row.exception:
            groups.setdefault(row.exception, []).append(row)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))[:MOST_EXCEPTIONS]
    return [
        {
            "text": text[:_LONGEST],
            "traceback": (rows[0].traceback or "")[-_LONGEST:],
            "count": len(rows),
            "trials": ", ".join(str(row.trial) for row in rows[:20]) + "…" * (len(rows) > 20),
        }
        for text, rows in ordered
    ]


def rivals(winner: Winner, most: int = 5) -> list[tuple[str, ...]]:
    """Returns the likeliest best configurations: trial, mean, interval of the true mean,
    replicates, probability to be the best; none if nothing is known of the noise.
    """
    table = winner.probability_best
    table = table[table["probability"].notna()].nlargest(most, "probability")
    return [
        (
            f"{row.trial}",
            f"{row.mean:.4g}",
            f"{row.low:.4g} to {row.high:.4g}",
            f"{row.count_}",
            f"{row.probability:.0%}",
        )
        for row in table.rename(columns={"count": "count_"}).itertuples()
    ]


def looks(folder: Path | None) -> tuple[list[dict[str, str]], int]:
    """Returns the looks at the test set (`time`, `trial`, `error`, `config`), and how many
    lines of their record can't be read.
    """
    read, unreadable = read_looks(folder) if folder else ([], 0)
    return [_look_in_words(look) for look in read], unreadable


def _look_in_words(look: dict[str, Any]) -> dict[str, str]:
    error = look["test_error"]
    return {
        "time": shorten(look["time"], 40),
        "trial": shorten(str(look["trial"]), 20),
        "error": "failed" if error is None else f"{error:.4g}",
        "config": _in_words(look["config"]),
    }


def table(results: Results) -> dict[str, Any]:
    """Returns the page's table of all trials: `columns` (`name`, `kind`) and `rows` of values.

    Sorting by the metric, in the column `metric`, goes by `groups` first (the finished, the stopped
    and the others), and then by `places`, the best first.
    """
    found = exceptions(results)
    places = {one["text"]: place for place, one in enumerate(found)}
    rows = results.rows
    columns: list[tuple[str, str, Iterable]] = [("trial", "number", (r.trial for r in rows))]
    if len({row.replicate for row in rows}) > 1:
        columns.append(("replicate", "number", (row.replicate for row in rows)))
    at_metric = len(columns)
    columns.append((results.metric.name, "number", (r.value for r in rows)))
    for name, column in results.other_metrics.items():
        columns.append((column, "number", [row.metrics.get(name) for row in rows]))
    columns.append(("status", "status", (row.status for row in rows)))
    for name in results.sweep["config_space"]:
        values = values_of(results, name)
        numbers = all(value is ABSENT or not math.isnan(number(value)) for value in values)
        columns.append((name, "number" if numbers else "text", values))
    columns.append(("epochs", "number", [row.epochs for row in rows]))
    for name in ("start_s", "runtime_s"):
        columns.append((name, "number", [round(number(getattr(row, name)), 1) for row in rows]))
    for name in ("worker", "node"):
        if len({getattr(row, name) for row in rows}) > 1:
            columns.append((name, "text", [getattr(row, name) for row in rows]))
    if found:
        columns.append(("exception", "long", [row.exception for row in rows]))
    cells = [[_cell(value) for value in values] for _, _, values in columns]
    return {
        "columns": [{"name": shorten(name, 60), "kind": kind} for name, kind, _ in columns],
        "rows": [list(values) for values in zip(*cells, strict=True)],
        "metric": at_metric,
        "isHighGood": results.metric.is_high_good,
        "groups": [{"finished": 0, "stopped": 1}.get(row.status, 2) for row in rows],
        "places": np.argsort(best_first(results.frame, results.losses).index).tolist(),
        "exceptions": [places.get((row.exception or "")[:_LONGEST]) for row in rows],
    }


def _cell(value: Any) -> int | float | str | None:
    """Returns a value as the table shows and sorts it."""
    if value is None or value is ABSENT:
        return None if value is None else "–"
    found = number(value)
    if math.isnan(found):
        return None if isinstance(value, float) else label(value, 120)
    return value if isinstance(value, int) and abs(value) < 2**53 else float(f"{found:.6g}")


def _in_words(value: Any) -> str:
    """Returns plain data as a line of text."""
    if isinstance(value, dict):
        pairs = (
            f"{key} {_in_words(item)}" for key, item in value.items() if item not in (None, [])
        )
        return ", ".join(pairs)[:_LONGEST]
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))[:_LONGEST]
    return str(value)[:_LONGEST]


def _python(value: Any) -> str:
    """Formats a value as a Python expression: NaN and infinities are no literals there."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    return repr(value)
