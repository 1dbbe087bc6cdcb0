import math
import threading
import time

import pytest
from scipy import stats
from simulated import sweep_of

import sweeper
from sweeper.record.journal import Journal
from sweeper.record.rows import Row
from sweeper.sweep.core import Core
from sweeper.sweep.interrupts import Interrupts
from sweeper.sweep.limits import Limits
from sweeper.sweep.stops import Stops

SPACE = {"x": stats.uniform(0, 1)}


@pytest.fixture
def run(tmp_path):
    """Sweeps of 40 trials in this process."""

    def run_inline(objective, **options):
        options = {"searcher": sweeper.RandomSearch(40), "name": "s"} | options
        return sweeper.run(
            objective, SPACE, folder=tmp_path, address="inline", progress=False, **options
        )

    return run_inline


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"max_failures": -1},
            r"max_failures=…\) must be an int of at least 0, but got -1",
        ),
        ({"max_failures": 1.0}, r"but got 1.0 \(float\)"),
        ({"max_failures": True}, r"but got True \(bool\)"),
        ({"time_budget_s": 0}, r"time_budget_s=…\) must be a number above 0 or None, but got 0"),
        ({"time_budget_s": math.nan}, "must be a number above 0"),
        ({"trial_time_s": "1 h"}, r"trial_time_s=…\) must be .* but got '1 h' \(str\)"),
        ({"target": math.inf}, r"target=…\) must be a finite number or None"),
        ({"total_epochs": 0}, r"total_epochs=…\) must be an int of at least 1"),
        ({"patience": 0.5}, r"patience=…\) must be an int of at least 1"),
        ({"first_failures": 0}, r"first_failures=…\) must be an int of at least 1"),
    ],
)
def test_wrong_limits(fields, message):
    with pytest.raises(ValueError, match=message):
        Limits(**fields)


def test_all_faults_at_once():
    with pytest.raises(ValueError, match="max_failures") as caught:
        Limits(max_failures=-1, patience=0, target="low")
    assert len(str(caught.value).splitlines()) == 3
    assert Limits().max_failures == 2


@pytest.mark.slow
def test_the_target_ends_the_sweep_and_a_resume_goes_on(run):
    whole = run(lambda config: config["x"], name="whole")
    first = next(row.trial for row in whole.rows if row.value <= 0.2)
    reached = run(lambda config: config["x"], limits=Limits(target=0.2))
    assert [row.trial for row in reached.rows] == list(range(first + 1))
    again = run(lambda config: config["x"], limits=Limits(target=0.2), resume=True)
    assert again.rows == reached.rows  # it has reached it
    resumed = run(lambda config: config["x"], resume=True)
    assert list(resumed.frame["validation_error"]) == list(whole.frame["validation_error"])


def test_a_target_counts_the_mean_of_replicates(run):
    def objective(config):
        return config["x"]

    reached = run(objective, limits=Limits(target=0.2), replicates=2)
    assert len(reached.rows) % 2 == 0
    assert reached.best_error <= 0.2


@pytest.mark.slow
def test_patience_counts_trials_in_their_order(run):
    errors = [row.value for row in run(lambda c: c["x"], name="whole").rows]
    end = next(
        i + 1 for i in range(40) if i >= 5 and min(errors[i - 4 : i + 1]) >= min(errors[: i - 4])
    )
    patient = run(lambda config: config["x"], limits=Limits(patience=5))
    assert len(patient.rows) == end
    again = run(lambda config: config["x"], limits=Limits(patience=5), resume=True)
    assert again.rows == patient.rows


def test_epochs_of_all_trials_are_limited(run):
    def yields(config):
        for epoch in range(10):
            yield config["x"] / (epoch + 1)

    limited = run(yields, limits=Limits(total_epochs=35))
    assert list(limited.frame["epochs"]) == [10, 10, 10, 10]
    assert set(limited.frame["status"]) == {"finished"}
    with_asha = run(yields, name="asha", scheduler=sweeper.ASHA(), limits=Limits(total_epochs=35))
    assert 35 <= with_asha.frame["epochs"].sum() < 45


