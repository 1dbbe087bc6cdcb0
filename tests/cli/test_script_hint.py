import shlex

import pytest

from sweeper.cli.main import main
from sweeper.cli.script_hint import objective_fault
from sweeper.worker.command import Command


@pytest.fixture(autouse=True)
def scripts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "def load(path): ...\ndef objective(config): ...\ndef _own(x): ...\ndef main(): ...\n"
    (tmp_path / "train.py").write_text(code)
    (tmp_path / "plain.py").write_text("print('val_acc: 1')\n")
    (tmp_path / "run.sh").write_text("true\n")
    (tmp_path / "my train.py").write_text("(")


@pytest.mark.parametrize("objective", ["train.py:objective", "module:f", "a.b:C"])
def test_a_function_is_no_fault(objective):
    assert objective_fault(objective, [], []) is None


@pytest.mark.parametrize(
    ("objective", "rest", "names", "told"),
    [
        ("train.py", [], ["lr"], ["--command 'python train.py --lr {lr}' --metric ",
                                  "A function in it, objective or load: train.py:objective."]),
        ("plain.py", [], ["lr", "n"], ["--command 'python plain.py --lr {lr} --n {n}' --metric"]),
        ("plain.py", ["--lr", "0.1", "--n-h", "3"], ["lr", "n_h"],
         ["'python plain.py --lr {lr} --n-h {n_h}'"]),
        ("python", ["plain.py", "--x", "1"], ["x"], ["'python plain.py --x {x}'"]),
        ("plain.py", [], [], ["'python plain.py --lr {lr}'"]),
        ("run.sh", [], ["x"], ["'bash run.sh --x {x}'"]),
        ("nothing.py", [], ["x"], ["'python nothing.py --x {x}'", "there is no such file here"]),
        ("mine", [], ["x"], ["must be module:function or file.py:function", "mine:NAME"]),
        ("train.py:", [], ["x"], ["must be module:function"]),
        ("notes.ipynb", [], ["x"], ["a notebook can't be an objective", "nbconvert"]),
    ],
)  # fmt: skip
def test_a_script_is_told_what_to_write(objective, rest, names, told):
    fault = objective_fault(objective, rest, names)
    assert all(text in fault for text in told)
    if "--command '" in fault and "there is no" not in fault:  # which is a command for that space
        command = fault.partition("--command '")[2].partition("'")[0]
        assert Command(command, "val_acc").faults({name: [1] for name in names or ["lr"]}) == []


def test_a_name_with_a_blank_is_quoted():
    fault = objective_fault("my train.py", [], ["x"])
    assert shlex.quote("my train.py") in fault
    assert "A function in it" not in fault


def test_from_the_shell_all_faults_come_at_once(capsys):
    assert main(["run", "train.py", "--trails", "3", "--seed", "x"]) == 2
    said = capsys.readouterr().err
    assert "--seed: must be a whole number" in said
    assert "--command 'python train.py --trails 3 --lr {lr}'" in said
    assert "--space NAME=VALUE: needed" in said


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--objective", "train.py:f"], "Did you mean sweeper run file.py:function?"),
        (["--objective=train.py:f"], "Did you mean sweeper run file.py:function?"),
        (["--trails", "3"], "--trails: no such option. Did you mean --trials?"),
        (["--xyzzy", "3"], "--xyzzy: no such option. sweeper run --help lists all."),
        (["--xyzzy", "x"], "--xyzzy: no such option. sweeper run --help lists all."),
    ],
)
def test_the_value_of_an_unknown_option_is_no_script(words, fault, capsys):
    assert main(["run", *words, "--space", "x=[1]"]) == 2
    said = capsys.readouterr().err
    assert fault in said
    assert "--command" not in said
