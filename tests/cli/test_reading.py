import csv
import itertools
import json
import os
import resource
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from made_records import row, sweep

from sweeper.cli.main import main
from sweeper.record.journal import Journal
from sweeper.record.running import note_progress, remove_progress


@pytest.fixture
def sweeps(tmp_path, monkeypatch):
    """A working directory with two sweeps in runs/."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("one", "two")):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        sweep(folder, config_space={"lr": "uniform(0, 1)"}, seed=seed)
        with closing(Journal(folder)) as journal:
            journal.append(*(row(trial, value=0.5**trial) for trial in range(3)))
    return tmp_path


@pytest.mark.parametrize(
    "command", [["report", "runs/one"], ["export", "runs/one"], ["compare", "runs/one", "runs/two"]]
)
def test_a_file_that_can_not_be_written_is_found_out_before_anything_else(sweeps, command, capsys):
    assert main([*command, "-o", "no/x.html"]) == 2
    assert main([*command, "-o", "runs"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "sweeper: -o no/x.html: there is no folder no. Make it, or name a file elsewhere.\n"
        "sweeper: -o runs: is a folder. Name a file in it.\n"
    )
    assert main([*command, "-o", "x.html"]) == 0
    assert (sweeps / "x.html").stat().st_size


def test_a_folder_without_sweeps_is_said_to_be_one(sweeps, capsys):
    (sweeps / "empty").mkdir()
    assert main(["list", "empty"]) == 1
    assert capsys.readouterr() == ("", "empty: no sweeps yet.\n")
    assert main(["list"]) == 0
    assert capsys.readouterr().err == ""
    for name in ("one", "two"):
        (sweeps / "runs" / name / "sweep.json").write_text("[")
    assert main(["list"]) == 1
    said = capsys.readouterr().err
    assert said.count("left out") == 2
    assert "no sweeps yet" not in said


@pytest.fixture
def secret(tmp_path) -> Path:
    """A file of the user's, which no folder is to bring to light."""
    path = tmp_path / "id_rsa"
    path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n")
    return path


READERS = [["show"], ["report"], ["export"], ["compare", "runs/two"], ["list"]]


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("file", ["trials.jsonl", "sweep.json", "test_looks.jsonl"])
@pytest.mark.parametrize("kind", ["a link", "a FIFO", "a folder", "/dev/zero"])
def test_only_plain_files_of_a_folder_are_read(sweeps, secret, command, file, kind, capsys):
    """None is waited for, none is shown, and `list` shows the others."""
    path = sweeps / "runs" / "one" / file
    path.unlink(missing_ok=True)
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path.symlink_to(secret if kind == "a link" else kind)
    is_list = command == ["list"]
    code = main(command if is_list else [command[0], "runs/one", *command[1:]])
    said = capsys.readouterr()
    assert "b3Blb" not in said.out + said.err
    if is_list:
        assert code == 0
        assert "runs/two: 3 finished" in said.out
        assert "runs/one" not in said.out
    if not (command[0] in ("compare",) and file == "test_looks.jsonl"):
        assert is_list or code == 2
    if code == 2:
        shown = kind if kind in ("a FIFO", "a folder") else "a link"
        assert f"runs/one/{file}: is {shown}, but must be a plain file" in said.err
        assert said.out == ""


@pytest.mark.slow
def test_a_report_is_written_over_no_file_of_the_users(sweeps, secret):
    """A link under its name in the folder, which may come from anywhere, gives way to it."""
    before = secret.read_bytes()
    report = sweeps / "runs" / "one" / "report.html"
    for given in ([], ["-o", "runs/one/report.html"], ["-o", "runs/../runs/one/report.html"]):
        report.unlink(missing_ok=True)
        report.symlink_to(secret)
        assert main(["report", "runs/one", *given]) == 0
        assert not report.is_symlink()
        assert secret.read_bytes() == before
    report.unlink()
    os.mkfifo(report)  # nobody reads there
    assert main(["report", "runs/one"]) == 0
    assert report.is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "begins"),
    [
        (["report", "runs/one"], b"<!"),
        (["export", "runs/one"], b"trial,"),
        (["compare", "runs/one", "runs/two"], b"<"),  # plotly 6 writes no doctype
    ],
)
def test_what_the_user_names_is_written_into(sweeps, secret, tmp_path, command, begins):
    (tmp_path / "mine").symlink_to(secret)
    secret.chmod(0o600)
    assert main([*command, "-o", "mine"]) == 0
    assert (tmp_path / "mine").is_symlink()
    assert secret.read_bytes().startswith(begins)
    assert secret.stat().st_mode & 0o777 == 0o600
    assert main([*command, "-o", "/dev/null"]) == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo("fifo")
    with ThreadPoolExecutor(1) as other:
        read = other.submit(Path("fifo").read_bytes)
        assert main([*command, "-o", "fifo"]) == 0
        assert read.result().startswith(begins)
    assert Path("fifo").is_fifo()


