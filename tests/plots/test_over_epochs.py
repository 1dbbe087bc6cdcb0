import math

import pytest
from made_records import row
from sample_sweeps import accurate, hostile_metrics, made, ordinary

from sweeper import plots


def test_curves_of_another_metric_have_the_colours_of_the_optimised_one():
    found = accurate()
    ours, theirs = plots.learning_curves(found), plots.learning_curves(found, "train_loss")
    assert theirs.layout.yaxis.title.text == "train_loss"
    of = {name: {text: t.line.color for t in figure.data for text in t.customdata if text}
          for name, figure in (("ours", ours), ("theirs", theirs))}  # fmt: skip
    assert of["theirs"].keys() < of["ours"].keys()  # some trials lack it
    best = f"trial {found.best_row.trial}"
    assert of["theirs"][best] == of["ours"][best]
    last = theirs.data[-1]
    curve = found.curves[found.curves["trial"] == found.best_row.trial]
    assert list(last.y)[:-1] == curve["train_loss"].tolist()
    finding = theirs.layout.meta["finding"]
    assert (
        finding
        == f"train_loss: the best trial is at {curve['train_loss'].iloc[-1]:.4g} after 8 epochs"
    )
    assert "fade from high to low by their accuracy" in theirs.layout.meta["note"]
    assert "are drawn" not in theirs.layout.meta["note"]


def test_a_best_trial_without_the_metric_is_not_said_to_be_red():
    figure = plots.learning_curves(hostile_metrics(), "value")
    assert figure.layout.meta["finding"].endswith("none of them of the best trial")
    assert "red" not in figure.layout.meta["note"]


def test_curves_of_trials_without_the_optimised_metric_are_the_lightest():
    curve = [[1, math.nan, 0.1, {"b": 1.0}]]
    whole = [row(i, value=i, curve=[[1, float(i), 0.1, {"b": 1.0}]]) for i in range(3)]
    found = made([*whole, row(3, curve=curve)], {})
    light = [t for t in plots.learning_curves(found, "b").data if "trial 3" in t.customdata]
    assert light[0].line.color == "rgb(253, 231, 37)"


def test_only_metrics_that_are_there_have_curves():
    with pytest.raises(ValueError, match=r"one of \['train_loss', 'megabytes'\], but got 'loss'"):
        plots.learning_curves(accurate(), "loss")
    with pytest.raises(ValueError, match="no other metrics, but got 'loss'"):
        plots.learning_curves(ordinary(), "loss")
    none = plots.learning_curves(accurate(), "megabytes").layout.meta["finding"]
    assert none == "No learning curves: no trial yielded a value of megabytes after an epoch."
