"""What objectives report and ask, in sweeps of this process."""

import threading

import numpy as np
import pytest
from scipy import stats

import sweeper

SPACE = {"x": stats.uniform(0, 1), "units": [(1, 2), (3, 4)]}


@pytest.fixture
def run(tmp_path):
    def run_inline(objective, **options):
        options = {"address": "inline", "progress": False, "folder": tmp_path} | options
        limits = options.pop("limits", sweeper.Limits(first_failures=None))
        return sweeper.run(objective, SPACE, sweeper.RandomSearch(12), limits=limits, **options)

    return run_inline


def curve(config):
    return [(config["x"] - 0.3) ** 2 + config["units"][0] / epoch for epoch in range(1, 10)]


def yields(config):
    for error in curve(config):
        yield {"validation_error": error, "train_loss": 2 * error}


def reports(config):
    def callback(error):
        sweeper.report({"validation_error": error, "train_loss": 2 * error})

    for error in curve(config):
        callback(error)


def returns(config):
    for error in curve(config):
        sweeper.report(error)
    return {"validation_error": 7, "f1": 8}


@pytest.mark.parametrize("scheduler", [None, sweeper.ASHA()])
def test_a_report_is_what_a_yield_is(run, scheduler):
    yielded = run(yields, scheduler=scheduler)
    reported = run(reports, scheduler=scheduler)
    timed = ["start_s", "runtime_s", "worker", "node"]
    assert reported.frame.drop(columns=timed).equals(yielded.frame.drop(columns=timed))
    points = ["trial", "replicate", "epoch", "validation_error", "train_loss"]
    assert reported.curves[points].equals(yielded.curves[points])
    assert (yielded.frame["train_loss"] == 2 * yielded.frame["validation_error"]).all()
    if scheduler:
        assert set(yielded.frame["status"]) == {"stopped", "finished"}
    loaded = sweeper.load(reported.folder)
    assert loaded.frame.drop(columns="units").equals(reported.frame.drop(columns="units"))
    assert loaded.curves.equals(reported.curves)


def test_what_is_returned_counts_more_than_what_was_reported(run):
    results = run(returns)
    assert set(results.frame["validation_error"]) == {7.0}
    assert set(results.frame["f1"]) == {8.0}
    assert set(results.frame["epochs"]) == {9}


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", [None, sweeper.ASHA()])
@pytest.mark.parametrize("searcher", [sweeper.RandomSearch(16), sweeper.BayesianSearch(16, lag=2)])
def test_the_highest_accuracy_is_found_as_the_lowest_error_is(tmp_path, scheduler, searcher):
    def accurate(config):
        for error in curve(config):
            yield {"accuracy": -error, "train_loss": 0}

    options = {"address": "inline", "progress": False, "scheduler": scheduler}
    low = sweeper.run(yields, SPACE, searcher, folder=tmp_path / "low", **options)
    options |= {"metric": "accuracy", "mode": "max"}
    high = sweeper.run(accurate, SPACE, searcher, folder=tmp_path / "high", **options)
    for name in ("x", "units", "status", "epochs"):
        assert high.frame[name].tolist() == low.frame[name].tolist()
    assert (high.frame["accuracy"] == -low.frame["validation_error"]).all()
    assert high.best_config == low.best_config
    assert high.best_value == -low.best_error
    assert high.losses.tolist() == low.losses.tolist()
    with pytest.raises(AttributeError, match=r"optimised accuracy \(max\). Take best_value"):
        high.best_error  # noqa: B018


def test_limits_follow_the_mode(run):
    options = {"metric": "accuracy", "mode": "max"}

    def objective(config):
        return config["x"]

    whole = run(objective, **options).frame["accuracy"]
    until = run(objective, limits=sweeper.Limits(target=0.6), **options).frame["accuracy"]
    assert len(until) == whole.ge(0.6).idxmax() + 1
    patient = run(objective, limits=sweeper.Limits(patience=3), **options).frame["accuracy"]
    best = np.maximum.accumulate(whole)
    ages = [i - whole[: i + 1].idxmax() for i in range(len(whole))]
    assert len(patient) == next(i for i, age in enumerate(ages) if age >= 3) + 1
    assert patient.max() == best[len(patient) - 1]


def test_a_metric_that_is_missing_fails_with_its_name(run):
    results = run(lambda config: {"loss": 1.0}, metric="accuracy", mode="max")
    assert set(results.frame["status"]) == {"failed"}
    assert "but not 'accuracy', which is optimised" in results.rows[0].exception


def test_names_of_metrics_that_clash_are_refused_or_told_apart(run):
    def objective(config):
        return {"validation_error": 1.0, "x": 2.0, "epoch": 3.0, "trial": 4.0}

    told = r"(?s)metric='epoch': the results have.*mode must be 'min'"
    with pytest.raises(ValueError, match=told):
        run(objective, metric="epoch", mode="up")
    frame = run(objective, metric="x").frame  # beside a hyperparameter of that name
    assert frame["x"].unique().tolist() == [2]
    assert "config.x" in frame
    frame = run(objective).frame
    assert frame.loc[0, ["metric.x", "metric.epoch", "metric.trial"]].tolist() == [2, 3, 4]
    assert frame.loc[0, "trial"] == 0


