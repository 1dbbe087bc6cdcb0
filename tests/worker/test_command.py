"""Scripts that nobody has written for sweeper, as objectives."""

import contextlib
import json
import os
import shlex
import signal
import sys
import textwrap
import threading
from pathlib import Path

import pandas as pd
import pytest
from processes import with_mark
from scipy import stats
from waiting import wait_until

import sweeper
from sweeper.cli.main import main
from sweeper.record.resume import rebuild
from sweeper.training.trial import CurrentTrial, trial_context
from sweeper.worker.objective_reference import can_be_found, describe_objective, find_again
from sweeper.worker.reports import Reports
from sweeper.worker.running_trial import RunningTrial

TRAIN = """
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float)
    parser.add_argument("--units", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for epoch in range(1, 10):
        acc = 1 - (args.lr - 0.3) ** 2 - args.units / 10 / epoch
        print(f"epoch {epoch} acc {acc} loss {epoch}")
"""
SPACE = {"lr": stats.uniform(0, 1), "units": [1, 2]}
TIMED = ["start_s", "runtime_s", "worker", "node"]


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Writes a script, with which a command then begins; PATH has this Python first."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)

    def write(code: str, name: str = "train.py") -> str:
        (tmp_path / name).write_text(textwrap.dedent(code))
        return f"python {name}"

    return write


@pytest.fixture
def run(tmp_path):
    def run_inline(objective, space=SPACE, searcher=None, **options):
        options = {"folder": tmp_path / "runs", "address": "inline", "progress": False} | options
        options = {"metric": "acc", "mode": "max", "keep": "all"} | options
        return sweeper.run(objective, space, searcher or sweeper.RandomSearch(6), **options)

    return run_inline


def failure(command: str, metric: str = "acc", **config) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        list(sweeper.Command(command, metric)(config))
    return caught.value


def test_points_come_as_they_are_printed(script):
    code = "import sys\nfor i in range(3):\n    print('acc', i); print('loss', i, file=sys.stderr)"
    points = sweeper.Command(script(code), "acc", also=["loss"])({})
    assert list(points) == [{"acc": 0}, {"acc": 1, "loss": 0}, {"acc": 2, "loss": 1}]
    points = sweeper.Command(f"{script(code)} x", "loss", pattern=r"acc (\d)")({})
    assert list(points) == [{"loss": 0}, {"loss": 1}, {"loss": 2}]


