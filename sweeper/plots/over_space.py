"""Draws the configuration space: the metric over it, and what matters in it."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sweeper.analysis.axes import number
from sweeper.analysis.draws import kind_of_searcher
from sweeper.analysis.importance import Importance
from sweeper.analysis.importance import importance as estimate
from sweeper.plots import frames
from sweeper.plots.scales import ABSENT, Scale, label, markup, scale_of, shorten
from sweeper.plots.style import (
    BLUE,
    MOST_POINTS,
    STATUS_COLOURS,
    VERMILION,
    colour_bar,
    describe,
    drawn,
    metric_axis,
    metric_colours,
    names,
    nothing,
    shades,
    value_axis,
)
from sweeper.record.results import Results
from sweeper.record.rows import Key, Row

_MOST_OTHERS = 8  # metrics that are shown at the pointer


@np.errstate(all="ignore")
def hyperparameter(results: Results, name: str) -> go.Figure:
    """Draws the metric over one hyperparameter; trials without a value are crosses at the bad end.

    Trials that were not trained to their end, such as stopped ones, are rings at their last value.
    """
    metric = results.metric
    axis = scale_of(results, name)
    points = frames.hyperparameter(results, name)
    points = points[points["x"].notna()]
    if points.empty:
        return nothing(f"No trial has a number or category as {name}.")
    shown = frames.thin(points, MOST_POINTS)
    figure = go.Figure()
    for status, part in shown.groupby("status", sort=False):
        there = "circle" if status == "finished" else "circle-open"
        symbols = np.where(part["value"].isna(), "x", there).tolist()
        figure.add_scatter(
            x=_jittered(part["x"], axis, part["trial"]),
            y=part["value"].fillna(metric.loss(_beyond(points["loss"]))),
            mode="markers", name=str(status), customdata=_said(results, part, x=axis),
            marker={"color": STATUS_COLOURS[str(status)], "size": 7, "opacity": 0.75,
                    "symbol": symbols},
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    _mark_best(figure, results, points, axis)
    crosses, end = int(points["value"].isna().sum()), "bottom" if metric.is_high_good else "top"
    there = f"Crosses at the {end}: {crosses:,} without {metric.one}." if crosses else ""
    describe(figure, _best_at(results, name), there, drawn(shown, points))
    figure.update_xaxes(value_axis(axis, points["x"]))
    return metric_axis(figure, points["value"], metric)


@np.errstate(all="ignore")
def pair(results: Results, x: str, y: str) -> go.Figure:
    """Draws two hyperparameters with the metric as colour; for a grid search a heat map.

    Trials that were not trained to their end, such as stopped ones, are grey rings: their last
    value is not that of a whole trial.
    """
    points = frames.pair(results, x, y).dropna(subset=["x", "y", "value"])
    if points.empty:
        return nothing(f"No trial with {x} and {y} has {results.metric.one}.")
    axes = scale_of(results, x), scale_of(results, y)
    if kind_of_searcher(results) == "GridSearch":
        cells = frames.grid_cells(results, x, y)
        if 0 < cells.size <= MOST_POINTS:
            return _heat_map(results, cells, *axes)
    shown = frames.thin(points, MOST_POINTS)
    shown = shown.iloc[::-1]  # so the first ones, where the searcher began, are not hidden
    figure = go.Figure()
    whole = shown["status"] == "finished"
    ring = {"color": "#999999", "size": 7, "symbol": "circle-open"}
    _add_points(figure, results, shown[~whole], *axes, ring, "stopped early or not ended")
    colours = metric_colours(points[points["status"] == "finished"], results.metric)
    disc = {"color": shown["value"][whole], "size": 9, **colours}
    _add_points(figure, results, shown[whole], *axes, disc)
    _mark_best(figure, results, points, *axes)
    describe(figure, _best_at(results, x, y), drawn(shown, points))
    figure.update_xaxes(value_axis(axes[0], points["x"]))
    return figure.update_yaxes(value_axis(axes[1], points["y"]))


def _add_points(
    figure: go.Figure,
    results: Results,
    shown: pd.DataFrame,
    x: Scale,
    y: Scale,
    marker: dict,
    name: str = "",
) -> None:
    """Adds trials at two hyperparameters; only named ones are in the legend."""
    if shown.empty:
        return
    figure.add_scatter(
        x=_jittered(shown["x"], x, shown["trial"]), y=_jittered(shown["y"], y, shown["trial"] * 7),
        mode="markers", name=name, showlegend=bool(name),
        customdata=_said(results, shown, x=x, y=y),
        marker=marker, hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _heat_map(results: Results, cells: pd.DataFrame, x: Scale, y: Scale) -> go.Figure:
    """Draws each cell as the mean of its trials, at even distances whatever the values are."""
    figure = go.Figure()
    figure.add_heatmap(
        z=cells.to_numpy(), colorscale=shades(results.metric), colorbar=colour_bar(results.metric),
        hovertemplate="%{x}, %{y}: %{z:.4g}<extra></extra>",
    )  # fmt: skip
    for axis, places, update in (
        (x, cells.columns, figure.update_xaxes),
        (y, cells.index, figure.update_yaxes),
    ):
        texts = [markup(axis.text(float(place))) for place in places]
        update(title_text=markup(axis.name), tickvals=[*range(len(texts))], ticktext=texts)
    others = len(results.sweep["config_space"]) > 2
    note = "Each cell is the mean over the other hyperparameters." if others else ""
    return describe(figure, _best_at(results, x.name, y.name), note)


def importance(results: Results, found: Importance | None = None) -> go.Figure:
    """Draws how much of the metric's variance each hyperparameter explains.

    Args:
        results: the sweep's results.
        found: the result of `sweeper.analysis.importance.importance`, if known; saves its time.
    """
    try:
        found = found or estimate(results)
    except (ValueError, LookupError) as reason:
        return nothing(str(reason))
    frame = found.frame.sort_values("importance")
    figure = go.Figure()
    figure.add_bar(
        x=frame["importance"], y=np.arange(len(frame)), orientation="h", marker={"color": BLUE},
        error_x={"type": "data", "symmetric": False, "thickness": 1.5, "color": "#888888",
                 "array": frame["high"] - frame["importance"],
                 "arrayminus": frame["importance"] - frame["low"]},
        hovertemplate="%{x:.2f}<extra></extra>",
    )  # fmt: skip
    most = frame.iloc[-1]
    finding = (
        f"{shorten(str(most['hyperparameter']), 60)} explains most: {most['importance']:.2f} "
        f"({most['low']:.2f} to {most['high']:.2f})"
    )
    last = f"their last {results.metric.noun}"
    part = f", stopped ones by {last} ({found.stopped:,})" if found.stopped else ""
    describe(figure, finding, f"By {found.evaluator}, from {found.trials_used:,} trials{part}.")
    texts = [markup(name, 30) for name in frame["hyperparameter"]]
    figure.update_yaxes(tickvals=[*range(len(frame))], ticktext=texts, automargin=True)
    figure.update_xaxes(title_text="share of the variance", rangemode="tozero")
    return figure.update_layout(height=max(380, 180 + 28 * len(frame)))


def _mark_best(figure: go.Figure, results: Results, points: pd.DataFrame, *axes: Scale) -> None:
    """Draws a ring around the incumbent if it is among the points."""
    row = frames.best_row(results)
    found = points.iloc[:0]
    if row:
        is_best = (points["trial"] == row.trial) & (points["replicate"] == row.replicate)
        found = points[is_best]
    if found.empty:
        return
    y = found["value"] if len(axes) == 1 else _jittered(found["y"], axes[1], found["trial"] * 7)
    figure.add_scatter(
        x=_jittered(found["x"], axes[0], found["trial"]), y=y, mode="markers", name="best",
        marker={"symbol": "circle-open", "size": 16, "color": VERMILION, "line": {"width": 3}},
        hoverinfo="skip",
    )  # fmt: skip


def _best_at(results: Results, *of: str) -> str:
    row = frames.best_row(results)
    if row is None:
        return f"No trial has finished ({results.statuses()})"
    values = [label(row.config.get(name, ABSENT)) for name in of]
    return f"{' and '.join(shorten(name, 60) for name in of)}: best at {' and '.join(values)}"


def _jittered(positions: pd.Series, axis: Scale, trials: pd.Series) -> pd.Series:
    """Spreads categories around their place by trial, evenly (golden ratio); numbers stay as is."""
    return positions + ((trials * 0.618034) % 1 - 0.5) * 0.6 if axis.labels else positions


def _said(results: Results, frame: pd.DataFrame, **axes: Scale) -> list[str]:
    """Returns the text shown when the pointer is on a trial; `axes` by their position columns."""
    metric, rows = results.metric, {row.key: row for row in results.rows}
    prefix = "" if metric.noun == "error" else f"{markup(metric.text)} "
    texts = names(frame)
    for column, axis in axes.items():
        values = [f"<br>{markup(axis.name)}: {markup(axis.text(x))}" for x in frame[column]]
        texts = [text + value for text, value in zip(texts, values, strict=True)]
    of_each = zip(texts, frame["value"], frame["status"], strict=True)
    texts = [
        f"{text}<br>{status}" + (f": {prefix}{value:.4g}" if value == value else "")
        for text, value, status in of_each
    ]
    keys = zip(frame["trial"], frame["replicate"], strict=True)
    return [text + _others(rows[Key(*key)]) for text, key in zip(texts, keys, strict=True)]


def _others(row: Row) -> str:
    """Returns the other metrics of a trial, a line each."""
    items = list(row.metrics.items())
    lines = [f"<br>{markup(name)}: {number(value):.4g}" for name, value in items[:_MOST_OTHERS]]
    return "".join(lines) + "<br>…" * (len(items) > _MOST_OTHERS)


def _beyond(losses: pd.Series) -> float:
    """Returns a value just above all losses."""
    found = losses[np.isfinite(losses)]
    return 1.0 if found.empty else found.max() + 0.05 * ((found.max() - found.min()) or 1)
