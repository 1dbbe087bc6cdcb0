"""The command as a user types it, in processes of its own where a fresh one is the point."""

import io
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy import stats

from sweeper.cli.main import main
from sweeper.record.results import load
from sweeper.search.asha import ASHA
from sweeper.search.bayesian_search import BayesianSearch
from sweeper.search.random_search import RandomSearch
from sweeper.search.sobol_search import SobolSearch
from sweeper.space.text import read_config_space
from sweeper.worker.objective_loading import load_objective

MODULE = """
    from neighbour import scale

    def objective(config):
        return scale * config["x"]

    def fails(config):
        raise ValueError("never works")

    not_a_function = 5
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with a user's objective and a file beside it."""
    (tmp_path / "mine.py").write_text(textwrap.dedent(MODULE))
    (tmp_path / "neighbour.py").write_text("scale = 2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sweeper(*arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "sweeper", *arguments]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, **options)


@pytest.fixture
def here(capsys) -> Callable[..., subprocess.CompletedProcess]:
    """The command in this process, where a fresh one is not the point."""

    def command(*arguments: str) -> subprocess.CompletedProcess:
        capsys.readouterr()
        return subprocess.CompletedProcess(arguments, main(arguments), *capsys.readouterr())

    return command


@pytest.mark.slow
def test_an_objective_in_a_file_with_neighbours(project, here):
    done = sweeper(
        *("run", "mine.py:objective", "--space", "x=uniform(0,1)", "--trials", "3"),
        *("--name", "first", "--workers", "1", "--address", "local"),
    )
    assert done.returncode == 0, done.stderr
    assert "3 finished" in done.stdout
    assert "folder: runs/first" in done.stdout
    assert "3/3 trials" in done.stderr
    assert "Traceback" not in done.stderr
    told = done.stderr.replace("Waiting for Ray: it starts", "")  # which a busy machine has
    assert "ray" not in told.lower().replace("ray of", "")
    shown = sweeper("show", "runs/first")
    assert shown.returncode == 0
    table = done.stdout.partition("folder:")[0].strip()
    assert shown.stdout.strip().startswith(table)
    assert "the noise is unknown" in shown.stdout
    assert "report: runs/first/report.html" in done.stdout
    again = here("report", "runs/first", "-o", "other.html")
    assert again.stdout == "other.html\n"
    assert "<!doctype html>" in Path("other.html").read_text()[:100].lower()
    again = here("run", "mine.py:objective", "--space", "x=1", "--name", "first")
    assert again.returncode == 2
    assert "never overwritten" in again.stderr.splitlines()[-1]


@pytest.mark.slow
def test_exit_code_1_when_every_trial_failed(project):
    done = sweeper(
        *("run", "mine:fails", "--space", "x=[1,2]", "--searcher", "grid"),
        *("--address", "inline"),
    )
    assert done.returncode == 1, done.stderr
    assert "2 failed" in done.stdout
    assert done.stderr.count("ValueError: never works") == 1


def test_exit_code_0_when_any_trial_finished(project, here):
    grid = ("--space", "x=[1, a, b]", "--searcher", "grid", "--address", "inline")
    done = here("run", "mine:objective", *grid)
    assert "1 finished, 2 failed" in done.stdout
    assert done.returncode == 0


def test_help_says_the_exit_codes(capsys):
    for command in ([], ["run"]):
        with pytest.raises(SystemExit, match=r"^0$"):
            main([*command, "--help"])
        said = " ".join(capsys.readouterr().out.split())
        assert "0 if any trial has finished, however many failed; 1 if none has" in said


@pytest.mark.slow
def test_the_built_in_classifier_and_the_test_set(project):
    done = sweeper(
        *("run", "--model", "mlp", "--data", "digits", "--max-epochs", "2", "--trials", "2"),
        *("--space", "learning_rate=loguniform(1e-2,1)", "--space", "num_hiddens=[16,32]"),
        *("--batch-size", "32", "--test", "--quiet", "--address", "inline"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert re.search(r"test set: error [0-9.]+, accuracy [0-9.]+\n", done.stdout)


@pytest.mark.slow
def test_a_failed_look_at_the_test_set_leaves_folder_and_report(project, here):
    done = here(
        *("run", "mine.py:objective", "--space", "x=uniform(0,1)", "--trials", "1", "--test"),
        *("--name", "s", "--address", "inline", "--quiet"),
    )
    assert done.returncode == 2
    assert "1 finished" in done.stdout
    assert done.stdout.endswith("folder: runs/s\nreport: runs/s/report.html\n")
    assert Path("runs/s/report.html").exists()
    assert "Give it an argument `test=False`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_yaml_file_with_the_same_words(project, here):
    Path("sweep.yaml").write_text(
        "objective: mine:objective\nsearcher: grid\npoints: {x: 3}\n"
        "space:\n  x: uniform(0, 1)\n  rate: 1e-4\n  names: [a, b]\n"
    )
    done = sweeper("run", "sweep.yaml", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 × 2 = 6 trials\n")
    assert done.stdout == here("space", "sweep.yaml").stdout
    more = here("space", "sweep.yaml", "--points", "5").stdout
    assert more.startswith("5 × 2 = 10 trials\n")


@pytest.mark.slow
def test_a_dry_run_shows_the_first_command_or_what_is_wrong_with_it(project, here):
    command = ("run", "--command", "true --x {x} 'a b'", "--metric", "loss", "--dry-run")
    done = here(*command, "--space", "x=[[1,2]]")
    assert done.stdout.endswith("\ntrial 0: true --x '[1, 2]' 'a b'\n")
    done = here(*command, "--space", "y=1")
    assert done.returncode == 2
    assert "{x} is not a hyperparameter" in done.stderr
    assert "config_space['y']: the command doesn't use it" in done.stderr


@pytest.mark.slow
def test_a_command_in_a_yaml_file(project):
    Path("train.py").write_text("import sys; print(f'val/acc <{sys.argv[1]}> loss 2')")
    Path("sweep.yaml").write_text(
        f"command: {sys.executable} train.py {{x}}\nmetric: val/acc\nmode: max\nalso: loss\n"
        "pattern: <(?P<val_acc>.*)>\nsearcher: grid\nspace: {x: [1, 2]}\naddress: inline\n"
    )
    done = sweeper("run", "sweep.yaml", "--name", "s", "--no-report")
    assert done.returncode == 0, done.stderr
    assert load(Path("runs/s")).frame[["x", "val/acc", "loss"]].to_numpy().tolist() == [
        *([1, 1, 2], [2, 2, 2]),
    ]


EPOCHS = """
    def objective(config):
        for epoch in range(1, 10):
            yield config["x"] + config.get("momentum", 0) / epoch
"""
SPACE = {
    "x": "uniform(0, 1)",
    "optimizer": "['sgd', 'adam']",
    "momentum": 'uniform(0.5, 0.49) if optimizer == "sgd" else 0.9',
    "nesterov": 'True if momentum > 0.6 and optimizer == "sgd"',
}
FIRST = {"x": 0.25, "optimizer": "adam", "momentum": 0.9}


@pytest.mark.parametrize(
    ("options", "searcher"),
    [
        ({"searcher": "sobol"}, SobolSearch(5, [FIRST])),
        ({"searcher": "random", "unique": True}, RandomSearch(5, [FIRST], unique=True)),
        (
            {"searcher": "bayesian", "surrogate": "tpe", "lag": 3},
            BayesianSearch(5, "tpe", 3, [FIRST]),
        ),
    ],
    ids=["sobol", "random", "bayesian"],
)
def test_a_file_and_flags_make_the_sweep_that_python_makes(project, run, options, searcher):
    Path("epochs.py").write_text(textwrap.dedent(EPOCHS))
    described = {"objective": "epochs.py:objective", "trials": 5, "scheduler": "asha", **options,
                 "grace_epochs": 2, "reduction_factor": 4, "address": "inline", "quiet": True,
                 "no_report": True}  # fmt: skip
    whole = {**described, "space": SPACE, "initial": [FIRST], "name": "file"}
    Path("sweep.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))
    flags = [described.pop("objective"), "--name", "flags", "--initial", str(FIRST)]
    for name, text in SPACE.items():
        flags += ["--space", f"{name}={text}"]
    for name, value in described.items():
        flags += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    assert main(["run", "sweep.yaml"]) == main(["run", *flags]) == 0
    expected = run(
        load_objective("epochs.py:objective"), read_config_space(SPACE), searcher,
        scheduler=ASHA(2, 4), address="inline", num_workers=1,
    )  # fmt: skip
    assert expected.rows[0].config == FIRST
    assert {row.epochs for row in expected.rows} == {2, 9}
    for name in ("file", "flags"):
        found = load(Path("runs") / name)
        for key in ("config_space", "searcher", "scheduler", "lag", "seed", "num_trials"):
            assert found.sweep[key] == expected.sweep[key], key
        told = [(row.config, row.value, row.status) for row in found.rows]
        assert told == [(row.config, row.value, row.status) for row in expected.rows]


def test_debug_shows_where_the_objective_failed_and_ends_there(project, capsys):
    Path("wrong.py").write_text(
        "def inner(config):\n    return 1 / config['x']\n\n"
        "def objective(config):\n    return inner(config)\n"
    )
    arguments = ["run", "wrong.py:objective", "--space", "x=[1,0,2]", "--searcher", "grid"]
    assert main([*arguments, "--address", "inline", "--debug", "--quiet", "--name", "s"]) == 2
    printed = capsys.readouterr().err
    frames = re.findall(r'wrong.py", line (\d+), in (\w+)', printed)
    assert frames == [("5", "objective"), ("2", "inner")]
    assert printed.splitlines()[-1] == "sweeper: ZeroDivisionError: division by zero"
    statuses = [row.status for row in load(Path("runs/s")).rows]
    assert statuses == ["finished", "interrupted"]


@pytest.mark.slow
def test_a_dry_run_refuses_what_the_run_would(project, capsys):
    Path("mine.py").write_text("def objective(config):\n    return 0.5\n")
    words = ["run", "mine.py:objective", "--space", "x=uniform(0,1)", "--dry-run"]
    assert main([*words, "--scheduler", "asha", "--max-epochs", "9", "--replicates", "2"]) == 2
    assert "replicate" in capsys.readouterr().err
    Path("runs/taken").mkdir(parents=True)
    assert main([*words, "--name", "taken"]) == 2
    assert "runs/taken: exists already" in capsys.readouterr().err
    assert main([*words, "--name", "free"]) == 0
    assert not Path("runs/free").exists()
    words[1] = "mine.py:no_such_function"
    assert main(words) == 2
    assert "has no function 'no_such_function'" in capsys.readouterr().err
    assert main([*words, "--address", "http://127.0.0.1:9"]) == 0  # it may be found there


def test_the_same_dry_run_twice(project, here):
    command = ("run", "--dry-run", "--seed", "4")
    first, second = here(*command).stdout, sweeper(*command).stdout
    assert first == second
    assert "learning_rate" in first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nothing.py:objective", "--space", "x=1"], "no such file"),
        (["run", "mine.py", "--space", "x=1"], "must be module:function"),
        (["run", "mine.py:other", "--space", "x=1"], "it has ['objective', 'fails']"),
        (["run", "no_module:f", "--space", "x=1"], "No module named 'no_module'"),
        (["run", "mine.py:objective"], "--space NAME=VALUE: needed"),
        (["run", "mine.py:objective", "--space", "x"], "must be NAME=VALUE"),
        (["run", "mine.py:objective", "--space", "x=1", "--model", "mlp"], "Leave it out: your"),
        (["run", "nope.yaml"], "nope.yaml: no such file. Give a YAML file of options, or module:"),
        (["run", "--space", "x=nonsense(1)"], "nonsense"),
        (["run", "--space", "x=__import__('os').getcwd()"], "config_space"),
        (["run", "--space", "momentums=0.9"], "softmax has no such hyperparameter"),
        (["run", "--model", "resnet"], "choose from ['softmax', 'mlp', 'dropout_mlp', 'lenet']"),
        (["run", "--searcher", "bayes"], "choose random or grid"),
        (["run", "--searcher", "grid", "--points", "many"], "must be N, or NAME=N"),
        (["run", "--trials", "0"], "--trials: must be"),
        (["space", "--initial", "{'lr': 0.1"], "must be a configuration such as {'lr': 0.1"),
        (["space", "--initial", "{'lr': 0.1"], "'{' was never closed"),
        (["space", "--initial", "0.1"], "but it is a float"),
        (["space", "--space", "depth=[2, 4"], "'[' was never closed"),
        (["space", "--space", "lr=loguniform(1)"], "it lacks b. Write loguniform(a, b, loc=0"),
        (["run", "--retry-failed"], "needs resume=True"),
        (["run", "--cpus", "-1"], "number ≥ 0"),
        (["run", "both.yaml"], "--max-epochs: only for sweeper's own classifier"),
        (["run", "types.yaml"], "dry_run: must be true or false, but got 'maybe'"),
        (["run", "bad.yaml"], "trails: no such option. Did you mean trials?"),
        (["show", "nowhere"], "no sweep here"),
    ],
)
def test_mistakes_are_told_in_a_line_without_traceback(project, arguments, message, capsys):
    Path("bad.yaml").write_text("trails: 5\n")
    Path("both.yaml").write_text("objective: mine:objective\nspace: {x: 1}\nmax_epochs: 20\n")
    Path("types.yaml").write_text("dry_run: 'maybe'\n")
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("sweeper: ")
    assert message in printed
    assert "Traceback" not in printed


def test_debug_shows_the_traceback(project, capsys):
    assert main(["show", "nowhere", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_module_that_breaks_on_import(project, capsys):
    Path("broken.py").write_text("1 / 0\n")
    assert main(["run", "broken.py:objective", "--space", "x=1"]) == 2
    printed = capsys.readouterr().err
    assert "broken.py can't be loaded: " in printed
    assert "line 1: ZeroDivisionError: division by zero" in printed


@pytest.mark.slow
@pytest.mark.parametrize("text", ["import sys\nsys.exit(0)\n", "{}['a']\n"])
def test_a_file_that_ends_or_breaks_while_it_is_loaded_is_no_success(project, text):
    Path("early.py").write_text(text)
    done = sweeper("run", "early.py:objective", "--space", "x=1")
    assert done.returncode == 2
    assert re.fullmatch(
        r"sweeper: early.py can't be loaded: .*early.py, line \d: .*\n", done.stderr
    )
    assert not Path("runs").exists()


@pytest.mark.slow
def test_an_objective_that_ends_the_process_on_the_test_set_is_no_success(project):
    Path("ends.py").write_text(
        "import sys\ndef objective(config, test=False):\n    return sys.exit(0) if test else 0.5\n"
    )
    done = sweeper(
        *("run", "ends.py:objective", "--space", "x=uniform(0,1)", "--trials", "1", "--test"),
        *("--address", "inline", "--quiet"),
    )
    assert done.returncode == 2
    assert "RuntimeError: The objective ended its process: SystemExit: 0" in done.stderr


@pytest.mark.slow
def test_accuracy_is_said_of_the_built_in_classifier_only(project, here):
    Path("far.py").write_text("def objective(config, test=False):\n    return 23.29\n")
    done = here(
        *("run", "far.py:objective", "--space", "x=uniform(0,1)", "--trials", "1", "--test"),
        *("--address", "inline", "--quiet", "--no-report"),
    )
    assert done.returncode == 0, done.stderr
    assert "test set: error 23.29\n" in done.stdout
    of_accuracy = here(
        *("run", "far.py:objective", "--space", "x=uniform(0,1)", "--trials", "1", "--test"),
        *("--metric", "accuracy", "--mode", "max", "--address", "inline", "--quiet", "--no-report"),
    )
    assert "test set: accuracy 23.29\n" in of_accuracy.stdout, of_accuracy.stderr


def test_a_key_error_has_its_name(project, capsys):
    Path("keys.py").write_text("def objective(config):\n    return config['y']\n")
    Path("keys.yaml").write_text(
        "objective: keys.py:objective\nspace: {x: 1}\naddress: inline\nquiet: true\n"
    )
    assert main(["run", "keys.yaml", "--debug", "--trials", "1"]) == 2
    assert "sweeper: KeyError: 'y'" in capsys.readouterr().err


def test_without_a_command_the_help(capsys):
    assert main([]) == 2
    assert "run a sweep" in capsys.readouterr().out


@pytest.mark.slow
def test_resume_from_the_shell(project, here):
    command = ["run", "mine.py:objective", "--space", "x=uniform(0,1)", "--trials", "3"]
    first = here(*command, "--name", "s", "--replicates", "2", "--no-report", "--address", "inline")
    assert first.returncode == 0, first.stderr
    journal = project / "runs" / "s" / "trials.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:2]) + '{"trial": 9')
    resumed = sweeper("resume", "runs/s", "--trials", "4", "--no-report", "--address", "inline")
    assert resumed.returncode == 0, resumed.stderr
    assert "8 finished" in resumed.stdout
    assert "trials.jsonl:3: cut short" in resumed.stderr
    for line in first.stdout.splitlines()[1:7]:
        assert line.split()[:3] in [other.split()[:3] for other in resumed.stdout.splitlines()]
    grid = here("resume", "runs/s", "--trials", "2")
    assert (grid.returncode, "num_trials: was 4, is 2" in grid.stderr) == (2, True)
    assert "Traceback" not in grid.stderr


@pytest.mark.slow
def test_a_lambda_is_resumed_with_an_objective_given(project, here):
    Path("script.py").write_text(
        textwrap.dedent(
            """
            import sweeper

            if __name__ == "__main__":
                search = sweeper.RandomSearch(2)
                sweeper.run(lambda config: 0.5, {"x": [1, 2]}, search, name="s", address="inline")
            """
        )
    )
    subprocess.run([sys.executable, "script.py"], check=True, capture_output=True)
    refused = here("resume", "runs/s")
    assert refused.returncode == 2
    assert (
        "can't be found by its name; if it has one, give it as file.py:function" in refused.stderr
    )
    given = sweeper(
        "resume",
        "runs/s",
        "mine.py:objective",
        "--trials",
        "3",
        "--no-report",
        "--address",
        "inline",
    )
    assert given.returncode == 0, given.stderr
    assert "Note: the objective was" in given.stderr


def test_list_export_and_compare(project, run, capsys):
    def said(*arguments: str) -> tuple[int, str, str]:
        return main(arguments), *capsys.readouterr()

    for name, seed in (("one", 1), ("two", 2)):
        space, search = {"x": stats.uniform(0, 1)}, RandomSearch(3)
        run(
            lambda config: 2 * config["x"], space, search, name=name, seed=seed, address="inline",
            num_workers=1,
        )  # fmt: skip
    (project / "runs" / "no sweep").mkdir()
    code, listed, _ = said("list")
    assert code == 0
    assert [line.split()[1] for line in listed.splitlines()] == ["runs/one:", "runs/two:"]
    assert said("list", "nowhere")[0] == 2
    written = pd.read_csv(io.StringIO(said("export", "runs/one")[1]))
    frame = load("runs/one").frame
    assert list(written["validation_error"]) == pytest.approx(list(frame["validation_error"]))
    assert list(written.columns) == list(frame.columns)
    assert said("export", "runs/one", "--to", "parquet", "-o", "one.parquet")[0] == 0
    assert list(pd.read_parquet("one.parquet")["x"]) == list(frame["x"])
    assert "needs a file" in said("export", "runs/one", "--to", "parquet")[2]
    code, compared, _ = said("compare", "runs/one", "runs/two")
    assert code == 0
    assert "Best validation error after 3 trials" in compared
    assert said("compare", "runs/one")[0] == 2
