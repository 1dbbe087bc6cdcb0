"""A resume goes on with the same objective, or says what is another one; without Ray."""

import functools
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import numpy as np
import pytest
from made_results import made
from scipy import stats

import sweeper
from sweeper.analysis.repetitions import labels
from sweeper.record.objective_changes import check_objective, other_changes
from sweeper.worker.objective_reference import describe_objective

SPACE = {"x": stats.uniform(0, 1)}
WEIGHT = 1


@pytest.fixture
def run(tmp_path):
    """A sweep in this process; `resume` goes on with it with 4 trials instead of 2."""

    def run(objective, resume=False, **options):
        options = {
            "folder": tmp_path,
            "name": "s",
            "address": "inline",
            "progress": True,
            "report": False,
        } | options
        searcher = sweeper.RandomSearch(4 if resume else 2)
        return sweeper.run(objective, SPACE, searcher, resume=resume, **options)

    return run


class Study:
    def __init__(self, k):
        self.k = k
        self.calls = 0

    def objective(self, config):
        self.calls += 1
        return self.k * config["x"]


class Called(Study):
    def __call__(self, config):
        return self.objective(config)


@dataclass
class Scaled:
    k: object

    def __call__(self, config):
        return float(np.sum(self.k)) * config["x"]


def closure(k):
    return lambda config: float(np.sum(k)) * config["x"]


def with_default(k):
    def objective(config, k=k):
        return k * config["x"]

    return objective


def helped(k):
    def helper(x):
        return k * x

    return lambda config: helper(config["x"])


def in_a_list(k):
    settings = {"layers": [1, k]}
    return lambda config: settings["layers"][1] * config["x"]


OF_ANOTHER_VALUE = {
    "a bound object": (lambda k: Study(k).objective, "self.k: was 1, is 100"),
    "an object that is called": (Called, "self.k: was 1, is 100"),
    "a field": (Scaled, "fixed_arguments: was {'k': '1'}, is {'k': '100'}"),
    "an array in a field": (lambda k: Scaled(np.full(2, k)), r"self.k: was array \(2,\) int64 "),
    "partial": (lambda k: functools.partial(closure, k), "fixed_arguments"),
    "a closure": (closure, r"k of .*closure.<lambda>: was 1, is 100"),
    "an array": (lambda k: closure(np.arange(k + 1)), r"k of .*: was array \(2,\) int64 .*, is "),
    "a default": (with_default, "default k of .*: was 1, is 100"),
    "a function that is called": (helped, r"k of .*helped\.helper: was 1, is 100"),
    "an entry": (in_a_list, r"settings of .*: was \{'layers': \[1, 1\]\}, is \{'layers': \[1, 100"),
    "another function": (
        lambda k: closure(np.sin if k == 1 else np.cos),
        r"was (numpy\.)?sin, is (numpy\.)?cos",
    ),
}


@pytest.mark.parametrize("kind", OF_ANOTHER_VALUE)
def test_another_value_is_refused_and_the_same_is_not(run, capsys, kind):
    make, message = OF_ANOTHER_VALUE[kind]
    if kind in ("another function", "partial"):  # which give no number
        results = run(lambda config: config["x"])
        described = json.loads((results.folder / "sweep.json").read_text())
        described |= describe_objective(make(1))
        with pytest.raises(ValueError, match=message):
            check_objective(described, make(100), print)
        check_objective(described, make(1), print)
        return
    first = run(make(1))
    record = (first.folder / "sweep.json").read_bytes()
    with pytest.raises(ValueError, match=f"it holds another sweep:\n  .*{message}"):
        run(make(100), resume=True)
    for judge in (sweeper.test, sweeper.confirm):
        with pytest.raises(ValueError, match=f"computes something else than .*\n  .*{message}"):
            judge(first, make(100))
    assert (first.folder / "sweep.json").read_bytes() == record
    capsys.readouterr()
    grown = run(make(1), resume=True)
    assert len(grown.rows) == 4
    assert "Note" not in capsys.readouterr().err


def test_a_global_value(run, monkeypatch):
    def objective(config):
        return WEIGHT * config["x"]

    run(objective)
    monkeypatch.setattr(sys.modules[__name__], "WEIGHT", 100)
    with pytest.raises(ValueError, match=r"test_objective_changes\.WEIGHT: was 1, is 100"):
        run(objective, resume=True)


