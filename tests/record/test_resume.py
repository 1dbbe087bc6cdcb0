"""Sweeps that go on where their record ends."""

import functools
import json
import math
import os
from pathlib import Path

import pandas as pd
import pytest
from made_records import row
from scipy import stats

import sweeper
from sweeper.record import journal
from sweeper.record.provenance import describe_sweep
from sweeper.record.resume import obstacles, rebuild
from sweeper.record.sweep_definition import check_sweep
from sweeper.space.config_space import draw, trial_seed
from sweeper.sweep.execution import Execution
from sweeper.sweep.sweep import run_sweep

SPACE = {"x": stats.uniform(0, 1), "units": [(1, 2), (3, 4)]}
TIMED = ["start_s", "runtime_s", "worker", "node"]


def objective(config, factor=1.0):
    return factor * config["x"]


@pytest.fixture
def run(run_inline):
    return run_inline


@pytest.fixture
def half_done(tmp_path):
    """The record of a sweep of 6 trials that was killed after 3, as a run would have left it."""

    def make(objective=objective, space=SPACE) -> Path:
        folder = tmp_path / "runs" / "s"
        folder.mkdir(parents=True)
        sweep = describe_sweep(check_sweep(objective, space, sweeper.RandomSearch(6)))
        journal.write_json(folder / "sweep.json", sweep)
        record = journal.Journal(folder)
        for trial in (2, 0, 3):
            config = draw(space, 0, trial)
            record.append(
                row(
                    trial,
                    config=config,
                    seed=trial_seed(0, trial),
                    value=objective(config),
                    epochs=None,
                    curve=[],
                )
            )
        record.close()
        return folder

    return make


def resume(run, objective=objective, space=SPACE, searcher=None, **options):
    searcher = searcher or sweeper.RandomSearch(6)
    return run(objective, space, searcher, name="s", resume=True, **options)


def logging(log: Path):
    """An objective that writes down each of its trials."""

    def objective(config):
        with open(log, "a") as file:
            file.write(f"{config['x']}\n")
        assert isinstance(config["units"], tuple)
        return config["x"]

    return objective


def test_the_rest_is_run_and_nothing_twice(run, half_done, tmp_path):
    log = tmp_path / "log.txt"
    whole = run(logging(log), SPACE, sweeper.RandomSearch(6), name="whole")
    folder = half_done(logging(log))
    done = {row.config["x"] for row in sweeper.load(folder).rows}
    log.unlink()
    results = resume(run, logging(log))
    again = [float(line) for line in log.read_text().splitlines()]
    assert len(again) == 3
    assert not done & set(again)
    pd.testing.assert_frame_equal(
        results.frame.drop(columns=TIMED), whole.frame.drop(columns=TIMED), check_exact=True
    )
    loaded = sweeper.load(folder).frame
    assert list(map(tuple, loaded["units"])) == list(results.frame["units"])
    pd.testing.assert_frame_equal(
        loaded.drop(columns="units"), results.frame.drop(columns="units"), check_exact=True
    )
    kept = results.frame["trial"].isin(
        [row.trial for row in results.rows if row.config["x"] in done]
    )
    ends = (results.frame["start_s"] + results.frame["runtime_s"])[kept]
    assert results.frame["start_s"][~kept].min() >= ends.max()


def test_a_finished_sweep_needs_no_ray(run, half_done, capfd):
    half_done()
    resume(run)
    capfd.readouterr()
    results = resume(run, progress=True, address="host:1")  # would be refused
    assert len(results.rows) == 6
    assert "all 6 trials are recorded" in capfd.readouterr().err


def test_more_trials_and_more_replicates(run, half_done):
    half_done()
    grown = resume(run, searcher=sweeper.RandomSearch(8), replicates=2)
    assert [row.config for row in grown.rows[::2]] == [draw(SPACE, 0, t) for t in range(8)]
    assert list(grown.frame["replicate"]) == [0, 1] * 8
    sweep = sweeper.load(grown.folder).sweep
    assert (sweep["num_trials"], sweep["replicates"], len(sweep["resumed"])) == (8, 2, 1)
    with pytest.raises(ValueError, match="was 8, is 6; it may only grow: for 6 more, it is 14"):
        resume(run, replicates=2)


def test_resume_without_a_sweep_of_that_name_begins_one(run):
    assert len(resume(run).rows) == 6


def test_a_crash_before_the_first_byte_is_a_fresh_start(run, tmp_path):
    (tmp_path / "runs" / "s").mkdir(parents=True)
    (tmp_path / "runs" / "s" / ".sweep.json.123").write_text('{"form')
    assert len(resume(run).rows) == 6