def test_reports_beside_yields_or_our_trainer_are_refused(run):
    def both(config):
        yield 1.0
        sweeper.report(1.0)

    def trains(config):
        sweeper.HPOTrainer(max_epochs=1).fit(
            model=sweeper.SoftmaxRegression(num_outputs=10, lr=0.1), data=sweeper.Digits()
        )
        sweeper.report(1.0)

    assert "not both" in run(both).rows[0].exception
    assert "HPOTrainer has reported" in run(trains).rows[0].exception


def test_our_trainer_counts_epochs_of_another_metric(run):
    def objective(config):
        trainer = sweeper.HPOTrainer(max_epochs=2)
        model = sweeper.SoftmaxRegression(num_outputs=10, lr=0.1)
        trainer.fit(model=model, data=sweeper.Digits())
        return {"accuracy": 1 - trainer.validation_error()}

    row = run(objective, metric="accuracy", mode="max").rows[0]
    assert (row.status, row.epochs, row.curve) == ("finished", 2, [])


def test_outside_of_a_sweep_the_same_code_runs_alone():
    assert reports({"x": 0.5, "units": (1, 2)}) is None
    sweeper.report("anything")
    trial = sweeper.current_trial()
    assert (trial.number, trial.replicate, trial.seed, trial.config) == (None, None, None, {})
    (trial.folder / "model.pt").write_text("weights")
    assert (sweeper.current_trial().folder / "model.pt").read_text() == "weights"


def test_a_trial_knows_itself(run):
    seen = {}

    def objective(config):
        trial = sweeper.current_trial()
        seen[trial.number, trial.replicate] = trial.seed, trial.config, trial.folder
        trial.config.clear()
        inside = []
        thread = threading.Thread(target=lambda: inside.append(sweeper.current_trial()))
        thread.start()
        thread.join()
        assert inside == [trial]
        return config["x"]

    results = run(objective, replicates=2)
    expected = {row.key: (row.seed, row.config) for row in results.rows}
    assert {key: value[:2] for key, value in seen.items()} != expected  # it may change its copy
    assert {key: seed for key, (seed, _, _) in seen.items()} == {
        key: seed for key, (seed, _) in expected.items()
    }
    assert seen[7, 1][2] == (results.folder / "trials" / "7-1").absolute()
    assert all(row.config for row in results.rows)


def test_a_test_takes_what_was_reported_last(run):
    def objective(config, test=False):
        for error in curve(config):
            sweeper.report({"validation_error": error + test, "loss": 1})

    results = run(objective)
    assert sweeper.test(results, objective) == results.best_error + 1


def test_a_metric_of_which_high_is_good_wants_its_mode(run):
    for metric in ("accuracy", "val_auc", "F1"):
        with pytest.raises(ValueError, match=f"metric='{metric}': say mode='max', or mode='min'"):
            run(lambda config: {"accuracy": 0.5}, metric=metric)
    low = run(lambda config: {"f1": config["x"]}, metric="f1", mode="min")
    assert low.best_value == low.frame["x"].min()
    assert run(lambda config: {"loss": config["x"]}, metric="loss").metric.mode == "min"


@pytest.mark.parametrize("scheduler", [None, sweeper.ASHA(max_epochs=9, grace_epochs=1)])
def test_a_thread_that_outlives_its_trial_reports_to_no_other(run, scheduler):
    go, heard, left = threading.Event(), [], []

    def late():
        go.wait(60)
        heard.append(sweeper.current_trial().number)
        try:
            sweeper.report(0.0)
        except RuntimeError as error:
            heard.append(str(error))

    def leaves(config):
        if not left:
            left.append(threading.Thread(target=late, daemon=True))
            left[0].start()
            yield from curve(config)
        else:
            for error in curve(config):
                sweeper.report(error)
                go.set()
                left[0].join()

    def objective(config):
        for error in leaves(config):
            sweeper.report(error)

    found = run(objective, scheduler=scheduler, name="found")
    number, said = heard
    assert number == 0
    assert "the trial that has started it has ended" in said
    expected = run(reports, scheduler=scheduler, name="expected")
    assert found.frame["validation_error"].equals(expected.frame["validation_error"])
    assert found.frame["epochs"].equals(expected.frame["epochs"])


def test_a_thread_that_outlived_a_trial_may_run_a_sweep_of_its_own(run):
    """As in a notebook or a server, whose threads start while a sweep runs there."""
    asked, done = threading.Event(), []

    def serves():
        asked.wait(60)
        done.append(run(reports, name="second"))

    threads = [threading.Thread(target=serves)]

    def objective(config):
        if threads[0].ident is None:
            threads[0].start()
        return config["x"]

    run(objective, name="first")
    asked.set()
    threads[0].join()
    assert list(done[0].frame["epochs"]) == [9] * 12
