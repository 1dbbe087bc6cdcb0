"""Writes a sweep as one HTML file, which opens without network and without Python."""

import base64
import functools
import gzip
import hashlib
import json
import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

import sweeper
from sweeper import plots
from sweeper.analysis.advice import advice
from sweeper.analysis.certainty import Winner, winner
from sweeper.analysis.draws import stops_early
from sweeper.analysis.epochs_spent import epochs
from sweeper.analysis.importance import Importance, importance
from sweeper.analysis.trained_again import TrainedAgain, trained_again
from sweeper.faults import path_fault
from sweeper.files import write_named, write_whole
from sweeper.html_report import contents
from sweeper.plots.scales import shorten, tuned
from sweeper.plots.style import ON_DARK, STATUS_COLOURS, nothing
from sweeper.record.results import Results, check_results

MOST_HYPERPARAMETERS = 24  # hyperparameters with their own picture
MOST_METRICS = 8
_SMALL = 280  # pixels


def write_report(results: Results, path: str | Path) -> Path:
    """Writes a report on a sweep, also a running one, as one HTML file; returns its path.

    It says what was run, the best configuration and how sure it is, gives advice, shows pictures
    and a table of all trials. It contains all that it needs, fetches nothing, and follows the
    browser's dark mode. The file is written whole or not at all. A link of that name is followed,
    and anything there that is not a file, such as /dev/null, is written into. In the sweep's own
    folder, which may come from anywhere, the report replaces either instead.

    Example:
        >>> sweeper.write_report(results, "report.html").name
        'report.html'

    Raises:
        TypeError: `results` are not results, or `path` is not a path.
        OSError: the path can't be written.
    """
    check_results(results)
    fault = path_fault("path", path)
    if fault:
        raise TypeError(fault)
    path = Path(path)
    # Half a surrogate pair, which JSON can bring, has no UTF-8: it becomes a question mark.
    content = page_text(results).encode("utf-8", errors="replace")
    inside = results.folder and Path(os.path.realpath(path.parent)).is_relative_to(
        os.path.realpath(results.folder)
    )
    (write_whole if inside else write_named)(path, lambda file: file.write(content))
    return path


def page_text(results: Results, watched: str = "") -> str:
    """Returns the report as HTML. With `watched`, the version of what it shows, the page asks
    where it came from for later versions, and shows them.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    parts = {kind: _file(f"page.{kind}") for kind in ("html", "css")}
    scripts = [_file(f"page.{kind}") for kind in ("js", "watched.js")[: 1 + bool(watched)]]
    library_packed, its_hash = library()
    again = trained_again(results)
    findings = _findings(results, again)
    found, unreadable_looks = contents.looks(results.folder)
    return environment.from_string(parts["html"]).render(
        version=sweeper.__version__,
        title=shorten(results.folder.name if results.folder else "a sweep", 100),
        css=parts["css"],
        scripts=scripts,
        library=library_packed,
        # Only these scripts may run, whatever text of the sweep is in the page.
        hashes=[*map(_hash, scripts), its_hash],
        watched=watched,
        colours=STATUS_COLOURS,
        statuses=contents.statuses(results),
        count=len(results.rows),
        outstanding=contents.outstanding(results),
        spent=epochs(results).sentence,
        unreadable=[*results.unreadable, *again.unreadable],
        facts=contents.facts(results),
        space=contents.space(results),
        exceptions=contents.exceptions(results),
        looks=found,
        unreadable_looks=unreadable_looks,
        data=_json(
            {
                "table": contents.table(results),
                "best": findings["best"] and findings["best"]["trial"],
                "colours": STATUS_COLOURS,
                "themes": _themes(),
                "onDark": ON_DARK,
            }
        ),
        **findings,
    )


def _findings(results: Results, again: TrainedAgain) -> dict[str, Any]:
    """Computes the findings: `best`, `sure`, `rivals`, `advice`, and `charts` by section."""
    importances = _tried(importance, results)
    known = importances if isinstance(importances, Importance) else None
    names = _by_importance(results, known)
    others = _with_curves(results)
    over_epochs = [_chart(plots.incumbents, results, "epochs")] if stops_early(results) else []
    charts = {
        "search": [
            *over_epochs,
            _chart(plots.incumbents, results),
            _chart(plots.incumbents, results, "seconds"),
            _chart(plots.learning_curves, results),
            _chart(plots.expected_best, results),
        ],
        "metrics": [
            _chart(plots.learning_curves, results, name, height=_SMALL)
            for name in others[:MOST_METRICS]
        ],
        "space": [
            _chart(plots.parallel_coordinates, results, wide=True, brushed=True),
            _chart(plots.importance, results, known) if known else _drawn(nothing(importances)),
            *(_chart(plots.hyperparameter, results, n) for n in names[:MOST_HYPERPARAMETERS]),
            *(_chart(plots.pair, results, *pair) for pair in _pairs(names)),
        ],
        "replicates": [_chart(plots.replicates, again.results or results)],
        "workers": [_chart(plots.timeline, results, wide=True)],
    }
    sure, found = _tried(winner, results, again), _tried(advice, results, known)
    won = sure if isinstance(sure, Winner) else None
    return {
        "best": contents.best(results, won),
        "sure": won.sentence if won else sure,
        "rivals": contents.rivals(won.confirmed or won) if won else [],
        "confirmed": bool(won and won.confirmed),
        "advice": found if isinstance(found, str) else [one.text for one in found],
        "charts": charts,
        "left_out": names[MOST_HYPERPARAMETERS:],
        "metrics_left_out": others[MOST_METRICS:],
    }


def _tried(part: Callable, *arguments: Any) -> Any:
    """Returns a part of the report, or a text why it can't be made: the other parts go on."""
    try:
        return part(*arguments)
    except (ValueError, LookupError) as reason:
        return str(reason)
    except Exception as fault:
        return f"This part failed: {type(fault).__name__}: {fault}"


