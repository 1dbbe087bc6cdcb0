from contextlib import closing

import pytest
from made_records import row, sweep

from sweeper.cli.main import main
from sweeper.record.journal import Journal


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
        "1 of 4 trials was trained to the end; 3 were stopped after 1 epoch: 5 of 8 epochs." in said
    )
    assert "advice: " not in said
