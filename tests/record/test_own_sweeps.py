import os
import shutil
import socket
from pathlib import Path

import pytest

from sweeper.record import own_sweeps
from sweeper.record.own_sweeps import (
    Head,
    check_folders,
    is_own_objective,
    note_head,
    note_objective,
    noted_head,
)

MINE = {"objective": "mine:objective", "objective_file": "/code/mine.py", "fixed_arguments": {}}
BUILT_IN = "sweeper.training.classifier:Classifier"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "sweeper"


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "runs" / "first"
    folder.mkdir(parents=True)
    return folder


def test_a_sweep_that_went_on_with_another_objective_knows_both(folder):
    others = [{**MINE, "objective": f"mine:objective_{i}"} for i in range(10)]
    for one in (others[0], MINE, MINE, others[1]):
        note_objective(folder, one)
    assert is_own_objective(folder, MINE)
    assert is_own_objective(folder, others[0])
    for one in others:
        note_objective(folder, one)
    assert is_own_objective(folder, others[-1])
    assert not is_own_objective(folder, MINE)


def test_only_the_code_that_was_run_there_is_known(folder):
    assert not is_own_objective(folder, MINE)
    note_objective(folder, {**MINE, "created": "today"})
    assert is_own_objective(folder, {**MINE, "created": "another day"})
    assert not is_own_objective(folder.parent, MINE)
    for name, other in (
        ("objective", "mine:another"),
        ("objective_file", "/runs/mine.py"),
        ("objective_file", None),
        ("fixed_arguments", {"0": "'rm -r'"}),
        ("fixed_arguments", None),
    ):
        assert not is_own_objective(folder, {**MINE, name: other})


@pytest.mark.parametrize(
    ("file", "own"), [(None, True), ("/runs/first/classifier.py", False), ("", False)]
)
def test_the_built_in_classifier_is_known_everywhere_but_not_by_its_name_alone(folder, file, own):
    described = {"objective": BUILT_IN, "objective_file": file, "fixed_arguments": {}}
    assert is_own_objective(folder, described) == own


@pytest.mark.parametrize("place", [Head("http://head:8265", None), Head(None, "/cluster.yaml")])
def test_where_a_sweep_was_sent_is_known_by_its_folder_however_that_is_named(
    folder, place, monkeypatch
):
    assert noted_head(folder) is None
    note_head(folder, place)
    note_objective(folder, MINE)  # beside it
    assert noted_head(folder) == place
    (folder.parent / "link").symlink_to(folder)
    assert noted_head(folder.parent / "link") == place
    monkeypatch.chdir(folder)
    assert noted_head(Path()) == place
    assert noted_head(folder.parent) is None


def test_notes_are_for_the_user_alone(folder, state):
    note_head(folder, Head("http://head:8265", None))
    (note,) = (state / "sweeps").iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    assert {path.stat().st_mode & 0o777 for path in (state, note.parent)} == {0o700}
    if os.getuid() == 0:  # only root can give it away
        os.chown(note, 12345, 12345)
        assert noted_head(folder) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"address": 1}', '{"code": 1}', "[" * 100_000])
def test_a_damaged_note_says_nothing_and_is_written_anew(folder, state, content):
    note_head(folder, Head("http://head:8265", None))
    (note,) = (state / "sweeps").iterdir()
    note.write_text(content)
    assert noted_head(folder) is None
    assert not is_own_objective(folder, MINE)
    note_objective(folder, MINE)
    assert is_own_objective(folder, MINE)


def test_a_link_is_no_note(folder, state, tmp_path):
    note_head(folder, Head("http://head:8265", None))
    (note,) = (state / "sweeps").iterdir()
    note.rename(tmp_path / "elsewhere.json")
    note.symlink_to(tmp_path / "elsewhere.json")
    assert noted_head(folder) is None


def test_without_a_place_for_notes_everything_is_unknown(folder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    note_objective(folder, MINE)
    assert not is_own_objective(folder, MINE)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")  # which is to be ignored, says XDG
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    note_objective(folder, MINE)
    assert is_own_objective(folder, MINE)
    assert (tmp_path / "home" / ".local" / "state" / "sweeper" / "sweeps").is_dir()


def test_notes_on_folders_that_are_gone_do_not_pile_up(tmp_path, state, monkeypatch):
    monkeypatch.setattr(own_sweeps, "_MANY", 4)
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        note_objective(folder, MINE)
        if number > 1:
            folder.rmdir()
    assert len(list((state / "sweeps").iterdir())) < 8
    assert is_own_objective(tmp_path / "0", MINE)


def test_what_leads_out_of_a_foreign_folder_is_named(folder, tmp_path):
    (tmp_path / "secret").mkdir()
    (folder / "trials" / "0-0").mkdir(parents=True)
    (folder / "sweep.json").write_text("{}")
    (folder / "latest").symlink_to("trials/0-0")
    check_folders(folder)
    (folder / "trials" / "0-0" / "model.pt").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to("../..")
    os.mkfifo(folder / "trials" / "pipe")
    with socket.socket(socket.AF_UNIX) as plug:
        monkey = os.open(folder, os.O_RDONLY)
        plug.bind(f"/proc/self/fd/{monkey}/plug")  # such names must be short
        os.close(monkey)
    with pytest.raises(ValueError, match="Nothing is written into") as refusal:
        check_folders(folder)
    said = str(refusal.value)
    for line in (
        f"trials/0-0/model.pt: is a link to {tmp_path / 'secret'}",
        f"up: is a link to {tmp_path}",
        "trials/pipe: is a FIFO",
        "plug: is a socket",
    ):
        assert f"{folder}/{line}" in said
    assert "latest" not in said


@pytest.mark.parametrize("name", ["output", "trials", "checkpoints"])
def test_of_an_own_folder_only_what_sweeper_writes_to_is_looked_at(folder, tmp_path, name):
    """Objectives may leave links where they like."""
    note_objective(folder, MINE)
    (folder / "trials" / "0-0").mkdir(parents=True)
    (folder / "trials" / "0-0" / "data").symlink_to(tmp_path)
    check_folders(folder)
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).symlink_to(tmp_path)
    with pytest.raises(ValueError, match=rf"{name}: is a link, but must be a folder"):
        check_folders(folder)