def test_a_folder_that_holds_something_else_is_left_alone(run, tmp_path):
    (tmp_path / "runs" / "s").mkdir(parents=True)
    (tmp_path / "runs" / "s" / "thesis.tex").write_text("dear")
    with pytest.raises(FileNotFoundError, match="no sweep here"):
        resume(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {**SPACE, "x": stats.uniform(0, 2)}}, r"\['x'\]: was uniform\(0, 1\), is unif"),
        ({"space": {"x": SPACE["x"]}}, r"\['units'\]: was .*, is gone"),
        ({"space": {**SPACE, "new": 1}}, r"\['new'\]: is new"),
        ({"seed": 1}, "seed: was 0, is 1"),
        ({"searcher": sweeper.RandomSearch(5)}, "num_trials: was 6, is 5; it may only grow"),
        ({"searcher": sweeper.GridSearch(points=5)}, "searcher: was .*RandomSearch.*GridSearch"),
        ({"resources": sweeper.Resources(cpus=2)}, "resources: was .*, is "),
        ({"objective": functools.partial(objective, factor=2.0)}, "fixed_arguments: was {}, is"),
    ],
)
def test_another_sweep_is_refused_with_the_difference(run, half_done, change, message):
    folder = half_done()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(ValueError, match=message):
        resume(run, **change)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("versions", {"numpy": "1.0", "scipy": "1.0"}, "numpy: was 1.0, is .*\n.*scipy: was 1.0"),
        ("digest_of_first_draws", "0", "the first 16 configurations are drawn differently"),
    ],
)
def test_another_record_is_refused(run, half_done, name, change, message):
    folder = half_done()
    journal.write_json(folder / "sweep.json", {**sweeper.load(folder).sweep, name: change})
    with pytest.raises(ValueError, match=message):
        resume(run)


def test_a_row_that_is_no_draw_of_this_sweep_is_refused(run, half_done):
    folder = half_done()
    path = folder / "trials.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["config"]["x"] = 0.123
    rows[1]["seed"] += 1
    rows[2]["trial"] = 17
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ValueError, match="is drawn as") as caught:
        resume(run)
    assert "has another seed on record" in str(caught.value)
    assert "trial 17, replicate 0: is on record, but not in the sweep" in str(caught.value)


def test_a_changed_objective_is_only_a_warning(run, half_done, capfd):
    half_done(lambda config: config["x"])
    resume(run, lambda config: config["x"] + 0.0, progress=True)
    assert "the source of the objective has changed" in capfd.readouterr().err


def test_a_second_process_is_told(run, half_done):
    folder = half_done()
    first = journal.Journal(folder)
    with pytest.raises(BlockingIOError, match="another process is running this sweep"):
        resume(run)
    first.close()


def test_interrupted_trials_always_and_failed_ones_on_demand(run, tmp_path):
    flag = tmp_path / "fixed"

    def breaks(config):
        if config["x"] < 0.6 and not flag.exists():
            raise ValueError("not yet")
        return math.nan if config["x"] > 0.7 else config["x"]

    first = run(breaks, SPACE, sweeper.RandomSearch(6), name="s")
    path = first.folder / "trials.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    interrupted = next(row for row in rows if row["status"] == "finished")
    interrupted |= {"status": "interrupted", "validation_error": None}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    flag.touch()
    statuses = list(resume(run, breaks).frame["status"])
    assert statuses == list(first.frame["status"])
    assert set(statuses) == {"finished", "failed", "diverged"}
    assert set(resume(run, breaks, retry_failed=True).frame["status"]) == {"finished", "diverged"}
    assert set(sweeper.load(first.folder).frame["status"]) == {"finished", "diverged"}


def test_rebuilt_from_the_record(run):
    first_config = {"x": 0.5, "units": (3, 4)}
    searcher = sweeper.RandomSearch(3, initial_configs=[first_config])
    results = run(functools.partial(objective, factor=2.0), SPACE, searcher, seed=7, name="s")
    sweep = rebuild(sweeper.load(results.folder).sweep, None)
    assert sweep.searcher == searcher
    assert sweep.objective(first_config) == 1.0
    elsewhere = Execution(
        name="again", folder=results.folder.parent, address="inline", progress=False
    )
    again = run_sweep(sweep, elsewhere)
    pd.testing.assert_frame_equal(
        again.frame.drop(columns=TIMED), results.frame.drop(columns=TIMED), check_exact=True
    )


def test_what_the_record_alone_cannot_tell_is_said(run):
    class Own(stats.rv_continuous):
        def _pdf(self, x):
            return 1.0 * (x >= 0) * (x <= 1)

        def _ppf(self, q):
            return q

    def of_data(config, data):
        return config["x"] + data

    space = {"x": Own(a=0, b=1)()}
    results = run(of_data, space, sweeper.RandomSearch(2), data=1, name="s")
    sweep = sweeper.load(results.folder).sweep
    assert len(obstacles(sweep)) == 3
    with pytest.raises(ValueError, match="only go on from code") as caught:
        rebuild(sweep, None)
    for text in ("['x'] have no text form", "data= was given", "can't be found by its name"):
        assert text in str(caught.value)
    more = run(of_data, space, sweeper.RandomSearch(3), data=1, name="s", resume=True)
    assert len(more.rows) == 3
    assert os.path.samefile(more.folder, results.folder)