def _with_curves(results: Results) -> list[str]:
    """Returns the columns of the other metrics that have numbers in the learning curves."""
    columns = [*results.other_metrics.values()]
    return [name for name in columns if np.isfinite(results.curves[name]).any()]


def _chart(draw: Callable, results: Results, *arguments: Any, **options: Any) -> dict[str, Any]:
    figure = _tried(draw, results, *arguments)
    of = " ".join([draw.__name__, *(name for name in arguments if isinstance(name, str))])
    return _drawn(nothing(figure) if isinstance(figure, str) else figure, **options) | {"of": of}


def _drawn(
    figure: go.Figure, wide: bool = False, brushed: bool = False, height: int = 380
) -> dict[str, Any]:
    """Prepares a figure for the page, which writes the title itself and has its own theme."""
    layout = figure.layout
    chart = {"finding": layout.meta["finding"], "note": layout.meta["note"], "packed": ""}
    if layout.meta.get("empty"):
        return chart
    # The title is above the picture: room is left for a legend or for the axes' names.
    top = layout.margin.t - 80 if brushed else 10 if layout.showlegend is False else 40
    margin = {"t": top} | ({} if brushed else {"l": 60, "r": 10, "b": 45})
    chart |= {"height": layout.height or height, "wide": wide, "brushed": brushed}
    chart["axes"] = len(figure.data[0].dimensions) if brushed else 0
    figure.update_layout(title=None, template=None, meta=None, height=None, margin=margin)
    return chart | {"packed": _packed(figure.to_json(engine="json"))}


def _by_importance(results: Results, known: Importance | None) -> list[str]:
    names = tuned(results)
    if known is None:
        return names
    order = {name: place for place, name in enumerate(known.frame["hyperparameter"])}
    return sorted(names, key=lambda name: order.get(name, len(order)))


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    """Returns the pairs among the first three."""
    return [(names[i], names[j]) for i, j in ((0, 1), (0, 2), (1, 2)) if j < len(names)]


def _themes() -> dict[str, Any]:
    """Returns Plotly's layouts for light and dark pages, without backgrounds."""
    clear = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
    names = {"light": "plotly_white", "dark": "plotly_dark"}
    themes = {key: plotly.io.templates[name].layout.to_plotly_json() for key, name in names.items()}
    return {key: {"layout": layout | clear} for key, layout in themes.items()}


@functools.cache
def library() -> tuple[str, str]:
    """Returns Plotly's JavaScript, packed, and its hash."""
    return _packed(get_plotlyjs()), _hash(get_plotlyjs())


def _packed(text: str) -> str:
    """Packs text as gzip in base64: smaller, and free of markup whatever it holds."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _json(value: Any) -> str:
    """Returns JSON that can stand in a script element: all but ASCII and all markup is escaped."""
    text = json.dumps(value, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _file(name: str) -> str:
    return files("sweeper.html_report").joinpath(name).read_text(encoding="utf-8")
