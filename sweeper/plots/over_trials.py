"""Pictures of the course of a search: what was found when, and what each trial did."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from sweeper import analysis
from sweeper.analysis.best_so_far import incumbents_column
from sweeper.plots import frames
from sweeper.plots.scales import shorten
from sweeper.plots.style import (
    BLUE,
    MOST_LINES,
    MOST_POINTS,
    SHADES,
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
from sweeper.search.metric import Metric

_UNITS = {
    "trials": "trials that have ended",
    "epochs": "epochs of all trials that have ended",
    "seconds": "time since the start (s)",
}


def incumbents(results: Results, over: str = "trials") -> go.Figure:
    """The best value of the metric so far, over `trials`, `epochs` or wall-clock `seconds`.

    Epochs are those of all trials that have ended, stopped ones too.

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


def learning_curves(results: Results, of: str | None = None) -> go.Figure:
    """The metric after each epoch, one line a trial, coloured by its last value.

    Trials that were stopped early are lighter, end at their rung, and are counted in the legend.

    Args:
        results: of the sweep.
        of: another metric, by its column in `results.curves`; its lines have the same colours.

    Raises:
        ValueError: there is no such column.
    """
    metric, every = results.metric, results.curves
    if of is not None:
        _check_column(of, [*results.other_metrics.values()])
        every = every[np.isfinite(every[of])]
    lines = frames.curves(results, of=of)
    if lines.empty:
        what = metric.one if of is None else f"a value of {shorten(of, 60)}"
        return nothing(f"No learning curves: no trial yielded {what} after an epoch.")
    figure = go.Figure()
    stopped, best = lines[lines["stopped"]], lines[lines["is_best"]]
    others = lines[~lines["is_best"] & ~lines["stopped"]]
    many_stopped = sum(row.status == "stopped" for row in results.rows)
    if len(stopped):
        name = f"{many_stopped:,} stopped early"
        _add_curves(figure, stopped, STATUS_COLOURS["stopped"], 1, opacity=0.45, name=name)
    # Eight traces, not one a trial, which browsers draw at once; by rank, so all colours occur.
    ranks = others["last"].rank(method="dense", pct=True, na_option="bottom")
    for shade, part in others.groupby((ranks * 7.99).astype(int)):
        _add_curves(figure, part, sample_colorscale(SHADES, int(shade) / 7)[0], 1.2)
    _add_curves(figure, best, VERMILION, 3)
    many = len(every[["trial", "replicate"]].drop_duplicates())
    few = len(lines[["trial", "replicate"]].drop_duplicates())
    finding = f"{many:,} learning curves, none of them of "
    finding += "a finished trial" if of is None else "the best trial"
    if len(best):
        end = best.iloc[-1]
        finding = f"The best trial is at {end['value']:.4g} after {end['epoch']} epochs"
    if of is not None:
        finding = f"{shorten(of, 60)}: {finding[0].lower()}{finding[1:]}"
    ends = "dark (high) to light (low)" if metric.is_high_good else "dark (low) to light (high)"
    by = "" if of is None else f" by their {metric.text}"
    notes = [f"The best trial is thick and red, the others from {ends}{by}."]
    notes += ["Trials that were stopped early end at their rung."] if len(stopped) else []
    notes += [f"{few:,} of {many:,} are drawn."] if few < many else []
    whole = {"dtick": 1} if lines["epoch"].max() <= 10 else {}
    figure.update_layout(showlegend=bool(len(stopped))).update_xaxes(title_text="epochs", **whole)
    shown = metric if of is None else Metric(of)
    return metric_axis(describe(figure, finding, *notes), lines["value"], shown, title=of)


def _check_column(of: str, columns: list[str]) -> None:
    if of not in columns:
        there = f"one of {columns}" if columns else "left out, since there are no other metrics"
        raise ValueError(f"of must be {there}, but got {of!r}.")


def _add_curves(
    figure: go.Figure, lines: pd.DataFrame, colour: str, width: float, **trace: Any
) -> None:
    """Several lines as one trace: a gap parts them. Only a named one is in the legend."""
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


def expected_best(results: Results, confidence: float = 0.9) -> go.Figure:
    """The best value of the metric to expect of n random trials, with its uncertainty."""
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


def timeline(results: Results) -> go.Figure:
    """When each worker ran which trial: a bar a trial, coloured by its status."""
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


def replicates(results: Results) -> go.Figure:
    """Means of configurations over their finished replicates, with 90 % intervals."""
    table = frames.replicates(results)
    if table.empty:
        return nothing("No trial has two finished replicates: how much is luck isn't known.")
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