@pytest.mark.parametrize("kind", ["tensorboard", "optuna", "mlflow"])
def test_what_is_there_is_not_written_over(sweeps, kind, capsys):
    export = ["export", "runs/one", "--to", kind, "-o"]
    assert main([*export, "new"]) == 0
    before = {path: path.stat().st_mtime_ns for path in [Path("new"), *Path("new").rglob("*")]}
    Path("link").symlink_to("nowhere")
    for output in ("new", "link", "."):
        assert main([*export, output]) == 2
        assert f"-o {output}: is there already. Remove it, or" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert main([*export, "no/new"]) == 2
    assert "-o no/new: there is no folder no. Make it" in capsys.readouterr().err
    assert main(export[:-1]) == 2
    what = "folder: -o FOLDER" if kind == "tensorboard" else "file: -o FILE"
    assert capsys.readouterr() == ("", f"sweeper: --to {kind} needs a {what}.\n")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "sqlite:///x.db", "file:///tmp/x"])
def test_runs_for_mlflow_go_into_a_file_only(sweeps, address, capsys):
    before = set(Path().rglob("*"))
    assert main(["export", "runs/one", "--to", "mlflow", "-o", address]) == 2
    said = capsys.readouterr().err
    assert f"sweeper: -o {address}: --to mlflow writes a file, and sends nothing to a" in said
    assert set(Path().rglob("*")) == before


