"""Sweeps that go on in folders that this user has not made, as `sweeper resume` sees them."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from scipy import stats

import sweeper
from sweeper.cli.main import main

MINE = """
open("it-ran", "a").close()

def objective(config):
    return config["x"]

def other(config):
    return config["x"]
"""
HERE = ["--address", "inline", "--no-report", "--quiet"]


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """The folder of a sweep that this user has run, with room for another trial."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    command = ["run", "mine.py:objective", "--space", "x=uniform(0,1)", "--trials", "2"]
    assert cli(*command, "--name", "own", *HERE) == 0
    Path("it-ran").unlink()
    return tmp_path / "runs" / "own"


@pytest.fixture
def foreign(own) -> Path:
    """The same from elsewhere: nothing is known here of how it was made."""
    return own.rename(own.with_name("foreign"))


def cli(*arguments: str) -> int:
    """The exit code of the command, in a process that has loaded none of its code yet."""
    sys.modules.pop("mine", None)
    return main(arguments)


def resume(folder: Path, *arguments: str) -> int:
    return cli("resume", str(folder), *arguments, "--trials", "3", *HERE)


def statuses(folder: Path) -> list[str]:
    return list(sweeper.load(folder).frame["status"])


def test_an_own_sweep_goes_on_without_being_asked(own):
    assert resume(own) == 0
    assert statuses(own) == ["finished"] * 3
    assert Path("it-ran").exists()


def test_a_foreign_one_wants_its_objective_named_once(foreign, capsys):
    assert resume(foreign) == 2
    said = capsys.readouterr().err
    assert (
        f"would run mine:objective of {Path('mine.py').absolute()}, which only the folder names"
        in said
    )
    assert "Name the objective: sweeper resume runs/foreign file.py:function." in said
    assert not Path("it-ran").exists()
    assert statuses(foreign) == ["finished"] * 2
    assert resume(foreign, "mine.py:objective") == 0
    assert statuses(foreign) == ["finished"] * 3
    assert cli("resume", str(foreign), "--trials", "4", *HERE) == 0
    assert statuses(foreign) == ["finished"] * 4


def test_it_is_not_confirmed_either(foreign, capsys):
    confirm = ["confirm", str(foreign)]
    options = ["--replicates", "2", "--address", "inline"]
    assert cli(*confirm, *options) == 2
    said = capsys.readouterr().err
    assert "Name the objective: sweeper confirm runs/foreign file.py:function." in said
    assert not Path("it-ran").exists()
    (foreign / "confirm-elsewhere").symlink_to("/tmp")
    assert cli(*confirm, "mine.py:objective", *options) == 2
    assert "runs/foreign/confirm-elsewhere: is a link to /tmp" in capsys.readouterr().err
    (foreign / "confirm-elsewhere").unlink()
    assert cli(*confirm, "mine.py:objective", *options) == 0


def test_named_by_another_name_it_wants_it_each_time(foreign):
    """The record goes on naming the one that nobody here has run."""
    assert resume(foreign, "mine.py:other") == 0
    Path("it-ran").unlink()
    assert cli("resume", str(foreign), "--trials", "4", *HERE) == 2
    assert not Path("it-ran").exists()


def test_a_command_of_a_foreign_folder_is_not_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("open('it-ran', 'a').close()\nprint('loss: 0.5')\n")
    given = ["run", "--command", "python train.py --x {x}", "--metric", "loss", "--trials"]
    options = ["--space", "x=uniform(0,1)", *HERE]
    assert cli(*given, "1", *options, "--name", "own") == 0
    folder = (tmp_path / "runs" / "own").rename(tmp_path / "runs" / "foreign")
    Path("it-ran").unlink()
    assert resume(folder) == 2
    said = capsys.readouterr().err
    assert "would run the command 'python train.py --x {x}', which only the folder names" in said
    assert "again: sweeper run --command … --name foreign --resume." in said
    assert not Path("it-ran").exists()
    assert cli("confirm", str(folder), "--address", "inline") == 2
    assert "--name foreign --resume. Then confirm it." in capsys.readouterr().err
    assert cli(*given, "1", *options, "--name", "foreign", "--resume") == 0
    assert cli("confirm", str(folder), "--replicates", "2", "--address", "inline") == 0
    assert resume(folder) == 0
    assert statuses(folder) == ["finished"] * 3


@pytest.mark.parametrize(
    "other",
    [
        {"objective": "mine:other"},
        {"objective_file": "runs/own/mine.py"},
        {"fixed_arguments": {"0": "'sh'"}},
    ],
)
def test_an_own_folder_that_somebody_has_changed_is_foreign(own, other, capsys):
    (own / "mine.py").write_text(MINE)
    path = own / "sweep.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | other))
    assert resume(own) == 2
    assert "Name the objective: " in capsys.readouterr().err
    assert not Path("it-ran").exists()


def test_the_built_in_classifier_is_nobodys_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["run", "--data", "digits", "--max-epochs", "1", "--trials", "1", "--name", "first"]
    assert cli(*command, "--batch-size", "64", *HERE) == 0
    folder = (tmp_path / "runs" / "first").rename(tmp_path / "runs" / "moved")
    assert cli("resume", str(folder), "--trials", "2", *HERE) == 0
    assert statuses(folder) == ["finished"] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"config_space": {"x": "uniform(0"}},
        {"searcher": {"kind": "Magic"}},
        {"searcher": {"kind": "RandomSearch", "num_trials": -1, "initial_configs": []}},
        {"seed": -1},
        {"constraints": ["y > 1"]},
        {"data_given": True},
    ],
)
def test_nothing_is_loaded_until_everything_else_is_right(own, wrong):
    path = own / "sweep.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))
    for named in ([], ["mine.py:objective"]):
        assert cli("resume", str(own), *named, *HERE) == 2
    assert not Path("it-ran").exists()


def test_options_are_right_before_anything_is_loaded(own):
    assert cli("resume", str(own), "--workers", "0", *HERE) == 2
    assert not Path("it-ran").exists()


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("place", ["output", "trials", "trials.jsonl", "trials/2-0/model.pt"])
def test_what_leads_out_of_a_foreign_folder_is_found_before_it_is_written(
    foreign, tmp_path, kind, place, capsys
):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "file").write_text("mine")
    path = foreign / place
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "home" / ("file" if "." in path.name else ""))
    assert resume(foreign, "mine.py:objective") == 2
    said = capsys.readouterr().err
    assert f"runs/foreign/{place}: is a {'FIFO' if kind == 'pipe' else 'link'}" in said
    assert [path.read_text() for path in (tmp_path / "home").iterdir()] == ["mine"]


def test_from_code_the_same_is_found(foreign, tmp_path):
    (tmp_path / "home").mkdir()
    (foreign / "output").symlink_to(tmp_path / "home")
    with pytest.raises(ValueError, match=r"output: is a link, but must be a folder"):
        sweeper.run(lambda config: config["x"], {"x": stats.uniform(0, 1)},
                    sweeper.RandomSearch(3), name="foreign", folder=foreign.parent, resume=True,
                    address="inline", progress=False)  # fmt: skip
    assert list((tmp_path / "home").iterdir()) == []
