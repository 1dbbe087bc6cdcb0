import pytest

from sweeper.cli.main import main
from sweeper.cli.options import DEFAULTS, check, merge
from sweeper.cli.parser import parser
from sweeper.record.sweep_definition import Sweep
from sweeper.search.bayesian_search import BayesianSearch
from sweeper.search.random_search import RandomSearch

COMMAND = {"command": "true {x}", "metric": "loss", "space": ["x=1"]}
OWN = {"objective": "mine:objective", "space": ["x=1"]}


def checked(given: dict) -> None:
    check(*merge(given))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"trials": 3},
        {"searcher": "random", "trials": 3},
        {"searcher": "grid"},
        {"searcher": "grid", "points": ["3"]},
        {**OWN, "trials": 3},
        {"searcher": "bayesian", "trials": 9, "surrogate": "gp", "lag": 4},
        {"searcher": "random", "unique": True, "scheduler": "asha", "grace_epochs": 3},
        {**COMMAND, "also": ["lr"], "pattern": "(x)", "scheduler": "asha", "max_epochs": 9},
        {**COMMAND, "metric": "val_acc", "mode": "max"},
        {**OWN, "metric": "auc", "mode": "min"},
    ],
)
def test_options_that_go_together(given):
    checked(given)


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({"points": ["3"]}, ["--points: only for --searcher grid, but it is random"]),
        ({"searcher": "random", "points": ["lr=3"]}, ["--points: only for --searcher grid"]),
        (
            {"searcher": "grid", "trials": 5},
            ["--trials: only for random, Sobol and Bayesian search. Leave it out"],
        ),
        ({**OWN, "data": "digits"}, ["--data: only for sweeper's own classifier. Leave it out:"]),
        (
            {"objective": "mine:objective", "points": ["3"], "data": "digits", "batch_size": 2},
            ["--points: only", "--data, --batch-size: only", "--space NAME=VALUE: needed"],
        ),
        ({"grace_epochs": 3}, ["--grace-epochs: only for early stopping. Add --scheduler asha"]),
        ({"scheduler": "hyperband"}, ["--scheduler 'hyperband': choose asha"]),
        ({"unique": True, "lag": 3, "searcher": "sobol"}, ["--unique: only", "--lag: only"]),
        (
            {"command": "true", "objective": "mine:objective", "test": True, "model": "mlp"},
            [
                "--command together with mine:objective: only one",
                "--command: needs --metric NAME",
                "--test: not with --command",
                "--model: only",
                "--space NAME=VALUE: needed",
            ],
        ),
        ({"also": ["a"], "pattern": "(a)"}, ["--also: only for --command", "--pattern: only for"]),
        ({**OWN, "metric": "val_acc"}, ["--metric val_acc: say --mode max, or --mode min if low"]),
        ({**COMMAND, "mode": "most"}, ["--mode 'most': choose min or max"]),
        (
            {**OWN, "searcher": "bayes", "model": "mlp"},
            ["choose random or grid or", "--model: only"],
        ),
    ],
)
def test_what_would_be_ignored_is_refused_all_at_once(given, faults):
    with pytest.raises(ValueError, match=faults[0]) as caught:
        checked(given)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(faults)
    assert all(fault in line for fault, line in zip(faults, lines, strict=True))


def test_what_a_file_says_counts_as_said(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text("points: 3\n")
    with pytest.raises(ValueError, match="--points: only for --searcher grid"):
        checked({"objective": str(path)})
    checked({"objective": str(path), "searcher": "grid"})
    path.write_text("searcher: grid\ntrials: 5\n")
    with pytest.raises(ValueError, match="--trials: only for random, Sobol and Bayesian search"):
        checked({"objective": str(path)})
    path.write_text("points: null\ntrials: 5\n")
    checked({"objective": str(path)})


def test_a_file_may_have_all_options_but_debug():
    (commands,) = (action.choices for action in parser()._actions if action.choices)
    flags = {action.dest for action in commands["run"]._actions}
    assert flags - {"help", "debug"} == set(DEFAULTS)


def test_defaults_that_are_here_again_are_those_of_python():
    told = {name: DEFAULTS[name] for name in ("seed", "replicates", "fresh", "surrogate", "unique")}
    assert told == {
        "seed": Sweep.seed, "replicates": Sweep.replicates, "fresh": Sweep.fresh,
        "surrogate": BayesianSearch.model, "unique": RandomSearch.unique,
    }  # fmt: skip


def test_a_sweep_with_such_options_is_not_sent_to_a_cluster(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--points", "3", "--address", "http://127.0.0.1:1"]) == 2
    assert "--points: only for --searcher grid" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1e3", 1000),
        ("30m", 1800),
        ("1.5h", 5400),
        ("2 d", 172_800),
        (7, 7),
        ("45s", 45),
    ],
)
def test_times_are_written_as_people_do(text, seconds):
    options, _, faults = merge({"time_budget": text})
    assert (options["time_budget"], faults) == (seconds, [])


@pytest.mark.parametrize("text", ["soon", "1h30", "-5m", "1.2.3", "", True, 10**400])
def test_other_times_are_refused(text):
    with pytest.raises(ValueError, match=r"--trial-time must be seconds or a text such as 90"):
        checked({"trial_time": text})


def test_fresh_is_a_flag_and_an_entry_that_is_true_or_false(tmp_path):
    assert vars(parser().parse_args(["run", "mine:objective", "--fresh"]))["fresh"] is True
    file = tmp_path / "sweep.yaml"
    file.write_text("objective: mine:objective\nfresh: true\n")
    assert merge({"objective": str(file)})[0]["fresh"] is True
    file.write_text("objective: mine:objective\nfresh: 3\n")
    with pytest.raises(ValueError, match=r"fresh: must be true or false, but got 3 \(int\)"):
        checked({"objective": str(file)})