@pytest.mark.parametrize("kind", ["tensorboard", "optuna", "mlflow"])
def test_a_full_disk_leaves_nothing_of_an_export(sweeps, kind, capsys):
    main(["export", "runs/one", "--to", kind, "-o", "loads_what_it_needs"])
    before = set(Path().iterdir())
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        assert main(["export", "runs/one", "--to", kind, "-o", "x"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "File too large: 'x'" in capsys.readouterr().err
    assert set(Path().iterdir()) == before


def test_show_tells_what_early_stopping_saved(tmp_path, capsys):
    scheduler = {"kind": "ASHA", "grace_epochs": 1, "reduction_factor": 2}
    (tmp_path / "early").mkdir()
    folder = sweep(tmp_path / "early", config_space={"lr": "uniform(0, 1)"}, scheduler=scheduler)
    with closing(Journal(folder)) as journal:
        for trial, error in enumerate((0.2, 0.3, 0.4, 0.5)):
            journal.append(row(trial, value=error, curve=[[1, error, 0.1], [2, error, 0.2]]))
    assert main(["show", str(folder)]) == 0
    said = capsys.readouterr().out
    assert (
        "1 of 4 trials was trained to the end; 3 were stopped after 1 epoch: 5 epochs instead of 8."
        in said
    )
    assert "advice: " not in said


@pytest.fixture
def accuracies(tmp_path, monkeypatch):
    """Two sweeps in runs/ whose accuracy is to be high, and one of another metric."""
    monkeypatch.chdir(tmp_path)
    for name, metric in (("one", "accuracy"), ("two", "accuracy"), ("other", "f1")):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        space, seed = {"lr": "uniform(0, 1)"}, len(name)
        sweep(folder, config_space=space, seed=seed, metric=metric, mode="max")
        with closing(Journal(folder)) as journal:
            for trial in range(4):
                others = {"train_loss": 0.5 - 0.1 * trial} if trial else {}
                journal.append(row(trial, value=0.5 + 0.1 * trial, metrics=others))
    return tmp_path


def test_show_says_how_to_go_on_with_a_sweep_of_which_nothing_runs(accuracies, capsys):
    folder = Path("runs/one")
    described = json.loads((folder / "sweep.json").read_text())
    going_on = "of the planned trials have not ended, and nothing runs. Go on with: sweeper resume"
    for planned in (4, 9):
        (folder / "sweep.json").write_text(json.dumps(described | {"num_trials": planned}))
        assert main(["show", "runs/one"]) == 0
        assert (f"5 {going_on} runs/one" in capsys.readouterr().out) == (planned == 9)
        assert main(["list"]) == 0
        assert ("; 5 have not ended" in capsys.readouterr().out) == (planned == 9)
    note_progress(folder, ["4/9 trials"])
    assert main(["show", "runs/one"]) == 0
    said = capsys.readouterr().out
    assert "it runs: 4/9 trials" in said
    assert going_on not in said
    remove_progress(folder)
    (folder / "job.json").write_text("{}")
    assert main(["show", "runs/one"]) == 0
    said = capsys.readouterr().out
    assert "have not ended, and nothing here follows the sweep on its cluster. Go on with: " in said


def test_show_orders_by_the_metric_and_has_the_others(accuracies, capsys):
    assert main(["show", "runs/one"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["trial", "accuracy", "lr", "train_loss"]
    assert [line.split()[0] for line in lines[1:5]] == ["3", "2", "1", "0"]
    assert "best: accuracy 0.8 with {'lr': 0.30000000000000004}" in lines
    assert any(line.startswith("Trial 3 has the highest accuracy, 0.8 of 4") for line in lines)


def test_list_and_export_name_the_metric(accuracies, capsys):
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert said.count("best accuracy 0.8 with") == 2
    assert said.count("best f1 0.8 with") == 1
    assert main(["export", "runs/one"]) == 0
    header, first = capsys.readouterr().out.splitlines()[:2]
    assert header.startswith("trial,replicate,lr,accuracy,train_loss,epochs,status")
    assert first.startswith("0,0,0.0,0.5,,2,finished")


def test_compare_prints_the_best_and_refuses_other_metrics(accuracies, capsys):
    assert main(["compare", "runs/one", "runs/two"]) == 0
    assert "Best accuracy after 4 trials: " in capsys.readouterr().out
    assert main(["compare", "runs/one", "runs/other"]) == 2
    assert "runs/one has 'accuracy' (max), runs/other has 'f1' (max)" in capsys.readouterr().err


def test_a_folder_that_is_anything_hides_no_other_in_the_list(sweeps, capsys):
    runs = sweeps / "runs"
    sweep(make(runs / "no_rows")).joinpath("trials.jsonl").mkdir()
    sweep(make(runs / "odd_scheduler"), scheduler={"kind": "ASHA", "grace_epochs": [[]]})
    sweep(make(runs / "odd_metric"), metric=["a"])
    sweep(make(runs / "odd_looks")).joinpath("test_looks.jsonl").mkdir()
    assert main(["list"]) == 0
    said = capsys.readouterr()
    assert [line.split()[1] for line in said.out.splitlines()] == ["runs/one:", "runs/two:"]
    assert said.err.count("left out") == 4


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


FORGED = "\nruns/mine: 50 finished; best 0.0001\x1b[31m"


def test_nothing_in_a_folder_makes_a_line_of_its_own(sweeps, capsys):
    folder = sweeps / "runs" / f"a{FORGED.replace('/', '-')}"
    space = {f"lr{FORGED}": "uniform(0, 1)"}
    sweep(make(folder), created=f"2026{FORGED}", config_space=space)
    with closing(Journal(folder)) as journal:
        for trial in range(12):
            config = {f"lr{FORGED}": 0.08 * trial}
            journal.append(row(trial, config=config, value=trial / 20, node=FORGED))
    with open(folder / "trials.jsonl", "a") as file:
        file.write("cut" + FORGED.strip())
    other = make(sweeps / "runs" / f"b{FORGED.replace('/', '-')}")
    sweep(other, searcher={"kind": FORGED})
    (other / "trials.jsonl").write_bytes((folder / "trials.jsonl").read_bytes())
    for command in (
        *(["list"], ["show", str(folder)], ["report", str(folder)]),
        ["compare", str(folder), str(other), "-o", "c\nruns.html"],
    ):
        assert main(command) == 0, capsys.readouterr().err
        said = "".join(capsys.readouterr())
        assert "\x1b" not in said
        assert not any(line.startswith(("runs/mine", "runs-mine")) for line in said.splitlines())


@pytest.fixture
def texts(tmp_path):
    """A sweep whose choices are hard to export, and what is to be in its cells."""
    cells = {
        "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
        " @SUM(1)": "' @SUM(1)",
        "+x": "'+x",
        "-x": "'-x",
        "-1": "-1",
        "+1e-3": "+1e-3",
        "plain": "plain",
        "half \udc80": "half ?",
        "two\nlines": "two\nlines",
        "x" * 30_000: "x" * 30_000,
    }
    folder = sweep(tmp_path, config_space={"=a": str(list(cells)), "n": "uniform(-1, 1)"})
    with closing(Journal(folder)) as journal:
        for trial, text in enumerate(cells):
            journal.append(row(trial, config={"=a": text, "n": -0.5}))
    return folder, cells


def test_what_a_spreadsheet_would_compute_is_exported_as_text(texts, tmp_path):
    folder, cells = texts
    assert main(["export", str(folder), "-o", str(tmp_path / "x.csv")]) == 0
    with open(tmp_path / "x.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [one["'=a"] for one in rows] == list(cells.values())
    assert {one["n"] for one in rows} == {"-0.5"}
    assert main(["export", str(folder), "--to", "parquet", "-o", str(tmp_path / "x.pq")]) == 0
    assert pd.read_parquet(tmp_path / "x.pq")["=a"].tolist()[0] == next(iter(cells))


def test_an_export_to_a_terminal_is_printable(texts, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["export", str(texts[0])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(texts[1])
    assert all(line.isprintable() for line in lines)


@pytest.mark.slow
def test_a_terminal_of_few_characters_shows_what_it_can(sweeps):
    with closing(Journal(sweeps / "runs" / "one")) as journal:
        journal.append(*(row(trial, value=0.5) for trial in range(3, 30)))
    done = subprocess.run(
        [sys.executable, "-m", "sweeper", "show", "runs/one"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
    )
    assert done.returncode == 0, done.stderr
    assert b"\\u2026 and 10 more trials" in done.stdout


@pytest.mark.parametrize("kind", ["large", "half"])
def test_odd_numbers_and_names_are_read_without_a_warning(tmp_path, kind, capsys, recwarn):
    """Numbers at the end of the floats, whose sums are none, and halves of surrogate pairs."""
    name, size = ("lr", 1.7e308) if kind == "large" else ("lr\udc80", 0.5)
    space = {name: "uniform(0, 1)", "c\udc81": "['\udc80', 'b']", "e": "norm(0, 1e308)"}
    folders = [make(tmp_path / str(seed)) for seed in (0, 1)]
    for seed, folder in enumerate(folders):
        sweep(folder, config_space=space, replicates=2, num_trials=12, seed=seed)
        with closing(Journal(folder)) as journal:
            for trial, replicate in itertools.product(range(12), range(2)):
                value = size * (-1) ** trial * (1 - trial / 100 - replicate / 1000)
                odd = {"c\udc81": ["\udc80", "b"][trial % 2], "e": size * (-1) ** (trial // 2)}
                curve = [[1, value, 0.1], [2, -value, 0.2]]
                times = {"start_s": trial * size / 20, "runtime_s": size / 30}
                config = {name: trial / 12, **odd}
                journal.append(
                    row(
                        trial, replicate=replicate, config=config, value=value, curve=curve, **times
                    )
                )
    for command in ("show", "report", "export", "compare"):
        both = map(str, folders if command == "compare" else folders[:1])
        assert main([command, *both]) == 0
    assert capsys.readouterr().err == ""
    assert not recwarn.list


@pytest.mark.parametrize("command", [["report", "runs/one"], ["export", "runs/one"],
                                     ["export", "runs/one", "--to", "parquet"],
                                     ["compare", "runs/one", "runs/two"]])  # fmt: skip
def test_a_full_disk_is_named_with_the_path(sweeps, command, capsys):
    assert main([*command, "-o", "/dev/full"]) == 2
    assert "No space left on device: '/dev/full'" in capsys.readouterr().err
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)  # fails a write as a full disk does
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        assert main([*command, "-o", "x"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "File too large: 'x'" in capsys.readouterr().err
    assert not Path("x").exists()


def test_an_unknown_scheduler_is_named_with_the_file(sweeps, capsys):
    sweep(sweeps / "runs" / "one", scheduler={"kind": "M" * 30_000})
    assert main(["show", "runs/one"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("sweeper: runs/one/sweep.json: damaged. scheduler {'kind': 'MMM")
    assert len(said) < 11_000
