"""Draws a sweep: each function takes results and returns a `plotly.graph_objects.Figure`.

Figures are shown with `.show()` and exported with `.write_html(…)`. Their titles state the finding;
if there is nothing to draw, the figure says why.
"""

from sweeper.plots.across_space import parallel_coordinates
from sweeper.plots.over_epochs import learning_curves
from sweeper.plots.over_space import hyperparameter, importance, pair
from sweeper.plots.over_trials import (
    expected_best,
    incumbents,
    replicates,
    timeline,
)
from sweeper.plots.side_by_side import comparison

__all__ = [
    "comparison",
    "expected_best",
    "hyperparameter",
    "importance",
    "incumbents",
    "learning_curves",
    "pair",
    "parallel_coordinates",
    "replicates",
    "timeline",
]
