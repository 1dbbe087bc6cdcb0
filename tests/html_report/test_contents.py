import json
import math

import pytest
import yaml
from made_records import row
from sample_sweeps import MARKUP, accurate, all_failed, made, odd, ordinary

from sweeper.analysis.certainty import winner
from sweeper.html_report import contents
from sweeper.record.looks import append_look
from sweeper.space.text import read_value

LUCKY = {(0, 0): 0.1, (0, 1): 0.5, (1, 0): 0.2, (1, 1): 0.22}


def test_the_best_configuration_can_be_copied():
    config = {"lr": 1e-5, "name": 'a "b"\n', "sizes": [64, 64], "decay": None, "on": True}
    best = contents.best(made([row(0, config=config)], dict.fromkeys(config, "")), None)
    assert read_value(best["python"].removeprefix("config = ")) == config
    assert yaml.safe_load(best["yaml"]) == config


def test_numbers_that_are_none_can_be_copied_too():
    best = contents.best(made([row(0, config={"a": math.inf, "b": math.nan})], {}), None)
    names: dict = {}
    exec(best["python"], names)
    assert repr(names["config"]) == "{'a': inf, 'b': nan}"


def test_the_best_is_the_winner_and_not_a_lucky_replicate():
    rows = [row(t, replicate=r, value=e) for (t, r), e in LUCKY.items()]
    found = made(rows, {"lr": "uniform(0, 1)"})
    assert found.best_row.trial == 1
    best = contents.best(found, winner(found))
    assert (best["trial"], best["value"]) == (1, "0.21")
    assert best["what"] == "mean validation error of trial 1 over 2 replicates"
    assert "'lr': 0.1" in best["python"]
    assert contents.best(found, None)["trial"] == 1


def test_without_a_finished_trial_there_is_no_best_one():
    assert contents.best(all_failed(), winner(all_failed())) is None


def test_facts_name_all_that_the_record_says():
    facts = dict(contents.facts(ordinary()))
    assert facts["git commit"].startswith("0123456789")
    assert facts["versions"] == "python 3.11.2, ray 2.60.0, torch 2.14.0"
    assert facts["searcher"] == "kind RandomSearch, num_trials 60"
    assert facts["seed"] == "0"
    assert dict(contents.facts(made([], {}, machine="4 cores", more=[1])))["more"] == "1"


def test_trials_planned_are_those_of_all_replicates():
    rows = [row(trial, replicate=replicate) for trial in range(2) for replicate in range(3)]
    found = made(rows, {}, num_trials=2, replicates=3)
    facts = dict(contents.facts(found))
    assert (facts["trials planned"], facts["replicates"]) == (str(len(found.frame)), "3")
    assert found.sweep["num_trials"] == 2
    assert dict(contents.facts(made([], {}, num_trials="many")))["trials planned"] == "many"


def test_statuses_and_what_is_outstanding():
    found = odd()["running"]
    counts = found.frame["status"].value_counts().to_dict()
    assert dict(contents.statuses(found)) == counts
    assert contents.outstanding(found) == 100 - sum(found.frame["status"] != "interrupted")
    rows = [row(0), row(0, replicate=1), row(0, replicate=2, status="interrupted")]
    assert contents.outstanding(made(rows, {}, num_trials=2, replicates=3)) == 4
    assert contents.outstanding(ordinary()) == 0
    assert contents.outstanding(made([], {}, num_trials="many")) == 0


def test_exceptions_come_by_frequency_with_the_first_traceback():
    ending = {"status": "failed", "value": None}
    texts = ["A", "B", "B", None]
    rows = [row(i, exception=t, traceback=f"trace {i}", **ending) for i, t in enumerate(texts)]
    first, second = contents.exceptions(made(rows, {}))
    assert (first["text"], first["count"], first["trials"]) == ("B", 2, "1, 2")
    assert (first["traceback"], second["traceback"]) == ("trace 1", "trace 0")


def test_very_many_and_very_long_exceptions_are_cut():
    ending = {"status": "failed", "value": None, "traceback": "x" * 10**6}
    rows = [row(i, exception=f"{i} " + "y" * 20_000, **ending) for i in range(300)]
    found = made(rows, {})
    assert len(contents.exceptions(found)) == contents.MOST_EXCEPTIONS
    assert len(json.dumps([contents.exceptions(found), contents.table(found)])) < 3_000_000