def test_what_the_script_sees(script, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")  # as Ray sets it for a trial
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    command = script(
        "import json, os, sys\nprint('acc 1')\n"
        "print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"
    )
    objective = sweeper.Command(f"{command} {{trial}} {{seed}} {{folder}} --lr {{lr}}", "acc")
    trial = CurrentTrial(7, 1, 123, {"lr": 0.5}, tmp_path / "trials" / "7-1")
    with trial_context(trial=trial, cpus=2):
        assert list(objective({"lr": 0.5})) == [{"acc": 1}]
    lines = (trial.folder / "output.txt").read_text().splitlines()
    arguments, environment, directory = json.loads(lines[1])
    assert lines[0] == "acc 1"
    assert arguments == ["7", "123", str(trial.folder), "--lr", "0.5"]
    assert environment.items() >= {
        "SWEEPER_TRIAL": "7", "SWEEPER_SEED": "123", "SWEEPER_FOLDER": str(trial.folder),
        "PYTHONUNBUFFERED": "1", "CUDA_VISIBLE_DEVICES": "3",
        "OMP_NUM_THREADS": "2",
    }.items()  # fmt: skip
    assert directory == str(tmp_path)
    with trial_context(trial=trial, gpus=0):
        list(objective({"lr": 0.5}))
    _, environment, _ = json.loads((trial.folder / "output.txt").read_text().splitlines()[1])
    assert environment["CUDA_VISIBLE_DEVICES"] == ""


def test_outside_of_a_sweep_there_is_neither_trial_nor_seed(script):
    command = script("import sys; print(sys.argv[1:], 'acc', len(sys.argv))")
    assert list(sweeper.Command(f"{command} --seed {{seed}} {{trial}}", "acc")({})) == [{"acc": 1}]


def test_no_value_reaches_a_shell(script, tmp_path):
    command = script("import sys; print('acc', len(sys.argv)); assert sys.argv[1] == sys.argv[2]")
    evil = f"; touch {tmp_path}/evil; $(touch {tmp_path}/evil) `touch {tmp_path}/evil` '\""
    objective = sweeper.Command(f"{command} {{x}} {shlex.quote(evil)}", "acc")
    assert list(objective({"x": evil})) == [{"acc": 3}]
    assert not (tmp_path / "evil").exists()


def test_a_script_without_the_metric_fails_with_what_it_has_and_its_last_lines(script):
    told = failure(script("print('epoch 1 val_acc 0.5'); print('bye')"))
    assert type(told) is ValueError
    assert str(told) == "the command printed no number named acc. It has epoch, val_acc."
    assert told.__notes__ == ["Its last lines:\n    epoch 1 val_acc 0.5\n    bye"]
    assert "printed nothing" in str(failure("true"))


def test_a_script_that_fails_does_so_with_code_and_last_lines_whatever_it_printed(script):
    told = failure(script("print('acc 1'); raise KeyError('lr')"))
    assert type(told) is ChildProcessError
    assert str(told) == "exit code 1: KeyError: 'lr'"
    assert "acc 1" in told.__notes__[0]
    assert "Traceback" in told.__notes__[0]
    assert str(failure("sh -c 'exit 3'")) == "exit code 3: it printed nothing"


def test_a_signal_is_named(script):
    told = failure("sh -c 'echo acc 1; kill -KILL $$'")
    assert str(told) == "killed by SIGKILL, as Linux does when memory is short: acc 1"
    assert str(failure("sh -c 'kill -SEGV $$'")) == "killed by SIGSEGV: it printed nothing"
    assert str(failure("sh -c 'kill -40 $$'")) == "killed by signal 40: it printed nothing"


def test_what_can_not_be_started(script):
    assert "there is no program 'no-such-program' here" in str(failure("no-such-program"))
    assert "null byte" in str(failure("echo {x}", x="\0"))


def test_all_that_is_wrong_is_said_before_anything_starts(run, tmp_path):
    objective = sweeper.Command("no-such-program {l} > x", "acc", also=["acc", ""], pattern="(")
    broken = sweeper.when("lr >", 1)
    with pytest.raises(ValueError, match="command: > has a meaning only in a shell") as caught:
        run(objective, {**SPACE, "folder": [1], "m": broken}, metric="accuracy", seed=-1)
    for fault in (
        "command: {l} is not a hyperparameter. Those of the space are ['lr', 'units', 'folder', "
        "'m']; {trial}, {seed}, {folder} are known too",
        "command: there is no program 'no-such-program' here",
        "config_space['lr']: the command doesn't use it. Write {lr} where",
        "config_space['units']: the command doesn't use it",
        "config_space['folder']: the command doesn't use it. Write {folder} where",
        "also: must be the name of a number that the command prints, but got '' (str)",
        "also: 'acc' is given twice",
        "pattern '(' is not a regular expression: missing )",
        "metric='accuracy': the command's metric is 'acc'. Give both the same",
        "seed: needs an int",
        'config_space["m"]: ',
    ):
        assert fault in str(caught.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((["python", "train.py"], "acc"), "command must be one string, .* but got .*list"),
        (
            ("X=3 true", "acc"),
            "X=3 is not a program. For a variable of the environment write env X=3",
        ),
        (("true", None), r"metric: must be the name of a number .*, but got None \(NoneType\)"),
        (("true", "acc", "loss"), r"also must be a list of names, but got 'loss' \(str\)"),
        (("true", "acc", (), "a"), "pattern 'a' must have one group"),
        (("true", "acc", (), 3), "pattern 3 is not a regular expression"),
    ],
)
def test_arguments_that_can_not_be(arguments, fault):
    faults = sweeper.Command(*arguments).faults({})
    assert len(faults) == 1
    with pytest.raises(ValueError, match=fault):
        raise ValueError(faults[0])


@pytest.mark.parametrize("name", ["seed", "trial", "folder"])
def test_a_hyperparameter_has_its_name_before_the_trial_has_it(name):
    objective = sweeper.Command(f"echo {{{name}}} {{x}}", "acc")
    assert objective.faults({name: [7], "x": [1]}) == []
    assert objective.arguments({name: 7, "x": 1}) == ["echo", "7", "1"]
    both = sweeper.when("x == 1", [7], otherwise=[8])
    assert objective.faults({name: both, "x": [1, 2]}) == []
    (fault,) = objective.faults({name: sweeper.when("x == 1", [7]), "x": [1, 2]})
    assert f"where it is absent, {{{name}}} would stand for the trial's own {name}" in fault


def test_a_hyperparameter_called_seed_reaches_the_script(run, script):
    command = script("import os, sys; print('acc', sys.argv[1], os.environ['SWEEPER_SEED'])")
    objective = sweeper.Command(f"{command} {{seed}}", "acc")
    results = run(objective, {"seed": [3, 5]}, sweeper.GridSearch())
    assert list(results.frame["acc"]) == [3, 5] == list(results.frame["config.seed"])
    assert set(results.frame["seed"]).isdisjoint({3, 5})


