"""Draws all hyperparameters at once."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sweeper.plots import frames
from sweeper.plots.scales import Scale, markup, round_ticks, scale_of, tuned
from sweeper.plots.style import MOST_LINES, describe, drawn, metric_colours, none_finished
from sweeper.record.results import Results


@np.errstate(all="ignore")
def parallel_coordinates(results: Results) -> go.Figure:
    """Draws one line per trial across all hyperparameters to its value of the metric.

    Drag along an axis to brush: only lines that pass there stay coloured. Where trials were stopped
    early, their epochs have an axis of their own, and their values are the last ones.
    """
    metric = results.metric
    points = frames.trials(results)
    values = {name: frames.hyperparameter(results, name)["x"] for name in tuned(results)}
    points = points.assign(**{f"x{i}": x for i, x in enumerate(values.values())})
    points = points[points["value"].notna()]
    if points.empty:
        return none_finished(results)
    # The best are drawn last, on top of the others, and the stopped ones first.
    stopped = int((points["status"] != "finished").sum())
    shown = frames.thin(points, MOST_LINES)
    shown = shown.iloc[np.lexsort((-shown["loss"], shown["status"] == "finished"))]
    dimensions = [
        _dimension(scale_of(results, name), shown[f"x{i}"]) for i, name in enumerate(values)
    ]
    if stopped:
        dimensions.append(_dimension(Scale("epochs"), shown["epochs"]))
    dimensions.append(_dimension(Scale(metric.text), shown["value"]))
    crowded = len(dimensions) > 6
    figure = go.Figure()
    figure.add_parcoords(
        dimensions=dimensions, customdata=shown[["trial", "replicate"]].to_numpy().tolist(),
        labelangle=-20 if crowded else 0,
        line={"color": shown["value"], **metric_colours(points, metric)},
    )  # fmt: skip
    best = shown["value"].iloc[-1]
    whole = " trials trained to the end" if stopped else ""
    finding = f"The best of {len(points) - stopped:,}{whole} reaches {best:.4g}"
    if stopped == len(points):
        finding = f"No trial was trained to the end ({results.statuses()})"
    early = (
        f"{stopped:,} were stopped early or have not ended: drag along their axis to hide them."
        if stopped
        else ""
    )
    note = "Drag along an axis to brush, click it to undo; drag its name to move it."
    describe(figure, finding, note, early, drawn(shown, points))
    return figure.update_layout(margin={"l": 110, "r": 60, "t": 180 if crowded else 130, "b": 30})


def _dimension(axis: Scale, positions: pd.Series) -> dict:
    """Returns one axis of parallel coordinates, which have no logarithms: they are taken here."""
    places = np.log10(positions) if axis.logarithmic else positions
    low, high = places.min(), places.max()
    low, high = (low, high) if low < high else (low - 1, high + 1)
    layout = {"label": markup(axis.name, 25)}
    if np.isnan(low):
        return layout | {"values": np.zeros(len(places)), "tickvals": [0], "ticktext": ["–"]}
    ticks = dict(_ticks(axis, low, high))
    if places.isna().any():  # a place of its own below the other values
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
