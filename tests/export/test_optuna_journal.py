import json

import optuna
from exported import SPACE, hostile, made
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from sweeper.export.optuna_journal import write_optuna_journal

STATES = {"finished": TrialState.COMPLETE, "stopped": TrialState.PRUNED}


def opened(path):
    storage = JournalStorage(JournalFileBackend(str(path)))
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage)


def plain(value):
    """As JSON has it, where tuples are lists."""
    return json.loads(json.dumps(value))


def test_optuna_reads_equal_values_states_curves_and_the_same_best(tmp_path):
    results = made(tmp_path / "runs" / "one")
    write_optuna_journal(results, tmp_path / "one.log")
    study = opened(tmp_path / "one.log")
    assert study.study_name == "one"
    assert study.metric_names == ["validation_error"]
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    for trial, row in zip(study.trials, results.rows, strict=True):
        widths = json.loads(trial.params["widths"])
        assert trial.params | {"widths": widths} == plain(row.config)
        assert trial.state == STATES.get(row.status, TrialState.FAIL)
        assert trial.value == (row.value if row.status in STATES else None)
        assert trial.intermediate_values == {epoch: value for epoch, value, *_ in row.curve}
        assert trial.duration.total_seconds() == row.runtime_s
        told = {name: trial.user_attrs[name] for name in ("trial", "seed", "status", "exception")}
        assert told == {name: getattr(row, name) for name in told}
        assert trial.user_attrs["loss"] == 1.5
    assert study.best_trial.user_attrs["trial"] == results.best_row.trial == 5
    assert study.best_value == results.best_value
    assert set(SPACE) == {name for trial in study.trials for name in trial.params}
    study.tell(study.ask({"n": optuna.distributions.IntDistribution(16, 255)}), 0.5)  # goes on


def test_the_best_is_the_highest_where_high_is_good(tmp_path):
    results = made(tmp_path / "one", metric="accuracy", mode="max")
    write_optuna_journal(results, tmp_path / "one.log")
    study = opened(tmp_path / "one.log")
    assert study.best_trial.user_attrs["trial"] == results.best_row.trial
    assert study.best_value == results.best_value


def test_a_hyperparameter_of_many_texts_becomes_an_attribute(tmp_path, monkeypatch):
    monkeypatch.setattr("sweeper.export.optuna_values.MOST_CHOICES", 2)
    results = made(tmp_path / "one", trials=6)
    write_optuna_journal(results, tmp_path / "one.log")
    for trial, row in zip(opened(tmp_path / "one.log").trials, results.rows, strict=True):
        assert "act" not in trial.params
        assert trial.user_attrs["act"] == row.config["act"]


def test_a_hostile_record_is_read_by_optuna(tmp_path):
    results = hostile(tmp_path / "one")
    write_optuna_journal(results, tmp_path / "one.log")
    trials = opened(tmp_path / "one.log").trials
    assert len(trials) == len(results.rows)
    finite = [row.status == "finished" and row.value in (1e308, -1e308) for row in results.rows]
    assert [trial.state == TrialState.COMPLETE for trial in trials] == finite
    assert all(len(trial.params) == len(results.sweep["config_space"]) for trial in trials)
