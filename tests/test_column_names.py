"""Hyperparameters that are called like columns of the results: everything reads such a sweep."""

import pandas as pd
import pytest
from scipy import stats

import sweeper
from sweeper import plots
from sweeper.cli.main import main
from sweeper.search.metric import CURVE_COLUMNS
from sweeper.space.checks import RESULT_COLUMNS

NAMES = (*RESULT_COLUMNS, *CURVE_COLUMNS, "metric", "loss", "value", "index", "config", "mean")


def objective(config, data=None):
    assert set(config) == set(NAMES)
    for epoch in (1, 2):
        yield config["epochs"] + config["seed"] / epoch + config["exception"] / 50


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    space = {name: stats.uniform(0, 1) for name in NAMES}
    place = {"folder": tmp_path_factory.mktemp("runs"), "address": "inline", "progress": False}
    search = sweeper.RandomSearch(6)
    return sweeper.run(objective, space, search, constraints=["seed + epochs < 1.9"], **place)


def test_columns_have_the_prefix_and_configurations_the_names(results):
    frame = sweeper.load(results.folder).frame
    pd.testing.assert_frame_equal(frame, results.frame)
    for name in NAMES:
        column = f"config.{name}" if name in RESULT_COLUMNS else name
        assert list(frame[column]) == [row.config[name] for row in results.rows]
        assert column in results.summary
    assert set(frame["epochs"]) == {2}
    assert list(frame["seed"]) == [row.seed for row in results.rows]
    assert results.best_config["seed"] == frame["config.seed"][frame["validation_error"].idxmin()]


@pytest.mark.slow
def test_pictures_report_advice_and_confirmation(results, tmp_path):
    for name in (*NAMES[:4], "seed", "exception"):
        assert plots.hyperparameter(results, name).data
        assert plots.pair(results, name, "epochs" if name != "epochs" else "seed").data
    for draw in (plots.parallel_coordinates, plots.learning_curves, plots.timeline):
        assert draw(results).data
    page = sweeper.write_report(results, tmp_path / "report.html").read_text()
    assert all(name in page for name in NAMES)
    again = sweeper.confirm(results, objective, top=2, address="inline", progress=False)
    assert set(again["trial"]) <= {row.trial for row in results.rows}
    assert list(again["config.trial"]) == [
        next(row.config["trial"] for row in results.rows if row.trial == trial)
        for trial in again["trial"]
    ]


@pytest.mark.slow
def test_commands_and_a_larger_sweep(results, tmp_path, capsys):
    folder = str(results.folder)
    assert main(["show", folder]) == 0
    assert "config.epochs" in capsys.readouterr().out
    for form in ("csv", "parquet"):
        file = tmp_path / f"table.{form}"
        assert main(["export", folder, "--to", form, "-o", str(file)]) == 0
        written = getattr(pd, f"read_{form}")(file)
        assert list(written.columns) == list(results.frame.columns)
    space = {name: stats.uniform(0, 1) for name in NAMES}
    preview = sweeper.preview(space, sweeper.GridSearch(points=dict.fromkeys(NAMES, 1)))
    assert list(preview.frame.columns) == list(NAMES)
    text = str(preview)
    assert all(f"\n{name} " in text for name in NAMES)
