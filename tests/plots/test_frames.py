import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import row
from sample_sweeps import grid, made, odd, of_categories, ordinary, stopped_early
from scipy import stats

from sweeper import analysis
from sweeper.plots import frames

COLUMNS = ["trial", "replicate", "value", "start_s", "runtime_s", "status"]


def test_trials_are_the_rows_of_the_frame():
    found = ordinary()
    expected = found.frame.rename(columns={"validation_error": "value"})
    expected = expected[[*COLUMNS, "worker", "node", "epochs"]]
    table = frames.trials(found)
    assert table.columns.tolist()[3:5] == ["start_s", "runtime_s"]
    pd.testing.assert_frame_equal(table[expected.columns], expected, check_dtype=False)


def test_errors_that_are_no_finite_numbers_are_missing():
    errors = [0.5, None, math.nan, math.inf, 10**400, 1]
    rows = [row(i, value=error) for i, error in enumerate(errors)]
    found = frames.trials(made(rows, {}))["value"]
    assert found.fillna(-1).tolist() == [0.5, -1, -1, -1, -1, 1]


def test_configurations_end_in_the_order_of_the_incumbents():
    found = ordinary(60, replicates=3)
    table, steps = frames.ended(found), analysis.incumbents(found)
    errors = table["value"].where(table["status"] == "finished", np.inf)
    assert steps["validation_error"].fillna(np.inf).tolist() == errors.cummin().tolist()
    assert steps["seconds"].tolist() == table["seconds"].tolist()


def test_cells_of_a_grid_are_means_of_what_finished():
    found = grid()
    cells = frames.grid_cells(found, "learning_rate", "momentum")
    assert cells.shape == (5, 6)
    for one in found.rows:
        config = one.config
        cell = cells.loc[config["momentum"], config["learning_rate"]]
        if one.status == "finished":
            assert cell == one.value  # two hyperparameters: one trial a cell
        else:
            assert math.isnan(cell)


def test_a_pair_has_both_positions():
    found = of_categories()
    table = frames.pair(found, "optimizer", "sizes")
    assert table["x"].tolist() == [i % 3 for i in range(12)]
    assert table["y"].isna().tolist() == [i == 3 for i in range(12)]


def test_curves_keep_the_best_and_the_ends_of_the_others():
    found = ordinary(300)
    lines = frames.curves(found, most=10)
    last = found.curves.groupby("trial")["validation_error"].last()
    assert {last.idxmin(), last.idxmax(), found.best_row.trial} <= set(lines["trial"])
    assert lines["trial"].nunique() <= 11
    assert set(lines.loc[lines["is_best"], "trial"]) == {found.best_row.trial}
    whole = frames.curves(found, most=1000)
    assert len(whole) == len(found.curves)


def test_curves_leave_out_what_is_no_number():
    curve = [[1, 0.5, 1.0], [2, math.nan, 2.0], [3, math.inf, 3.0]]
    assert frames.curves(made([row(0, curve=curve)], {}))["epoch"].tolist() == [1]


def test_the_timeline_has_a_lane_for_each_worker_and_the_longest_trials():
    found = ordinary()
    bars = frames.timeline(found)
    assert bars["lane"].nunique() == 3
    for _, lane in bars.groupby("lane"):
        assert lane["worker"].nunique() == 1
        ends = lane["start_s"] + lane["runtime_s"]
        assert (lane["start_s"].to_numpy()[1:] >= ends.to_numpy()[:-1]).all()
    few = frames.timeline(found, most=5)
    assert set(few["runtime_s"]) == set(found.frame["runtime_s"].nlargest(5))


def test_intervals_of_replicates_are_those_of_scipy():
    found = ordinary(20, replicates=3)
    table = frames.replicates(found, confidence=0.8)
    frame = found.frame[found.frame["status"] == "finished"]
    assert table["mean"].is_monotonic_increasing
    assert len(table) >= 5
    for one in table.itertuples():
        errors = frame.loc[frame["trial"] == one.trial, "validation_error"]
        low, high = stats.t.interval(0.8, len(errors) - 1, errors.mean(), stats.sem(errors))
        assert (one.n, one.mean) == (len(errors), pytest.approx(errors.mean()))
        assert (one.low, one.high) == (pytest.approx(low), pytest.approx(high))


@given(st.lists(st.floats(0, 1) | st.just(math.nan), max_size=80), st.integers(10, 40))
def test_thinning_keeps_order_and_the_best(errors, most):
    frame = pd.DataFrame({"loss": np.array(errors, dtype=float), "status": "finished"})
    kept = frames.thin(frame, most)
    assert len(kept) <= most
    assert kept.index.is_monotonic_increasing
    assert kept.index.is_unique
    if len(errors) <= most:
        assert len(kept) == len(errors)
    elif np.isfinite(errors).any():
        assert kept["loss"].min() == frame["loss"].min()


def test_thinning_keeps_the_best_that_finished_though_stopped_ones_look_better():
    errors = np.r_[np.linspace(0.5, 0.9, 90), np.linspace(0, 0.1, 90)]
    status = ["finished"] * 90 + ["stopped"] * 90
    kept = frames.thin(pd.DataFrame({"loss": errors, "status": status}), 40)
    assert kept["loss"][kept["status"] == "finished"].iloc[:4].tolist() == (errors[:4].tolist())


def test_curves_of_stopped_trials_end_at_their_rung():
    found = stopped_early()
    table = frames.curves(found)
    ends = table.groupby("trial")["epoch"].max()
    of = {one.trial: one for one in found.rows}
    for trial, part in table.groupby("trial"):
        assert part["stopped"].all() == (of[trial].status == "stopped")
        if of[trial].status == "stopped":
            assert ends[trial] == of[trial].epochs
    assert not table["stopped"][table["is_best"]].any()
    assert table["stopped"].any()


@given(st.integers(0, 500), st.integers(1, 100))
def test_spread_numbers_reach_from_end_to_end(n, most):
    found = frames.spread(n, most).tolist()
    assert len(found) == min(n, most)
    assert found[:1] == [0][:n]
    assert most == 1 or found[-1:] == [n - 1][:n]


def test_data_of_every_odd_sweep_is_one_row_a_trial():
    for name, found in odd().items():
        assert len(frames.trials(found)) == len(found.rows), name
