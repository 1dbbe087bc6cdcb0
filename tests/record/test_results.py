import random
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import mutated, row, sweep

from sweeper.record.columns import best_first, columns_for
from sweeper.record.journal import Journal
from sweeper.record.results import COLUMNS, Results, load
from sweeper.search.metric import Metric
from sweeper.space.checks import RESULT_COLUMNS
from sweeper.terminal import printable


def results(rows, names=("lr",)) -> Results:
    return Results(None, {"config_space": dict.fromkeys(names, "")}, rows)


def random_rows(n: int) -> list[dict]:
    rng = np.random.default_rng(0)
    statuses = ["finished", "diverged", "failed", "stopped", "interrupted"]
    return [row(i, status=str(rng.choice(statuses)), value=float(rng.random())) for i in range(n)]


def test_the_frame_has_the_promised_columns():
    frame = results([row(1), row(0)]).frame
    assert list(frame.columns) == [
        *("trial", "replicate", "lr", "validation_error", "epochs", "status", "seed"),
        *("start_s", "runtime_s", "worker", "node", "exception"),
    ]
    assert list(frame["trial"]) == [0, 1]
    assert frame["lr"].dtype == frame["validation_error"].dtype == np.float64
    assert frame["epochs"].dtype == pd.Int64Dtype()


def test_missing_values_stay_missing():
    frame = results([row(value=None, epochs=None, status="failed")]).frame
    assert frame["validation_error"].isna().all()
    assert frame["epochs"].isna().all()


def test_values_of_mixed_kinds_are_kept_as_they_are():
    values = [1, 1.0, True, None, "a", [1, 2], {"b": 3}, 10**30]
    frame = results([row(i, config={"lr": value}) for i, value in enumerate(values)]).frame
    assert [repr(value) for value in frame["lr"]] == [repr(value) for value in values]


@pytest.mark.parametrize("value", [10**30, 2**63, -(2**63) - 1])
def test_integers_too_large_for_numpy_are_kept(value):
    frame = results([row(0, config={"lr": value})]).frame
    assert list(frame["lr"]) == [value]


def test_the_best_is_the_lowest_finished_one():
    rows = random_rows(200)
    found = results(rows)
    frame = found.frame[found.frame["status"] == "finished"]
    assert found.best_error == frame["validation_error"].min()
    assert found.best_config == {"lr": frame.loc[frame["validation_error"].idxmin(), "lr"]}


def test_ties_go_to_the_earlier_trial():
    assert results([row(2), row(1), row(3)]).best_row.trial == 1


def test_nothing_wins_when_nothing_has_finished():
    lost = results([row(status="failed", value=None, exception="ValueError: no")])
    with pytest.raises(LookupError, match=r"has finished \(1 failed\).*ValueError: no"):
        _ = lost.best_config
    assert "no best one" in repr(lost)


def test_curves_are_one_row_an_epoch():
    curves = results([row(0), row(1, curve=[])]).curves
    assert curves.to_dict("list") == {
        "trial": [0, 0],
        "replicate": [0, 0],
        "epoch": [1, 2],
        "validation_error": [0.6, 0.5],
        "elapsed_s": [0.7, 1.4],
    }


def test_an_empty_sweep_has_empty_frames():
    empty = results([])
    assert len(empty.frame) == len(empty.curves) == 0
    assert empty.statuses() == "no trial has ended"
    assert empty.table() == "no trial has ended"
    assert "no trial has ended" in str(empty)


def test_the_table_shows_the_best_first_and_leaves_out_what_tells_nothing():
    rows = [row(0, value=0.9), row(1, value=0.123456)]
    lines = results(rows).table().splitlines()
    assert "0.1235" in lines[1]
    assert "0.9" in lines[2]
    assert "exception" not in lines[0]
    assert "replicate" not in lines[0]


def test_the_table_shows_failures_last_and_short():
    rows = [row(0, status="failed", value=None, exception="E: " + "x" * 500), row(1)]
    lines = results(rows).table().splitlines()
    assert "E: xxx" in lines[2]
    assert len(lines[2]) < 200


