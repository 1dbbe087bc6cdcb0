"""Pictures of the configuration space: the errors over it, and what matters in it."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sweeper.analysis.importance import Importance
from sweeper.analysis.importance import importance as estimate
from sweeper.plots import frames
from sweeper.plots.scales import ABSENT, Scale, label, markup, round_ticks, scale_of, shorten, tuned
from sweeper.plots.style import (
    BLUE,
    ERROR,
    ERRORS,
    MOST_LINES,
    MOST_POINTS,
    STATUS_COLOURS,
    VERMILION,
    describe,
    drawn,
    error_axis,
    names,
    none_finished,
    nothing,
    value_axis,
)
from sweeper.record.results import Results

_BAR = {"title": {"text": ERROR, "side": "right"}, "thickness": 12}


def hyperparameter(results: Results, name: str) -> go.Figure:
    """Validation errors over one hyperparameter; trials that have none are crosses at the top."""
    axis = scale_of(results, name)
    points = frames.hyperparameter(results, name)
    points = points[points["x"].notna()]
    if points.empty:
        return nothing(f"No trial has a number or category as {name}.")
    errors = points["validation_error"]
    shown = frames.thin(points, MOST_POINTS)
    figure = go.Figure()
    for status, part in shown.groupby("status", sort=False):
        symbols = np.where(part["validation_error"].isna(), "x", "circle").tolist()
        figure.add_scatter(
            x=_jittered(part["x"], axis, part["trial"]),
            y=part["validation_error"].fillna(_top(errors)),
            mode="markers", name=str(status), customdata=_said(part, x=axis),
            marker={"color": STATUS_COLOURS[str(status)], "size": 7, "opacity": 0.75,
                    "symbol": symbols},
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    _mark_best(figure, results, points, axis)
    crosses = int(errors.isna().sum())
    above = f"Crosses at the top: {crosses:,} without a validation error." if crosses else ""
    describe(figure, _best_at(results, name), above, drawn(shown, points))
    figure.update_xaxes(value_axis(axis, points["x"]))
    return error_axis(figure, errors)


def pair(results: Results, x: str, y: str) -> go.Figure:
    """Two hyperparameters with the validation error as colour; a heat map of a grid search."""
    points = frames.pair(results, x, y).dropna(subset=["x", "y", "validation_error"])
    if points.empty:
        return nothing(f"No trial with {x} and {y} has a validation error.")
    axes = scale_of(results, x), scale_of(results, y)
    searcher = results.sweep.get("searcher")
    if isinstance(searcher, dict) and searcher.get("kind") == "GridSearch":
        cells = frames.grid_cells(results, x, y)
        if 0 < cells.size <= MOST_POINTS:
            return _heat_map(results, cells, *axes)
    shown = frames.thin(points, MOST_POINTS)
    shown = shown.iloc[::-1]  # so the first ones, where the searcher began, are not hidden
    figure = go.Figure()
    figure.add_scatter(
        x=_jittered(shown["x"], axes[0], shown["trial"]),
        y=_jittered(shown["y"], axes[1], shown["trial"] * 7),
        mode="markers", showlegend=False, customdata=_said(shown, x=axes[0], y=axes[1]),
        marker={"color": shown["validation_error"], "size": 9, **_colours(points)},
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    _mark_best(figure, results, points, *axes)
    describe(figure, _best_at(results, x, y), drawn(shown, points))
    figure.update_xaxes(value_axis(axes[0], points["x"]))
    return figure.update_yaxes(value_axis(axes[1], points["y"]))


def _heat_map(results: Results, cells: pd.DataFrame, x: Scale, y: Scale) -> go.Figure:
    """Each cell the mean over what it holds, at even distances whatever the values are."""
    figure = go.Figure()
    figure.add_heatmap(
        z=cells.to_numpy(), colorscale=ERRORS, colorbar=_BAR,
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
    """How much of the validation error's variance each hyperparameter explains.

    Args:
        results: of the sweep.
        found: what `sweeper.analysis.importance.importance` gave, if it was called before; saves
            its time.
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
    describe(figure, finding, f"By {found.evaluator}, from {found.trials_used:,} trials.")
    texts = [markup(name, 30) for name in frame["hyperparameter"]]
    figure.update_yaxes(tickvals=[*range(len(frame))], ticktext=texts, automargin=True)
    figure.update_xaxes(title_text="share of the variance", rangemode="tozero")
    return figure.update_layout(height=max(380, 180 + 28 * len(frame)))


