"""Draws the course of training: the learning curves."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sweeper.plots import frames
from sweeper.plots.scales import shorten
from sweeper.plots.style import (
    STATUS_COLOURS,
    STEPS,
    VERMILION,
    describe,
    metric_axis,
    names,
    nothing,
)
from sweeper.record.results import Results
from sweeper.search.metric import Metric


@np.errstate(all="ignore")
def learning_curves(results: Results, of: str | None = None) -> go.Figure:
    """Draws the metric after each epoch, one line per trial, coloured by its last value.

    Trials that were stopped early are lighter, end at their rung, and are counted in the legend.

    Args:
        results: the sweep's results.
        of: another metric, by its column in `results.curves`; its lines have the same colours.

    Raises:
        ValueError: there is no such column.
    """
    every = results.curves
    if of is not None:
        _check_column(of, [*results.other_metrics.values()])
        every = every[np.isfinite(every[of])]
    lines = frames.curves(results, of=of)
    if lines.empty:
        what = results.metric.one if of is None else f"a value of {shorten(of, 60)}"
        return nothing(f"No learning curves: no trial yielded {what} after an epoch.")
    figure = go.Figure()
    stopped, best = lines[lines["stopped"]], lines[lines["is_best"]]
    others = lines[~lines["is_best"] & ~lines["stopped"]]
    many_stopped = sum(row.status == "stopped" for row in results.rows)
    if len(stopped):
        name = f"{many_stopped:,} stopped early"
        _add_curves(figure, stopped, STATUS_COLOURS["stopped"], 1, opacity=0.45, name=name)
    # Eight traces, not one per trial, are quick to draw in a browser; by rank, so all colours
    # occur.
    ranks = others["last"].rank(method="dense", pct=True, na_option="bottom")
    for shade, part in others.groupby((ranks * 7.99).astype(int)):
        _add_curves(figure, part, STEPS[int(shade)], 1.2)
    _add_curves(figure, best, VERMILION, 3)
    many = len(every[["trial", "replicate"]].drop_duplicates())
    few = len(lines[["trial", "replicate"]].drop_duplicates())
    notes = [_colours_in_words(results.metric, of, len(best) > 0)]
    notes += ["Trials that were stopped early end at their rung."] if len(stopped) else []
    notes += [f"{few:,} of {many:,} are drawn."] if few < many else []
    whole = {"dtick": 1} if lines["epoch"].max() <= 10 else {}
    figure.update_layout(showlegend=bool(len(stopped))).update_xaxes(title_text="epochs", **whole)
    shown = results.metric if of is None else Metric(of)
    describe(figure, _where_curves_end(best, many, of), *notes)
    return metric_axis(figure, lines["value"], shown, title=of)


def _where_curves_end(best: pd.DataFrame, many: int, of: str | None) -> str:
    """Says the finding of learning curves; for another metric it begins with its name."""
    finding = f"{many:,} learning curves, none of them of "
    finding += "a finished trial" if of is None else "the best trial"
    if len(best):
        end = best.iloc[-1]
        finding = f"The best trial is at {end['value']:.4g} after {end['epoch']} epochs"
    if of is None:
        return finding
    return f"{shorten(of, 60)}: {finding[0].lower()}{finding[1:]}"


def _colours_in_words(metric: Metric, of: str | None, with_best: bool) -> str:
    ends = "from high to low" if metric.is_high_good else "from low to high"
    by = "" if of is None else f" by their {metric.text}"
    if of is not None and not with_best:
        return f"Lines fade {ends}{by}."
    return f"The best trial is thick and red, the others fade {ends}{by}."


def _check_column(of: str, columns: list[str]) -> None:
    if of not in columns:
        there = f"one of {columns}" if columns else "left out, since there are no other metrics"
        raise ValueError(f"of must be {there}, but got {of!r}.")


def _add_curves(
    figure: go.Figure, lines: pd.DataFrame, colour: str, width: float, **trace: Any
) -> None:
    """Adds several lines as one trace, separated by gaps. Only a named one is in the legend."""
    x: list[float | None] = []
    y: list[float | None] = []
    said: list[str] = []
    for _, line in lines.groupby(["trial", "replicate"], sort=False):
        x += [*line["epoch"], None]
        y += [*line["value"], None]
        said += [*names(line), ""]
    points = lines.groupby(["trial", "replicate"])["epoch"].transform("size").min() == 1
    figure.add_scatter(
        x=x, y=y, customdata=said, mode="lines+markers" if points else "lines",
        line={"color": colour, "width": width}, marker={"color": colour, "size": 4},
        showlegend="name" in trace, **trace,
        hovertemplate="%{customdata}<br>epoch %{x}: %{y:.4g}<extra></extra>",
    )  # fmt: skip