@pytest.mark.slow
def test_trials_that_all_fail_alike_end_the_sweep_with_the_error_and_the_cure(run):
    trained = []

    def fails(config):
        trained.append(config)
        raise FileNotFoundError("data.csv")

    with pytest.raises(ValueError, match="The first 8 trials all failed alike") as caught:
        run(fails)
    assert "the sweep ended: FileNotFoundError: data.csv" in str(caught.value)
    assert "raise FileNotFoundError" in caught.value.__notes__[0]
    assert "Limits(first_failures=None)" in str(caught.value)
    assert len(trained) == 8
    assert len(run(fails, name="all", limits=Limits(first_failures=None)).rows) == 40


def test_as_many_must_fail_alike_as_twice_the_workers():
    core = Core(sweep_of(sweeper.RandomSearch(40)))
    stops = Stops(core, Limits(), Interrupts(), num_workers=6, say=lambda message: None)
    for failed in range(1, 13):
        trial = core.next_trial()
        row = Row(trial.trial, 0, trial.config, None, None, "failed", trial.seed)
        row.exception = "ValueError: no"
        stops.ended(core.ended(row))
        assert (stops.reason is None) == (failed < 12)
    assert "The first 12 trials all failed alike" in str(stops.reason)


def test_trials_that_fail_differently_end_nothing(run):
    def fails(config):
        raise ValueError(config["x"])

    assert len(run(fails).rows) == 40


@pytest.mark.slow
def test_a_trial_that_takes_too_long_fails_with_that_reason(run):
    def slow(config):
        while config["x"] > 0.5:
            try:
                sum(range(1000))
            except Exception:  # swallows what it can
                continue
        return config["x"]

    results = run(slow, searcher=sweeper.RandomSearch(6), limits=Limits(trial_time_s=0.3))
    for row in results.rows:
        assert (row.status == "failed") == (row.config["x"] > 0.5)
        if row.status == "failed":
            assert "ran longer than trial_time_s=0.3" in row.exception


def test_the_worker_of_a_trial_that_takes_too_long_comes_back(ray_session, tmp_path):
    def silent(config):
        if config["x"] == 1:
            time.sleep(600)
        return config["x"]

    results = sweeper.run(
        silent, {"x": [1, 2, 3]}, sweeper.GridSearch(), num_workers=1, folder=tmp_path,
        limits=Limits(trial_time_s=4), progress=False,
    )  # fmt: skip
    assert [row.status for row in results.rows] == ["failed", "finished", "finished"]
    reason = "TrialTimeOver: the trial ran longer than trial_time_s=4"
    assert results.rows[0].exception == reason


@pytest.mark.slow
def test_a_time_for_trials_of_this_process_needs_the_main_thread(run):
    def silent(config):
        time.sleep(600)

    told = {}

    def sweep(fresh: bool) -> None:
        options = {"searcher": sweeper.RandomSearch(1), "limits": Limits(trial_time_s=0.3)}
        try:
            told[fresh] = run(silent, fresh=fresh, **options).rows[0].exception
        except ValueError as error:
            told[fresh] = str(error)

    for fresh in (False, True):
        thread = threading.Thread(target=sweep, args=[fresh])
        thread.start()
        thread.join()
    assert "trial_time_s with address='inline' needs the main thread" in told[False]
    assert "ran longer than trial_time_s=0.3" in told[True]


@pytest.mark.usefixtures("ray_session")
def test_a_trial_that_ended_in_time_is_heard_although_the_driver_was_busy(tmp_path, monkeypatch):
    append, slow = Journal.append, [3.0]

    def append_slowly(journal, *rows):
        time.sleep(slow.pop() if slow else 0)  # as a disk far away
        append(journal, *rows)

    def objective(config):
        time.sleep(0.3)
        return config["x"]

    monkeypatch.setattr(Journal, "append", append_slowly)
    results = sweeper.run(
        objective, {"x": stats.uniform(0, 1)}, sweeper.RandomSearch(6), num_workers=2,
        limits=Limits(trial_time_s=2), folder=tmp_path, progress=False,
    )  # fmt: skip
    assert set(results.frame["status"]) == {"finished"}
