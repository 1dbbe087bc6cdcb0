import json
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from made_records import row
from sample_sweeps import (
    MARKUP,
    SPACE,
    accurate,
    all_failed,
    grid,
    made,
    odd,
    ordinary,
    stopped_early,
)

from sweeper import analysis, plots
from sweeper.plots.scales import tuned
from sweeper.plots.style import MOST_POINTS, STATUS_COLOURS

SWEEPS = odd()


def pictures(found) -> dict:
    names = list(found.sweep["config_space"])
    drawn = {name: plots.hyperparameter(found, name) for name in names}
    drawn |= {f"pair {other}": plots.pair(found, names[0], other) for other in names[:4]}
    drawn["seconds"] = plots.incumbents(found, "seconds")
    for draw in (
        *(plots.incumbents, plots.learning_curves, plots.parallel_coordinates, plots.importance),
        *(plots.expected_best, plots.timeline, plots.replicates),
    ):
        drawn[draw.__name__] = draw(found)
    return drawn


@cache
def large_pictures() -> dict:
    """Those of the largest sweep, which take seconds; for tests that change nothing in them."""
    return pictures(SWEEPS["large"])


def texts(value) -> Iterator[str]:
    """Every text in a figure but the plain ones in `meta`, and base64 of numbers."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in ("meta", "bdata"):
                yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEPS)
def test_every_picture_of_every_sweep_has_a_title_and_named_axes(name):
    for key, figure in (large_pictures() if name == "large" else pictures(SWEEPS[name])).items():
        plain = json.loads(figure.to_json(engine="json"))
        assert figure.layout.meta["finding"], key
        assert len(figure.to_json(engine="json")) < 700_000, key
        if figure.data and figure.data[0].type != "parcoords":
            assert plain["layout"]["xaxis"]["title"]["text"], key
            axis = plain["layout"]["yaxis"]
            assert axis.get("title", {}).get("text") or axis["ticktext"], key
        elif not figure.data:
            assert figure.layout.meta["empty"], key


@pytest.mark.parametrize("name", ["hostile", "hostile_metrics"])
def test_markup_of_the_sweep_is_no_markup_of_plotly(name):
    drawn = pictures(SWEEPS[name])
    others = SWEEPS[name].other_metrics.values()
    drawn |= {f"curves {other}": plots.learning_curves(SWEEPS[name], other) for other in others}
    for key, figure in drawn.items():
        for text in texts(json.loads(figure.to_json(engine="json"))):
            assert "<img" not in text, key
            assert "<script" not in text, key
            assert "<!--" not in text, key


def test_the_title_states_the_incumbent():
    found = ordinary()
    first = found.frame["start_s"] + found.frame["runtime_s"]
    place = (first <= first[found.frame["trial"] == found.best_row.trial].iloc[0]).sum()
    title = plots.incumbents(found).layout.title.text
    assert title == f"{found.best_error:.4g} after {place} of 60 trials"


def test_the_pointer_is_told_all_metrics_of_a_trial():
    found = accurate()
    said = [
        text for t in plots.hyperparameter(found, "momentum").data for text in t.customdata or []
    ]
    of = {text.partition("<br>")[0]: text for text in said}
    for one in found.rows:
        text = of[f"trial {one.trial}"]
        assert ("<br>train_loss: " in text) == ("train_loss" in one.metrics)
        assert one.status != "finished" or f"finished: accuracy {one.value:.4g}" in text
    hostile = plots.pair(SWEEPS["hostile_metrics"], "momentum", "momentum").data
    assert any("epochs: 2" in text for t in hostile for text in t.customdata or [])


def test_replicates_that_did_not_finish_tell_nothing_of_luck():
    ending = {"replicate": 1, "status": "failed", "value": None}
    found = made([row(0), row(0, **ending)], {"lr": "uniform(0, 1)"}, replicates=2)
    assert (
        plots.replicates(found)
        .layout.meta["finding"]
        .startswith("Each configuration was trained once at most")
    )


@pytest.mark.parametrize("over", ["trials", "seconds"])
def test_the_line_of_incumbents_is_that_of_the_analysis(over):
    found = ordinary(300)
    line = plots.incumbents(found, over).data[1]
    steps = analysis.incumbents(found)
    # At each ended trial the stepped line has the incumbent's error.
    place = np.searchsorted(line.x, steps[over], side="right") - 1
    assert np.array_equal(np.array(line.y)[place], steps["validation_error"])


def test_incumbents_are_over_trials_epochs_or_seconds():
    with pytest.raises(ValueError, match=r"over must be 'trials', 'epochs' or 'seconds', but got "):
        plots.incumbents(ordinary(3), over="days")


def test_incumbents_over_epochs_end_with_all_that_were_trained():
    found = stopped_early()
    line = plots.incumbents(found, "epochs").data[-1]
    assert line.x[-1] == found.frame["epochs"].sum() == sum(row.epochs for row in found.rows)
    assert line.y[-1] == found.best_error


def test_stopped_trials_are_told_from_whole_ones():
    found = stopped_early()
    stopped = int((found.frame["status"] == "stopped").sum())
    curves = plots.learning_curves(found)
    (lighter,) = [trace for trace in curves.data if trace.name]
    assert lighter.name == f"{stopped} stopped early"
    assert lighter.opacity < 1
    assert curves.layout.showlegend
    rings = {t.name: t.marker.symbol for t in plots.hyperparameter(found, "lr").data}
    assert set(rings["stopped"]) <= {"circle-open", "x"}
    assert set(rings["finished"]) == {"circle"}
    pair = plots.pair(found, "lr", "optimizer")
    coloured = next(t for t in pair.data if t.marker.coloraxis or t.marker.colorscale)
    whole = [row.value for row in found.rows if row.status == "finished"]
    assert sorted(coloured.marker.color) == sorted(whole)
    assert coloured.marker.cmin == min(whole)


def test_parallel_coordinates_of_stopped_trials_have_an_axis_of_epochs():
    figure = plots.parallel_coordinates(stopped_early())
    labels = [d.label for d in figure.data[0].dimensions]
    assert labels == ["lr", "optimizer", "momentum", "epochs", "validation error"]
    epochs = figure.data[0].dimensions[3]["values"]
    assert epochs[-1] == 27  # whole ones are drawn last, on top
    best = stopped_early().best_error
    assert figure.layout.meta["finding"].endswith(f"reaches {best:.4g}")
    none = plots.parallel_coordinates(SWEEPS["all_stopped"]).layout.meta["finding"]
    assert none == "No trial was trained to the end (9 stopped)"


def test_axes_are_logarithmic_where_distributions_are():
    found = ordinary()
    assert plots.hyperparameter(found, "learning_rate").layout.xaxis.type == "log"
    assert plots.hyperparameter(found, "momentum").layout.xaxis.type is None
    both = plots.pair(found, "momentum", "learning_rate").layout
    assert (both.xaxis.type, both.yaxis.type) == (None, "log")


def test_every_status_has_its_colour_and_failures_are_drawn():
    found = ordinary(400)
    figure = plots.hyperparameter(found, "momentum")
    colours = {trace.name: trace.marker.color for trace in figure.data}
    for status in found.frame["status"].unique():
        assert colours[status] == STATUS_COLOURS[status]
    drawn = sum(len(trace.x) for trace in figure.data if trace.name != "best")
    assert drawn == 400


@pytest.mark.slow
def test_large_pictures_are_thinned_and_say_so():
    drawn = large_pictures()
    for figure in drawn.values():
        points = sum(len(t.x) for t in figure.data if t.type == "scatter" and "lines" not in t.mode)
        assert points <= MOST_POINTS + 1
    assert "2,000 of 10,000 trials are drawn" in drawn["momentum"].layout.title.text
    assert "1,000 of" in drawn["parallel_coordinates"].layout.title.text
    assert "1,000 longest of 10,000" in drawn["timeline"].layout.title.text
    assert "200 of" in drawn["learning_curves"].layout.title.text


def test_small_pictures_say_nothing_of_thinning():
    for figure in pictures(ordinary()).values():
        assert "are drawn" not in str(figure.layout.title.text)


def test_parallel_coordinates_have_an_axis_for_each_hyperparameter():
    figure = plots.parallel_coordinates(grid())
    assert [d.label for d in figure.data[0].dimensions][-1] == "validation error"
    figure = plots.parallel_coordinates(ordinary())
    first, *_, last = figure.data[0].dimensions
    assert [d.label for d in figure.data[0].dimensions] == [*SPACE, "epochs", "validation error"]
    assert "0.01" in first.ticktext
    # The best are drawn last, on top, after those that were stopped.
    stopped = int((ordinary().frame["status"] == "stopped").sum())
    assert "stopped early" in figure.layout.meta["note"]
    assert np.all(np.diff(last["values"][stopped:]) <= 0)
    assert len(figure.data[0].customdata) == len(last["values"])


def test_a_grid_is_a_heat_map():
    figure = plots.pair(grid(), "learning_rate", "momentum")
    assert figure.data[0].type == "heatmap"
    assert np.shape(figure.data[0].z) == (5, 6)
    assert figure.layout.xaxis.ticktext[0] == "0.0001"


def test_what_cannot_be_drawn_says_why():
    assert "GridSearch" in plots.expected_best(grid()).layout.title.text
    assert "at least" in plots.importance(ordinary(3)).layout.title.text
    assert "5 failed" in plots.incumbents(all_failed()).layout.title.text
    assert "no trial has ended" in plots.parallel_coordinates(made([], SPACE)).layout.title.text


def test_no_button_uploads_the_sweep():
    for figure in pictures(ordinary(3)).values():
        assert "sendChartToCloud" in figure.layout.modebar.remove


def test_tuned_hyperparameters_come_with_markup_in_their_name():
    assert any(MARKUP in name for name in tuned(SWEEPS["hostile"]))