def test_a_script_that_is_not_there_is_told_of_before_anything_starts(script, tmp_path):
    command = script("")
    assert sweeper.Command(command, "acc").faults({}) == []
    (fault,) = sweeper.Command("python trian.py --x 1", "acc").faults({})
    assert fault == f"command: there is no file trian.py in {tmp_path}. Go to its folder."
    for other in ("python -m train", "python -c 1 a.py", "echo none.py", "python"):
        assert sweeper.Command(other, "acc").faults({}) == []


def test_a_sweep_of_a_relative_script_is_resumed_from_where_it_began(
    run, script, tmp_path, monkeypatch
):
    objective = sweeper.Command(f"{script('print(1)')} {{lr}}", "acc")
    folder = run(objective, {"lr": [1]}, sweeper.RandomSearch(1)).folder
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    with pytest.raises(ValueError, match="there is no file train") as caught:
        rebuild(sweeper.load(folder).sweep, None)
    assert f"The sweep began in {tmp_path}: go there (cd {tmp_path})" in str(caught.value)
    monkeypatch.chdir(tmp_path)
    assert rebuild(sweeper.load(folder).sweep, None).objective == objective


def test_a_hyperparameter_that_others_hang_on_need_not_be_in_the_command():
    space = {"warm": [True, False], "m": sweeper.when("warm == True", stats.uniform(0, 1))}
    assert sweeper.Command("true --m {m}", "acc").faults(space) == []


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_python_is_sweepers_own_unless_an_environment_is_activated(monkeypatch, tmp_path, variable):
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    objective = sweeper.Command(
        "python -c \"import sys; print(sys.prefix); print('acc 1')\"", "acc"
    )
    assert objective.faults({}) == []
    assert list(objective({})) == [{"acc": 1}]
    (tmp_path / "python").write_text("#!/bin/sh\necho acc 2\n")
    (tmp_path / "python").chmod(0o755)
    assert list(objective({})) == [{"acc": 1}]
    monkeypatch.setenv(variable, str(tmp_path))
    assert list(objective({})) == [{"acc": 2}]


def test_it_is_found_again_from_the_record():
    for original in (
        sweeper.Command("python 'my train.py' --lr {lr}", "val/acc"),
        sweeper.Command("a {x}", "acc", also=["loss"], pattern=r'"(\d)\'\n{'),
    ):
        described = json.loads(json.dumps(describe_objective(original)))
        assert can_be_found(described)
        assert find_again(described) == original


@pytest.mark.slow
def test_a_sweep_has_the_table_that_a_function_would_give(script, run):
    def same(config):
        for epoch in range(1, 10):
            value = 1 - (config["lr"] - 0.3) ** 2 - config["units"] / 10 / epoch
            yield {"acc": value, "loss": epoch}

    command = script(TRAIN) + " --lr {lr} --units={units} --seed {seed}"
    objective = sweeper.Command(command, "acc", also=["loss"])
    searcher, scheduler = sweeper.RandomSearch(12), sweeper.ASHA()
    options = {"searcher": searcher, "scheduler": scheduler}
    ours = run(objective, **options)
    assert {"stopped", "finished"} == set(ours.frame["status"])
    expected = run(same, **options)
    pd.testing.assert_frame_equal(
        *(r.frame.drop(columns=TIMED) for r in (ours, expected)), check_exact=True
    )
    pd.testing.assert_frame_equal(
        *(r.curves.drop(columns="elapsed_s") for r in (ours, expected)), check_exact=True
    )
    assert "epoch 9 acc" in (ours.best_folder / "output.txt").read_text()


@pytest.mark.slow
def test_a_sweep_of_a_script_is_resumed_but_not_as_another_one(script, run, capsys):
    command = script(TRAIN) + " --lr {lr} --units {units}"
    first = run(sweeper.Command(command, "acc"), name="s", limits=sweeper.Limits(total_epochs=20))
    assert len(first.rows) < 6
    assert main(["resume", str(first.folder), "--address", "inline", "--no-report"]) == 0
    assert "6 finished" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"fixed_arguments: was .*train.py"):
        run(sweeper.Command(f"{command} --seed 1", "acc"), name="s", resume=True)