def test_rivals_are_the_likeliest_best_ones_if_the_noise_is_known():
    found = winner(ordinary(60, replicates=3))
    table = found.probability_best.nlargest(5, "probability")
    rivals = contents.rivals(found)
    assert [int(rival[0]) for rival in rivals] == table["trial"].tolist()
    assert rivals[0][-1] == f"{table['probability'].iloc[0]:.0%}"
    assert contents.rivals(winner(ordinary(60))) == []
    assert contents.rivals(winner(all_failed())) == []


def test_looks_at_the_test_set_are_read_and_damaged_lines_counted(tmp_path):
    look = {"time": "2026-11-23", "trial": 3, "config": {"lr": 0.1}, "test_error": 0.1629}
    append_look(tmp_path, look)
    with open(tmp_path / "test_looks.jsonl", "ab") as file:
        file.write(b'nonsense\n{"time": 1}\n[1]\n\xff\n{"test_error": "x", "trial"')
    append_look(tmp_path, {**look, "trial": MARKUP, "test_error": math.nan})
    found, unreadable = contents.looks(tmp_path)
    assert found[0] == {"time": "2026-11-23", "trial": "3", "error": "0.1629", "config": "lr 0.1"}
    assert unreadable == 6  # one was cut short; the trial of the one behind it is no number
    append_look(tmp_path, {**look, "test_error": None})
    assert [one["error"] for one in contents.looks(tmp_path)[0]] == ["0.1629", "failed"]
    assert contents.looks(None) == ([], 0)
    assert contents.looks(tmp_path / "none") == ([], 0)


@pytest.mark.parametrize("name", [name for name in odd() if name != "large"])
def test_the_table_has_all_trials_and_is_json(name):
    found = odd()[name]
    table = contents.table(found)
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert len(table["rows"]) == len(table["exceptions"]) == len(found.rows)
    assert all(len(line) == len(table["columns"]) for line in table["rows"])


def test_cells_are_what_the_frame_has():
    found = ordinary()
    table = contents.table(found)
    columns = [column["name"] for column in table["columns"]]
    for line, expected in zip(table["rows"], found.frame.to_dict("records"), strict=True):
        cells = dict(zip(columns, line, strict=True))
        assert cells["trial"] == expected["trial"]
        assert cells["learning_rate"] == pytest.approx(expected["learning_rate"], rel=1e-5)
        error = expected["validation_error"]
        near = None if math.isnan(error) else pytest.approx(error, rel=1e-5)
        assert cells["validation_error"] == near


def test_other_metrics_are_columns_of_the_table():
    found = accurate()
    table = contents.table(found)
    names = [column["name"] for column in table["columns"]]
    assert names[table["metric"] :][:3] == ["accuracy", "train_loss", "megabytes"]
    assert table["isHighGood"]
    for line, expected in zip(table["rows"], found.frame.to_dict("records"), strict=True):
        for name in ("train_loss", "megabytes"):
            cell = line[names.index(name)]
            assert (
                math.isnan(expected[name])
                if cell is None
                else cell == pytest.approx(expected[name], rel=1e-5)
            )
    best = min(range(len(found.rows)), key=table["places"].__getitem__)
    assert table["rows"][best][table["metric"]] == pytest.approx(found.best_value, rel=1e-5)


def test_the_metric_and_its_way_are_told():
    assert ("optimised", "accuracy, higher is better") in contents.facts(accurate())
    assert contents.best(accurate(), None)["what"].startswith("accuracy of trial ")


@pytest.mark.parametrize("name", ["stopped_early", "all_stopped", "ordinary", "none"])
def test_by_error_whole_trials_come_first(name):
    found = odd()[name]
    table = contents.table(found)
    order = sorted(range(len(found.rows)), key=table["places"].__getitem__)
    assert [table["groups"][i] for i in order] == sorted(table["groups"])
    of = {"finished": 0, "stopped": 1}
    assert table["groups"] == [of.get(one.status, 2) for one in found.rows]


def test_what_sets_the_table_is_told_beside_the_searcher():
    names = [name for name, _ in contents.facts(odd()["stopped_early"])]
    at = names.index("searcher")
    assert names[at + 1 : at + 3] == ["scheduler", "constraints"]
    assert ("lag (trials)", "8") in contents.facts(made([row(0)], {}, lag=8))
