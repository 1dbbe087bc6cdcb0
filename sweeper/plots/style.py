"""The common style of all pictures: colours, titles, axes."""

import textwrap

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from sweeper.plots.scales import Scale, markup
from sweeper.record.results import Results
from sweeper.search.metric import Metric

# Okabe and Ito 2008, "Color Universal Design": colour-blind people can tell them apart.
STATUS_COLOURS = {
    "finished": "#0072B2",
    "stopped": "#E69F00",
    "diverged": "#CC79A7",
    "failed": "#D55E00",
    "interrupted": "#999999",
}
BLUE, VERMILION = "#0072B2", "#D55E00"
SHADES = "Viridis"  # from dark to light: from the best value to the worst
STEPS = sample_colorscale(SHADES, 8)  # of the shades, where a few colours are enough
# Colours that stand out on a light page fade on a dark one, where these replace them.
ON_DARK = {BLUE: "#56B4E9", **dict(zip(STEPS, reversed(STEPS), strict=True))}
MOST_POINTS = 2000  # in one picture, so that a browser draws it at once
MOST_LINES = 1000


def describe(figure: go.Figure, finding: str, *notes: str) -> go.Figure:
    """Gives the figure a title that states the finding, and smaller notes below it.

    Both are also kept as plain text in `figure.layout.meta`, for pages that wrap text themselves.
    """
    note = " ".join(filter(None, notes))
    lines = [markup(line, 200) for line in textwrap.wrap(finding, 80)]
    small = [f"<sup>{markup(line, 200)}</sup>" for line in textwrap.wrap(note, 110)]
    return figure.update_layout(
        title={"text": "<br>".join(lines + small), "y": 0.97, "yanchor": "top"},
        meta={"finding": finding, "note": note},
        margin={"t": 40 + 20 * len(lines + small), "l": 70, "r": 20, "b": 60},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="closest",
        modebar={"remove": ["sendChartToCloud"]},  # else plotly offers to upload the sweep
    )


def nothing(reason: str) -> go.Figure:
    """Returns a figure that says why there is nothing to draw."""
    figure = describe(go.Figure(), reason)
    figure.update_layout(meta={"finding": reason, "note": "", "empty": True}, height=200)
    return figure.update_xaxes(visible=False).update_yaxes(visible=False)


def none_finished(results: Results) -> go.Figure:
    """Returns a figure that says how the trials ended."""
    return nothing(f"No trial has finished ({results.statuses()}).")


def drawn(shown: pd.DataFrame, points: pd.DataFrame, what: str = "trials") -> str:
    """Says what was left out of a picture; empty if nothing was."""
    if len(shown) == len(points):
        return ""
    return f"{len(shown):,} of {len(points):,} {what} are drawn, the best ones among them."


def metric_axis(
    figure: go.Figure, values: pd.Series, metric: Metric, axis: str = "y", title: str | None = None
) -> go.Figure:
    """Puts the metric on an axis of the figure; logarithmic if its values span decades.

    Where high is good, most values must span decades, and some must exceed 1: for an accuracy the
    part near 1 matters, and there a logarithm leaves no room.
    """
    found = values[np.isfinite(values)]
    logarithmic = len(found) > 0 and 0 < found.min() < found.max() / 30
    if logarithmic and metric.is_high_good:
        logarithmic = found.max() > 1 and found.median() < found.max() / 30
    kind = {"type": "log", **_decades(found.min(), found.max())} if logarithmic else {}
    text = markup(metric.text, 40) if title is None else markup(title, 30)
    return figure.update_layout({f"{axis}axis": {"title": {"text": text}, **kind}})


def metric_colours(points: pd.DataFrame, metric: Metric) -> dict:
    """Returns colours, dark for good: shades from the best value to the one that nine tenths
    reach, so that a few bad ones don't flatten them.
    """
    best, worst = points["loss"].min(), points["loss"].quantile(0.9)
    worst = worst if worst > best else best + 1e-9
    low, high = metric.interval(best, worst)
    bounds = {"cmin": low, "cmax": high, "showscale": True}
    return {"colorscale": shades(metric), "colorbar": colour_bar(metric)} | bounds


def shades(metric: Metric) -> str:
    """Returns the colour scale whose dark end stands for good values."""
    return f"{SHADES}_r" if metric.is_high_good else SHADES


def colour_bar(metric: Metric) -> dict:
    """Returns the layout of the colours' legend."""
    return {"title": {"text": markup(metric.text), "side": "right"}, "thickness": 12}


def value_axis(axis: Scale, positions: pd.Series | None = None) -> dict:
    """Returns the layout of a hyperparameter's axis."""
    layout: dict = {"title": {"text": markup(axis.name)}}
    if axis.labels:
        ticks = range(0, len(axis.labels), 1 + len(axis.labels) // 25)
        texts = [markup(axis.labels[i]) for i in ticks]
        ends = [-0.6, len(axis.labels) - 0.4]
        return layout | {"tickvals": list(ticks), "ticktext": texts, "range": ends}
    if axis.logarithmic and positions is not None and positions.notna().any():
        return layout | {"type": "log"} | _decades(positions.min(), positions.max())
    return layout


def _decades(low: float, high: float) -> dict:
    """Returns ticks of a logarithmic axis: powers of ten; for few decades also × 2 and × 5."""
    several = high / 300 > low
    return {"dtick": 1 if several else "D2", "exponentformat": "power" if several else "none"}


def names(frame: pd.DataFrame) -> list[str]:
    """Names each trial: `trial 4`, and its replicate if there are several."""
    if "replicate" not in frame or frame["replicate"].nunique() < 2:
        return [f"trial {trial}" for trial in frame["trial"]]
    pairs = zip(frame["trial"], frame["replicate"], strict=True)
    return [f"trial {trial}, replicate {replicate}" for trial, replicate in pairs]
