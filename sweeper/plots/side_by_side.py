"""Draws several sweeps side by side."""

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from sweeper.analysis.comparison import Comparison
from sweeper.plots.scales import markup
from sweeper.plots.style import STATUS_COLOURS, describe, metric_axis, nothing

_UNITS = {"trials": "trials that have ended", "epochs": "epochs trained", "seconds": "seconds"}
_COLOURS = list(STATUS_COLOURS.values())
_DASHES = ("solid", "dash", "dot")  # used if there are more sweeps than colours


@np.errstate(all="ignore")
def comparison(compared: Comparison) -> go.Figure:
    """Draws each sweep's best value of the metric so far over the budget, with its interval."""
    curves = compared.curves.dropna(subset=["mean"])
    if curves.empty:
        return nothing("No trial has finished within the budget that the sweeps share.")
    figure = go.Figure()
    for number, (label, curve) in enumerate(curves.groupby("sweep", sort=False)):
        colour = _COLOURS[number % len(_COLOURS)]
        band = curve.dropna(subset=["low", "high"])
        figure.add_scatter(
            x=[*band["budget"], *band["budget"][::-1]], y=[*band["high"], *band["low"][::-1]],
            fill="toself", fillcolor=f"rgba{(*hex_to_rgb(colour), 0.2)}", line={"width": 0},
            hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        figure.add_scatter(
            x=curve["budget"], y=curve["mean"], mode="lines", name=markup(str(label)),
            line={"color": colour, "width": 2.5, "dash": _DASHES[number // len(_COLOURS) % 3]},
        )  # fmt: skip
    if curves["budget"].max() > compared.limit:
        figure.add_vline(
            compared.limit, line={"dash": "dot", "width": 1}, annotation_text="compared here",
            annotation_position="top right",
        )  # fmt: skip
    finding, _, tests = compared.sentence.partition(". ")
    describe(figure, f"{finding.rstrip('.')}.", tests, "Bands hold 90 %.")
    figure.update_xaxes(title_text=_UNITS[compared.budget])
    return metric_axis(figure, curves["mean"], compared.metric)
