"""Draws the course of a search: what was found when, and what each trial did."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sweeper import analysis
from sweeper.analysis.best_so_far import incumbents_column
from sweeper.plots import frames
from sweeper.plots.style import (
    BLUE,
    MOST_LINES,
    MOST_POINTS,
    STATUS_COLOURS,
    VERMILION,
    describe,
    drawn,
    metric_axis,
    names,
    none_finished,
    nothing,
)
from sweeper.record.results import Results

_UNITS = {
    "trials": "trials that have ended",
    "epochs": "epochs of all trials that have ended",
    "seconds": "time since the start (s)",
}


@np.errstate(all="ignore")
def incumbents(results: Results, over: str = "trials") -> go.Figure:
    """Draws the best value of the metric so far, over `trials`, `epochs` or wall-clock `seconds`.

    Epochs are counted over all ended trials, stopped ones too.

    Raises:
        ValueError: `over` is none of these.
    """
    if over not in _UNITS:
        raise ValueError(f"over must be 'trials', 'epochs' or 'seconds', but got {over!r}.")
    if frames.best_row(results) is None:
        return none_finished(results)
    metric = results.metric
    steps = analysis.incumbents(results)
    steps = steps.assign(value=steps[incumbents_column(metric)])
    points = frames.ended(results)
    points = points[points["status"] == "finished"].dropna(subset=[over])
    if points.empty:
        return nothing("No finished trial has a time.")
    shown = frames.thin(points, MOST_POINTS)
    figure = go.Figure()
    figure.add_scatter(
        x=shown[over], y=shown["value"], mode="markers", name="finished trials",
        marker={"color": BLUE, "size": 6, "opacity": 0.6},
        customdata=names(shown), hovertemplate="%{customdata}: %{y:.4g}<extra></extra>",
    )  # fmt: skip
    steps = steps.dropna(subset=[over, "value"])
    changes = steps[steps["value"] != steps["value"].shift()]
    best = changes.iloc[-1]
    line = pd.concat([changes, steps.tail(1)])
    figure.add_scatter(
        x=line[over], y=line["value"], mode="lines",
        line={"shape": "hv", "color": VERMILION, "width": 2.5}, name="best so far",
        hovertemplate="%{x:.4g}: %{y:.4g}<extra></extra>",
    )  # fmt: skip
    short = "s" if over == "seconds" else over
    reached = f"{best[over]:,.0f} of {steps[over].max():,.0f} {short}"
    describe(figure, f"{best['value']:.4g} after {reached}", drawn(shown, points))
    return metric_axis(figure.update_xaxes(title_text=_UNITS[over]), shown["value"], metric)


@np.errstate(all="ignore")
def expected_best(results: Results, confidence: float = 0.9) -> go.Figure:
    """Draws the expected best value of the metric of n random trials, with its uncertainty."""
    try:
        frame = analysis.expected_best(results, confidence=confidence)
    except (ValueError, LookupError) as reason:
        return nothing(str(reason))
    if frame.empty:
        return none_finished(results)
    shown = frame.iloc[frames.spread(len(frame), MOST_LINES)]
    figure = go.Figure()
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=shown["trials"], y=shown["high"], **band)
    figure.add_scatter(
        x=shown["trials"], y=shown["low"], fill="tonexty", fillcolor="rgba(0,114,178,0.2)",
        **band | {"showlegend": True, "name": f"{confidence:.0%} interval"},
    )  # fmt: skip
    figure.add_scatter(
        x=shown["trials"], y=shown["expected"], mode="lines", line={"color": BLUE, "width": 2.5},
        name="expected", hovertemplate="%{x} trials: %{y:.4g}<extra></extra>",
    )  # fmt: skip
    total = len(frame)
    best, half = frame["expected"].iloc[-1], frame.iloc[max(total // 2, 1) - 1]
    finding = f"{total:,} random trials got {best:.4g}"
    if total > 1:
        finding += f", {half['trials']:,.0f} would have got {half['expected']:.4g} on average"
    describe(figure, finding)
    kind = {"type": "log", "dtick": "D2"} if total > 30 else {}
    figure.update_xaxes(title_text="random trials", exponentformat="none", **kind)
    return metric_axis(figure, pd.concat([shown["low"], shown["high"]]), results.metric)


@np.errstate(all="ignore")
def timeline(results: Results) -> go.Figure:
    """Draws when each worker ran which trial: one bar per trial, coloured by its status."""
    bars = frames.timeline(results)
    if bars.empty:
        return nothing("No trial has been started.")
    figure = go.Figure()
    for status, part in bars.groupby("status", sort=False):
        figure.add_bar(
            base=part["start_s"], x=part["runtime_s"], y=part["lane"], orientation="h",
            marker={"color": STATUS_COLOURS[str(status)], "line": {"width": 0.5}},
            name=str(status), customdata=names(part), width=0.8,
            hovertemplate="%{customdata}: %{base:.1f} s to %{x:.1f} s<extra></extra>",
        )  # fmt: skip
    use = analysis.parallel_use(results)
    longest = bars.iloc[bars["runtime_s"].argmax()]
    workers = "worker was" if len(use.workers) == 1 else "workers were"
    finding = (
        f"{len(use.workers)} {workers} busy {use.busy_fraction:.0%} of the time; "
        f"trial {longest['trial']} took longest, {longest['runtime_s']:,.1f} s"
    )
    started = frames.timeline(results, most=len(results.rows))
    few = f"The {len(bars):,} longest of {len(started):,} trials are drawn."
    describe(figure, finding, few if len(bars) < len(started) else "")
    lanes = int(bars["lane"].max())
    figure.update_xaxes(title_text="time since the start (s)", rangemode="tozero")
    figure.update_yaxes(title_text="worker", dtick=1 + lanes // 25, autorange="reversed")
    return figure.update_layout(barmode="overlay", height=200 + 24 * min(lanes, 25))


@np.errstate(all="ignore")
def replicates(results: Results) -> go.Figure:
    """Draws means of configurations over their finished replicates, with 90 % intervals."""
    table = frames.replicates(results)
    if table.empty:
        return nothing(
            "Each configuration was trained once at most, so luck can't be measured. "
            "sweeper.confirm trains the best ones again."
        )
    shown = table.head(30)[::-1]
    points = frames.trials(results)
    places = {trial: place for place, trial in enumerate(shown["trial"])}
    points = points[points["trial"].isin(places) & (points["status"] == "finished")]
    figure = go.Figure()
    figure.add_scatter(
        x=points["value"], y=points["trial"].map(places), mode="markers",
        marker={"color": "#999999", "size": 6}, name="replicates", customdata=names(points),
        hovertemplate="%{customdata}: %{x:.4g}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=shown["mean"], y=[*range(len(shown))], mode="markers", name="mean, 90 % interval",
        marker={"color": BLUE, "size": 10},
        error_x={"type": "data", "symmetric": False, "thickness": 2, "color": BLUE,
                 "array": shown["high"] - shown["mean"],
                 "arrayminus": shown["mean"] - shown["low"]},
        hovertemplate="mean %{x:.4g}<extra></extra>",
    )  # fmt: skip
    best = table.iloc[0]
    finding = f"Trial {best['trial']:.0f} has the best mean: {best['mean']:.4g}"
    finding += f" ({best['low']:.4g} to {best['high']:.4g}, {best['n']:.0f} replicates)"
    few = f"The best {len(shown)} of {len(table):,} trials with replicates are drawn."
    describe(figure, finding, few if len(shown) < len(table) else "")
    texts = [f"trial {trial}" for trial in shown["trial"]]
    figure.update_yaxes(tickvals=[*range(len(shown))], ticktext=texts)
    figure.update_layout(height=200 + 28 * len(shown))
    return metric_axis(figure, points["value"], results.metric, axis="x")