def test_a_long_table_says_what_it_leaves_out():
    assert results(random_rows(50)).table(most=5).endswith("… and 45 more trials")


def test_load_needs_neither_ray_nor_torch(tmp_path):
    writer = Journal(sweep(tmp_path, config_space={"lr": "uniform(0, 1)"}))
    writer.append(row(0))
    code = (
        "import sys, sweeper; r = sweeper.load(sys.argv[1]); r.frame; r.curves; r.best_config;"
        "print({'torch', 'ray', 'scipy.stats'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]  # while the journal is open and locked
    assert subprocess.run(command, capture_output=True, text=True).stdout == "set()\n"
    writer.close()
    assert load(tmp_path).best_error == 0.5


def test_the_summary_has_one_row_a_configuration():
    rng = np.random.default_rng(1)
    rows = [
        row(t, replicate=r, value=float(rng.random()), config={"lr": t})
        for t in range(4)
        for r in range(3)
    ]
    rows[4] = replace(rows[4], status="failed", value=None)
    for r in (6, 7, 8):
        rows[r] = replace(rows[r], status="diverged", value=np.inf)
    several = results(rows)
    several.sweep["replicates"] = 3
    summary = several.summary
    assert list(summary.columns) == ["trial", "lr", "validation_error", "standard_error", "count"]
    assert list(summary["count"]) == [3, 2, 0, 3]
    for t, chosen in ((0, [0, 1, 2]), (1, [3, 5]), (3, [9, 10, 11])):
        errors = np.array([rows[i].value for i in chosen])
        assert summary["validation_error"][t] == pytest.approx(errors.mean())
        expected = errors.std(ddof=1) / np.sqrt(len(errors))
        assert summary["standard_error"][t] == pytest.approx(expected)
    assert np.isnan(summary["validation_error"][2])
    best = summary.loc[[0, 3]]["validation_error"].idxmin()  # trial 1 lacks a replicate
    assert several.best_config == {"lr": best}
    assert several.best_error == summary["validation_error"][best]
    assert results([]).summary.empty


def test_half_a_surrogate_pair_in_a_record_does_no_harm():
    config = {"a\ud800": "x\udfff", "b": 1.0}
    odd = results([row(0, config=config, exception="E\ud800")], names=("a\ud800", "b"))
    assert list(odd.frame.columns[2:4]) == ["a?", "b"]
    assert odd.summary["b"][0] == 1.0
    assert "\\udfff" in odd.table()


def test_the_names_that_get_a_prefix_are_those_of_columns():
    assert set(RESULT_COLUMNS) == COLUMNS | {Metric.name}


def test_names_that_columns_of_results_have_get_a_prefix():
    odd = results([row(0, config={"trial": 7, "status": "x"})], names=("trial", "status"))
    assert odd.frame["config.trial"][0] == 7
    assert odd.summary["config.status"][0] == "x"
    assert odd.frame["trial"][0] == 0


def test_a_notebook_shows_the_best_trials_and_no_markup_of_the_sweep():
    rows = [row(t, value=1 / (t + 1), exception="<script>") for t in range(20)]
    page = results(rows)._repr_html_()
    assert "<script>" not in page
    assert "20 finished" in page
    assert page.count("<tr") == 11


@pytest.mark.slow
def test_mutated_records_are_shown_or_refused_cleanly(tmp_path):
    """What reads as a record can be looked at in every way, whatever is in it."""
    writer = Journal(sweep(tmp_path, config_space={"lr": "uniform(0, 1)", "n": "[1, 2]"}))
    for trial in range(4):
        status = ["finished", "diverged", "failed", "finished"][trial]
        writer.append(row(trial, config={"lr": 0.1 * trial, "n": 1}, status=status))
    writer.close()
    files = [tmp_path / "trials.jsonl", tmp_path / "sweep.json"]
    originals = [path.read_bytes() for path in files]
    rng = random.Random(0)
    read = 0
    for i in range(1_000):
        path, original = files[i % 2], originals[i % 2]
        path.write_bytes(mutated(original, rng))
        try:
            found = load(tmp_path)
        except ValueError:
            continue
        finally:
            path.write_bytes(original)
        read += 1
        assert len(found.frame) == len(found.rows)
        assert set(found.curves.columns) >= {"trial", "epoch"}
        assert len(found.summary) <= len(found.rows)
        assert printable(str(found)) == str(found)
        assert found._repr_html_().startswith("<p>&lt;Results")
    assert read > 250


def test_absent_hyperparameters_are_empty_in_the_frame():
    space = {"whole": "", "part": "", "flag": "", "word": "", "none": "", "mixed": ""}
    there = {"whole": 3, "part": 0.5, "flag": True, "word": "x", "none": None, "mixed": "y"}
    frame = results([row(0, config=there), row(1, config={"mixed": 2})], names=space).frame
    assert frame.loc[0, list(space)].tolist() == list(there.values())
    assert frame.loc[1, list(space)[:-1]].isna().all()
    assert [str(frame[name].dtype) for name in space][:3] == ["Int64", "float64", "boolean"]
    assert "<NA>" not in results([row(0, config=there), row(1, config={})], names=space).table()


def test_the_table_lists_stopped_trials_after_whole_ones_whatever_their_error():
    ends = [("stopped", 0.1, 3), ("failed", None, None), ("finished", 0.9, 27), ("stopped", 0.4, 9)]
    ends += [("stopped", 0.3, 9), ("finished", 0.5, 27), ("stopped", float("nan"), 3)]
    ends += [("interrupted", 0.2, 4), ("diverged", float("inf"), 2), ("stopped", 0.0, None)]
    rows = [
        row(i, status=status, value=error, epochs=epochs)
        for i, (status, error, epochs) in enumerate(ends)
    ]
    found = Results(Path("x"), {"config_space": {"status": "1", "_group": "2"}}, rows)
    order = [5, 2, 4, 3, 0, 6, 9, 7, 8, 1]
    assert best_first(found.frame, found.losses)["trial"].tolist() == order
    assert [int(line.split()[0]) for line in found.table().splitlines()[1:]] == order
    assert found.best_row.trial == 5


@pytest.mark.parametrize("folder", [3, None, ["runs"], "a\0b"])
def test_a_folder_that_is_no_path(folder):
    with pytest.raises(TypeError, match="folder must be a path, such as 'runs/first', but got"):
        load(folder)


@pytest.mark.parametrize(
    "fields", [{"metric": "status"}, {"metric": "epoch"}, {"metric": ["a"]}, {"mode": "up"}]
)
def test_a_metric_that_no_sweep_can_have_is_a_damaged_record(tmp_path, fields):
    sweep(tmp_path, **fields)
    with pytest.raises(ValueError, match=r"sweep\.json: damaged\. (metric|mode)"):
        load(tmp_path)


@given(
    st.lists(st.sampled_from(["trial", "a", "\udc80", "\udc81", "?"]), max_size=5).flatmap(
        lambda names: st.permutations([*names, *(f"x.{name}" for name in names)])
    )
)
def test_every_name_has_a_column_of_its_own(names):
    columns = columns_for(names, "x.", {"trial", "epochs"})
    assert list(columns) == list(dict.fromkeys(names))
    assert len(set(columns.values())) == len(columns)
    assert {"trial", "epochs"}.isdisjoint(columns.values())
    for name, column in columns.items():
        column.encode()
        assert column.endswith(name.encode("utf-8", "replace").decode())
    assert columns.get("a", "a") == "a"


def test_a_name_beside_the_one_that_another_is_given(tmp_path):
    space = dict.fromkeys(("trial", "config.trial", "config.config.trial"), "[1]")
    with closing(Journal(sweep(tmp_path, config_space=space))) as journal:
        journal.append(row(0, config=dict(zip(space, (1, 2, 3), strict=True))))
    results = load(tmp_path)
    assert len(set(results.frame.columns)) == len(results.frame.columns)
    assert results.frame["config.trial"].tolist() == [2]
    assert results.frame["config.config.config.trial"].tolist() == [1]
