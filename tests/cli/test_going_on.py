"""The best configurations trained again from the shell."""

import html
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import sweeper
from sweeper.cli.main import main

MINE = """
import os
import random
import signal

def objective(config):
    unlucky = random.random() < 0.2
    if unlucky and os.path.exists("kill"):
        os.remove("kill")
        os.kill(os.getpid(), signal.SIGKILL)
    yield config["x"] + 0.1 * random.random()

def fails(config):
    raise RuntimeError("as asked")
"""
HERE = ["--address", "inline", "--quiet"]


@pytest.fixture
def first(tmp_path, monkeypatch) -> Path:
    """The folder of a sweep of three configurations, two of which are nearly equal."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    space = ["--space", "x=[1.0,1.01,3.0]", "--searcher", "grid"]
    assert cli("run", "mine.py:objective", *space, "--name", "first", "--no-report", *HERE) == 0
    return Path("runs/first")


def cli(*arguments: str) -> int:
    """The exit code of the command, in a process that has loaded none of its code yet."""
    sys.modules.pop("mine", None)
    return main(arguments)


def confirm(folder: Path, *arguments: str) -> int:
    return cli("confirm", str(folder), *arguments, *HERE)


def test_the_table_and_the_sentence_are_those_of_python(first, capsys):
    capsys.readouterr()
    assert cli("confirm", str(first), "--top", "2", "--replicates", "3", "--address", "inline") == 0
    printed, said = capsys.readouterr()
    from mine import objective

    options = {"top": 2, "replicates": 3, "address": "inline"}
    table = sweeper.confirm(sweeper.load(first), objective, **options)
    assert "all 6 trials are recorded" in capsys.readouterr().err  # both are one confirmation
    header, *rows, sentence = printed.splitlines()
    assert set(header.split()) == set(table.columns)
    assert [row.split()[:2] for row in rows] == [
        [str(trial), f"{mean:.4g}"]
        for trial, mean in zip(table["trial"], table["validation_error"], strict=True)
    ]
    assert sentence.startswith(f"Trial {table['trial'][0]} has the lowest validation error")
    assert sentence not in said
    # A report of the sweep is renewed, if there is one.
    assert not (first / "report.html").exists()
    assert cli("report", str(first)) == 0
    again = ["--top", "2", "--replicates", "4"]
    capsys.readouterr()
    assert confirm(first, *again) == 0
    *_, sentence, _, renewed = capsys.readouterr().out.splitlines()
    assert renewed == f"report: {first}/report.html"
    assert sentence in html.unescape((first / "report.html").read_text())


@pytest.mark.slow
def test_a_killed_confirmation_goes_on_by_the_same_command(first, capsys):
    copy = shutil.copytree(first, first.with_name("copy"))
    command = ["confirm", str(first), "--until", "0.99", "--max-replicates", "20", *HERE]
    Path("kill").touch()
    killed = subprocess.run([sys.executable, "-m", "sweeper", *command], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not killed.stdout
    (folder,) = first.glob("confirm-*")
    capsys.readouterr()
    assert cli("show", str(first)) == 0
    left = r"\d+ of the planned trials have not ended, and nothing runs"
    told = rf"{folder}: {left}. Go on with: sweeper confirm {first} .*--until 0\.99 "
    assert re.search(told, capsys.readouterr().out)
    assert cli(*command) == 0
    went_on = capsys.readouterr().out
    assert cli(*command) == 0
    assert capsys.readouterr().out == went_on
    assert cli("confirm", str(copy), "mine.py:objective", *command[2:]) == 0
    assert capsys.readouterr().out == went_on


def test_a_stopped_one_says_how_to_go_on_and_does_not_shrink(first, capsys):
    for options, whole, fewer, told in (
        (["--replicates", "6"], "--top 3 --replicates 6",
         ["--replicates", "5"], "replicates must be at least 6, as in"),
        (["--until", "0.9", "--max-replicates", "70"],
         "--top 3 --replicates 2 --until 0.9 --max-replicates 70",
         ["--until", "0.9", "--max-replicates", "69"], "max_replicates must be at least 70, as in"),
        (["--until", "0.9"], "--top 3 --replicates 2 --until 0.9 --max-replicates 70",
         ["--until", "0.9", "--replicates", "3"], "replicates must be 2, as in"),
    ):  # fmt: skip
        capsys.readouterr()
        stopped = ["confirm", str(first), *options, "--total-epochs", "1", "--address", "inline"]
        assert cli(*stopped) == 0
        said = capsys.readouterr().err
        assert "Stopped after " in said
        command = said.rpartition("Go on with: sweeper ")[2].split()
        assert command == ["confirm", "runs/first", *whole.split()]
        assert confirm(first, *fewer) == 2
        assert f"sweeper: {told} runs/first/confirm-" in capsys.readouterr().err
        assert cli(*command, *HERE, "--total-epochs", "1") == 0
        assert confirm(first, *options[:-2], "--total-epochs", "1") == 0


def test_all_faults_are_told_at_once(first, capsys):
    capsys.readouterr()
    wrong = ["--top", "0", "--replicates", "1", "--until", "95", "--max-replicates", "few"]
    assert confirm(first, *wrong, "--time-budget", "soon", "--keep", "some") == 2
    lines = capsys.readouterr().err.splitlines()
    for told, line in zip(
        ("--top: must be a whole number of at least 1, but got 0 (int).",
         "--max-replicates: must be a whole number of at least 1, but got 'few' (str).",
         "--time-budget must be seconds", "replicates must be an int of at least 2",
         "until must be a probability", "keep must be 'best', "),
        sorted(lines, key=lambda line: "--" not in line),
        strict=True,
    ):  # fmt: skip
        assert told in line
    with pytest.raises(SystemExit):  # a lucky training must not end it
        confirm(first, "--target", "1")


def test_exit_code_1_when_every_training_failed(first, capsys):
    assert confirm(first, "mine.py:fails", "--replicates", "2") == 1
    assert "as asked" in capsys.readouterr().out


def test_a_command_is_trained_again_where_its_script_lies(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("train.sh").write_text('echo "acc $1.$SWEEPER_SEED"\n')
    command = ["--command", "sh train.sh {x}", "--metric", "acc", "--mode", "max"]
    space = ["--space", "x=[1,2,3]", "--searcher", "grid", "--name", "first"]
    assert cli("run", *command, *space, "--no-report", *HERE) == 0
    capsys.readouterr()
    folder = Path("runs/first").absolute()
    options = ["--top", "2", "--replicates", "2"]
    monkeypatch.chdir(folder)
    assert confirm(folder, *options) == 2
    said = capsys.readouterr().err
    assert "there is no file train.sh" in said
    assert f"go there (cd {tmp_path}) and give the command again." in said
    os.chdir(tmp_path)
    assert confirm(folder, *options) == 0
    rows = capsys.readouterr().out.splitlines()[1:-1]
    assert [row.split()[0] for row in rows] == ["2", "1"]


def test_what_was_given_data_is_confirmed_from_code(tmp_path, run_inline, capsys):
    results = run_inline(_with_data, {"x": [1, 2]}, sweeper.GridSearch(), data=1)
    assert confirm(results.folder) == 2
    said = capsys.readouterr().err
    assert "or sweeper.confirm(…):\n  data= was given" in said


def _with_data(config, data):
    return config["x"] * data