def parallel_coordinates(results: Results) -> go.Figure:
    """One line a trial across all hyperparameters to its validation error.

    Drag along an axis to brush: only lines that pass there stay coloured.
    """
    points = frames.trials(results)
    values = {name: frames.hyperparameter(results, name)["x"] for name in tuned(results)}
    points = points.assign(**{f"x{i}": x for i, x in enumerate(values.values())})
    points = points[points["validation_error"].notna()]
    if points.empty:
        return none_finished(results)
    # The best are drawn last, above the others.
    shown = frames.thin(points, MOST_LINES).sort_values("validation_error", ascending=False)
    dimensions = [
        _dimension(scale_of(results, name), shown[f"x{i}"]) for i, name in enumerate(values)
    ]
    dimensions.append(_dimension(Scale(ERROR), shown["validation_error"]))
    crowded = len(dimensions) > 6
    figure = go.Figure()
    figure.add_parcoords(
        dimensions=dimensions, customdata=shown[["trial", "replicate"]].to_numpy().tolist(),
        labelangle=-20 if crowded else 0,
        line={"color": shown["validation_error"], **_colours(points)},
    )  # fmt: skip
    best = shown["validation_error"].iloc[-1]
    finding = f"The best of {len(points):,} reaches {best:.4g}"
    note = "Drag along an axis to brush, click it to undo; drag its name to move it."
    describe(figure, finding, note, drawn(shown, points))
    return figure.update_layout(margin={"l": 80, "r": 40, "t": 180 if crowded else 130, "b": 30})


def _dimension(axis: Scale, positions: pd.Series) -> dict:
    """One axis of parallel coordinates, which know no logarithms: they are taken here."""
    places = np.log10(positions) if axis.logarithmic else positions
    low, high = places.min(), places.max()
    low, high = (low, high) if low < high else (low - 1, high + 1)
    layout = {"label": markup(axis.name, 25)}
    if np.isnan(low):
        return layout | {"values": np.zeros(len(places)), "tickvals": [0], "ticktext": ["–"]}
    ticks = dict(_ticks(axis, low, high))
    if places.isna().any():  # a place of its own below the others
        low -= 0.1 * (high - low)
        ticks[low] = "–"
    texts = [markup(text, 20) for text in ticks.values()]
    values = places.fillna(low).to_numpy("float64")
    return layout | {
        "values": values,
        "range": [low, high],
        "tickvals": [*ticks],
        "ticktext": texts,
    }


def _ticks(axis: Scale, low: float, high: float) -> list[tuple[float, str]]:
    if axis.labels:
        step = 1 + len(axis.labels) // 25
        return [(float(i), axis.labels[i]) for i in range(0, len(axis.labels), step)]
    if axis.logarithmic:
        steps = (1,) if high - low > 2 else (1, 2, 5)
        powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
        marks = [np.log10(step) + power for power in powers for step in steps]
        return [(mark, f"{10**mark:.4g}") for mark in marks if low <= mark <= high]
    return [(mark, f"{mark:.4g}") for mark in round_ticks(low, high)]


def _colours(points: pd.DataFrame) -> dict:
    """Viridis from the best error to the ninth tenth, so that a few bad ones don't flatten it."""
    errors = points["validation_error"]
    low, high = errors.min(), errors.quantile(0.9)
    high = high if high > low else low + 1e-9
    return {"colorscale": ERRORS, "cmin": low, "cmax": high, "colorbar": _BAR, "showscale": True}


def _mark_best(figure: go.Figure, results: Results, points: pd.DataFrame, *axes: Scale) -> None:
    """Draws a ring around the incumbent if it is among the points."""
    row = frames.best_row(results)
    found = points.iloc[:0]
    if row:
        is_best = (points["trial"] == row.trial) & (points["replicate"] == row.replicate)
        found = points[is_best]
    if found.empty:
        return
    y = (
        found["validation_error"]
        if len(axes) == 1
        else _jittered(found["y"], axes[1], found["trial"] * 7)
    )
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
    """Categories spread out around their place by trial, evenly (golden ratio), numbers as is."""
    return positions + ((trials * 0.618034) % 1 - 0.5) * 0.6 if axis.labels else positions


def _said(frame: pd.DataFrame, **axes: Scale) -> list[str]:
    """What is shown when the pointer is on a trial; `axes` by the columns of their positions."""
    texts = names(frame)
    for column, axis in axes.items():
        values = [f"<br>{markup(axis.name)}: {markup(axis.text(x))}" for x in frame[column]]
        texts = [text + value for text, value in zip(texts, values, strict=True)]
    errors = zip(texts, frame["validation_error"], frame["status"], strict=True)
    return [f"{text}<br>{status}" + (f": {e:.4g}" if e == e else "") for text, e, status in errors]


def _top(errors: pd.Series) -> float:
    """Just above all errors."""
    found = errors[np.isfinite(errors)]
    return 1.0 if found.empty else found.max() + 0.05 * ((found.max() - found.min()) or 1)