MINE = """
    import os, sys
    import sweeper
    from near import helper
    from scipy import stats

    WHERE = os.environ["WHERE"]

    def objective(config, test=False):
        assert WHERE
        return helper(config["x"])

    if __name__ == "__main__":
        sweeper.run(
            objective, {"x": stats.uniform(0, 1)}, sweeper.RandomSearch(int(sys.argv[1])),
            name="s", resume=True, address="inline", report=False,
        )
"""


def script(tmp_path, trials, near="return x", where="here", **options):
    (tmp_path / "mine.py").write_text(textwrap.dedent(MINE))
    (tmp_path / "near.py").write_text(f"def helper(x):\n    {near}\n")
    environment = {**os.environ, "WHERE": where, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(tmp_path / "mine.py"), str(trials)]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, **{"cwd": tmp_path} | options
    )


@pytest.mark.slow
def test_changed_sources_and_surroundings_and_another_directory_are_named(tmp_path):
    assert script(tmp_path, 1).returncode == 0
    quiet = script(tmp_path, 2)
    assert "Note" not in quiet.stderr
    other = tmp_path / "an other"
    other.mkdir()
    (tmp_path / "runs").rename(other / "runs")
    noted = script(tmp_path, 3, "return 2 * x", "elsewhere", cwd=other)
    assert (
        "Note: the source of near.helper, which the objective uses, has changed since"
        in noted.stderr
    )
    assert "Note: mine.WHERE, which the objective uses, was 'here', is 'elsewhere'." in noted.stderr
    assert noted.returncode == 0
    assert f"the sweep began in {tmp_path}, but this is {other}" in noted.stderr
    assert f"(cd {tmp_path})" in noted.stderr
    described = json.loads((other / "runs" / "s" / "sweep.json").read_text())
    assert ["objective_state" in one for one in described["resumed"]] == [False, True]
    assert described["directory"] == str(tmp_path)
    assert [one["directory"] for one in described["resumed"]] == [str(tmp_path), str(other)]


def test_a_job_of_a_cluster_has_no_directory_of_its_own(tmp_path, monkeypatch, run):
    job = tmp_path / "working_dir_files" / "_ray_pkg_1"
    job.mkdir(parents=True)
    monkeypatch.chdir(job)
    assert run(closure(1)).sweep["directory"] is None


def test_older_records_go_on_and_are_told_of_from_then_on(run, capsys):
    folder = run(closure(1)).folder
    path = folder / "sweep.json"
    described = json.loads(path.read_text())
    del described["objective_state"], described["directory"]
    path.write_text(json.dumps(described))
    assert len(run(closure(100), resume=True).rows) == 4  # nobody knows better
    assert "Note" not in capsys.readouterr().err
    with pytest.raises(ValueError, match="was 100, is 1"):
        run(closure(1), resume=True)
    assert sweeper.load(folder).best_row is not None
    assert labels([sweeper.load(folder), made([1])])


def test_other_values_are_no_repetitions():
    def state(k):
        return {"objective_state": {"sources": {}, "values": {"self.k": str(k)}}}

    one, same, other = (
        made([1], seed=seed, folder=f"runs/{seed}", **state(k)) for seed, k in enumerate((1, 1, 2))
    )
    assert labels([one, same]) == ["RandomSearch"] * 2
    assert labels([one, same, other]) == ["RandomSearch · 0"] * 2 + ["RandomSearch · 2"]
    assert labels([one, made([1], seed=9)]) == ["RandomSearch"] * 2  # an older one does not say


def test_a_changed_objective_is_noted_by_test_and_confirm(run, capsys):
    results = run(lambda config: config["x"])

    def renamed(config, test=False):
        return config["x"]

    capsys.readouterr()
    assert sweeper.test(results, renamed) == results.best_error
    assert "Note: the objective was " in capsys.readouterr().err
    sweeper.confirm(results, renamed, top=1, replicates=2, address="inline", progress=False)
    assert capsys.readouterr().err == ""


def test_many_changed_sources_are_one_short_note():
    def described(text):
        sources = {f"near.f{i}": text for i in range(9)} | {"mine.f": text, "near.N": text}
        state = {"sources": sources | {"near.N.g": text}, "values": {}, "surroundings": {}}
        return {"objective": "mine:f", "objective_source": text, "objective_state": state}

    (note,) = other_changes(described("old"), described("new"))
    assert note == (
        "the source of the objective and of near.f0, near.f1, near.f2, near.f3, near.f4 and 5 "
        "more, which the objective uses, has changed since the sweep began."
    )
    assert other_changes(described("old"), described("old")) == []