def test_a_failed_trial_has_a_line_and_the_whole_story(script, run):
    code = "import sys; print('acc', sys.argv[1]); assert float(sys.argv[1]) < 2, 'too large'"
    results = run(
        sweeper.Command(script(code) + " {x}", "acc"), {"x": [1, 2]}, sweeper.GridSearch()
    )
    row = results.rows[1]
    assert (row.status, row.exception) == (
        *("failed", "ChildProcessError: exit code 1: AssertionError: too large"),
    )
    assert row.traceback.startswith(row.exception + "\nIts last lines:\n    acc 2\n    Traceback")
    assert "script.py" not in row.traceback
    assert [point[1] for point in row.curve] == [2]


# Silent for ever after its first words, with a child in another session; both deaf to SIGTERM.
SILENT = """
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
    else:
        print("acc 1", flush=True)
    with open("here", "a") as file:
        file.write("x")
    time.sleep(3600)
"""


def until_silent(attempts: int = 1) -> None:
    wait_until(lambda: Path("here").exists() and Path("here").stat().st_size == 2 * attempts)


@pytest.fixture
def silent(script, tmp_path, monkeypatch):
    """An objective; whatever it starts has ended by the end of the test."""
    monkeypatch.setattr("sweeper.worker.script.GRACE_S", 0.2)
    yield sweeper.Command(f"env MARK={tmp_path} {script(SILENT)} {{x}}", "acc")
    wait_until(lambda: not with_mark(f"MARK={tmp_path}"))


X = {"x": stats.uniform(0, 1)}


def test_leaving_the_generator_ends_the_script(silent, tmp_path):
    points = silent({"x": 1})
    assert next(points) == {"acc": 1}
    until_silent()
    points.close()
    assert not with_mark(f"MARK={tmp_path}")


def test_what_it_has_printed_can_be_read_at_once(silent, tmp_path):
    with trial_context(trial=CurrentTrial(0, 0, 0, {}, tmp_path / "trial")):
        points = silent({"x": 1})
        next(points)
        assert (tmp_path / "trial" / "output.txt").read_text() == "acc 1\n"
        points.close()


@pytest.mark.slow
def test_a_time_limit_ends_a_silent_script(silent, run):
    results = run(silent, X, sweeper.RandomSearch(1), limits=sweeper.Limits(trial_time_s=1))
    assert results.rows[0].exception.startswith("TrialTimeOver")


@pytest.mark.slow
def test_the_end_of_a_sweep_does_not_wait_for_a_silent_script(silent, run):
    results = run(silent, X, sweeper.RandomSearch(1), limits=sweeper.Limits(time_budget_s=1))
    assert results.rows[0].status == "interrupted"
    assert len(results.rows[0].curve) == 1


def ctrl_c_once_silent() -> None:
    until_silent()
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_ends_a_silent_script(silent, run, tmp_path):
    thread = threading.Thread(target=ctrl_c_once_silent)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(silent, X, sweeper.RandomSearch(1), name="s")
    thread.join()
    assert [row.status for row in sweeper.load(tmp_path / "runs" / "s").rows] == ["interrupted"]


@pytest.mark.slow
def test_a_silent_script_can_be_stopped_early(silent, tmp_path):
    running = RunningTrial(silent, {"x": 1}, {}, 0, metric="acc")
    assert isinstance(running.advance(), Reports)
    until_silent()
    assert running.advance() == Reports([])  # after a second without a word
    running.stop()
    assert not with_mark(f"MARK={tmp_path}")


@pytest.mark.parametrize("end", ["time limit", "Ctrl-C", "kill -9"])
def test_on_ray_nothing_outlives_its_trial(ray_session, silent, run, tmp_path, end):
    """Ray ends the worker in all three cases."""

    def objective(config):
        Path("pid").write_text(str(os.getpid()))
        yield from silent(config)

    def interfere() -> None:
        if end == "Ctrl-C":
            ctrl_c_once_silent()
        for attempt in (1, 2) if end == "kill -9" else ():
            until_silent(attempt)
            os.kill(int(Path("pid").read_text()), signal.SIGKILL)

    thread = threading.Thread(target=interfere)
    thread.start()
    limits = sweeper.Limits(max_failures=1, trial_time_s=8 if end == "time limit" else None)
    with pytest.raises(KeyboardInterrupt) if end == "Ctrl-C" else contextlib.nullcontext():
        run(
            objective, X, sweeper.RandomSearch(1), name="s", address=None, num_workers=1,
            limits=limits,
        )  # fmt: skip
    thread.join()
    until_silent(2 if end == "kill -9" else 1)  # a trial whose process died runs its script again
    (row,) = sweeper.load(tmp_path / "runs" / "s").rows
    assert row.status == ("interrupted" if end == "Ctrl-C" else "failed")
