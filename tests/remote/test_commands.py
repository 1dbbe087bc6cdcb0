import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from eavesdropping import TOKEN, Eavesdropper, listening
from made_records import sweep as write_sweep

from sweeper.cli.main import main
from sweeper.cluster.strangers import name_of
from sweeper.record.own_sweeps import Head, note_head
from sweeper.remote.commands import _to_travel, chosen_head

NOWHERE = {"address": None, "cluster": None}


@pytest.mark.parametrize(
    ("options", "head"),
    [
        ({}, None),
        ({"address": "local"}, None),
        ({"address": "10.0.0.1:6379"}, None),
        ({"address": "http://head:8265"}, Head("http://head:8265", None)),
        ({"address": "https://head"}, Head("https://head", None)),
        ({"cluster": "/some/cluster.yaml"}, Head(None, "/some/cluster.yaml")),
    ],
)
def test_which_head_the_options_name(options, head):
    assert chosen_head({**NOWHERE, **options}) == head


def test_a_relative_cluster_file_is_found_from_elsewhere_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    head = chosen_head({**NOWHERE, "cluster": "cluster.yaml"})
    assert head == Head(None, str(tmp_path / "cluster.yaml"))


def test_two_places_are_one_too_many():
    with pytest.raises(ValueError, match="--cluster and --address name two places"):
        chosen_head({"address": "local", "cluster": "cluster.yaml"})


def sent_to(tmp_path, content: str) -> Path:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "job.json").write_text(content)
    return tmp_path


HEADS = [Head("http://head:8265", None), Head(None, "/some/cluster.yaml")]


def says(head: Head, job: str = "raysubmit_1") -> str:
    return json.dumps({"job": job, "address": head.address, "cluster": head.cluster})


@pytest.mark.parametrize("head", HEADS)
def test_a_folder_goes_on_where_it_was_sent_unless_the_options_say_otherwise(tmp_path, head):
    folder = sent_to(tmp_path, says(head))
    note_head(folder, head)
    assert chosen_head(NOWHERE, folder) == head
    assert chosen_head({**NOWHERE, "address": "local"}, folder) is None
    assert chosen_head(NOWHERE, tmp_path / "another") is None


@pytest.mark.parametrize(
    "noted", [None, Head("http://other:8265", None), Head("http://head:8265/", None)]
)
@pytest.mark.parametrize("head", HEADS)
def test_where_only_the_folder_says_that_it_was_sent_nothing_goes(tmp_path, head, noted):
    """A folder of an older sweeper is like one of a stranger."""
    folder = sent_to(tmp_path / "it's mine", says(head))
    if noted:
        note_head(folder, noted)
    option = "--address" if head.address else "--cluster"
    cure = f"sweeper resume {shlex.quote(str(folder))} {option} {head}"
    here = f"To go on here: sweeper resume {shlex.quote(str(folder))} --address local"
    with pytest.raises(ValueError, match="but not by you") as refusal:
        chosen_head(NOWHERE, folder)
    assert cure in str(refusal.value)
    assert here in str(refusal.value)
    assert chosen_head({**NOWHERE, "address": "http://head:8265"}, folder) == HEADS[0]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"job": 1, "address": "http://x", "cluster": null}',
                '{"job": "j", "address": null, "cluster": null}', "[" * 100_000,
                says(HEADS[0], "../version"), says(HEADS[0], ""), says(HEADS[0], "a\nb")]
)  # fmt: skip
def test_a_damaged_note_of_a_job_is_named(tmp_path, content):
    with pytest.raises(ValueError, match=r"job\.json: damaged"):
        chosen_head(NOWHERE, sent_to(tmp_path, content))


@pytest.mark.parametrize(
    ("objective", "travels_as"),
    [
        ("mine.py:objective", "mine.py:objective"),
        ("{here}/code/mine.py:objective", "code/mine.py:objective"),
        ("package.module:objective", "package.module:objective"),
        ("{here}/sweep.yaml", "sweep.yaml"),
    ],
)
def test_files_travel_by_their_place_in_the_working_directory(
    tmp_path, monkeypatch, objective, travels_as
):
    monkeypatch.chdir(tmp_path)
    travelling = _to_travel({"objective": objective.format(here=tmp_path), "trials": 3})
    assert travelling == {"objective": travels_as, "trials": 3, **NOWHERE}


def test_a_file_from_elsewhere_does_not_travel(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"\.\./mine\.py: only what is in the working directory"):
        _to_travel({"objective": "../mine.py:objective"})


def test_what_was_sent_nowhere_can_not_be_attached_to(tmp_path, capsys):
    assert main(["attach", str(tmp_path)]) == 2
    assert "no sweep here that was sent to a cluster (no job.json)" in capsys.readouterr().err


def test_a_head_that_is_not_there_leaves_no_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--address", "http://127.0.0.1:1"]) == 2
    assert "No dashboard of a Ray cluster answers" in capsys.readouterr().err
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_dry_run_needs_no_cluster(capsys):
    assert main(["run", "--address", "http://127.0.0.1:1", "--trials", "2", "--dry-run"]) == 0
    assert capsys.readouterr().out.count("learning_rate") == 2


@pytest.fixture
def eavesdropper(monkeypatch) -> Iterator[Eavesdropper]:
    """One whom this user's token would reach, if it were sent."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    heard = Eavesdropper()
    yield heard
    heard.close()


TRAP = """
open("it-ran", "w").close()

def objective(config):
    return 0.5
"""


@pytest.fixture
def foreign(tmp_path, monkeypatch) -> Path:
    """The folder of a stranger's sweep, with code of his, in the user's working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "F"
    folder.mkdir(parents=True)
    (folder / "trap.py").write_text(TRAP)
    write_sweep(folder, objective="trap:objective", objective_file="runs/F/trap.py",
                config_space={"x": "uniform(0, 1)"}, constraints=[])  # fmt: skip
    return folder


@pytest.mark.parametrize("command", ["attach", "resume", "confirm"])
def test_a_foreign_folder_gets_no_token_and_no_code(foreign, eavesdropper, command, capsys):
    (foreign / "job.json").write_text(says(Head(eavesdropper.url, None)))
    assert main([command, "runs/F"]) == 2
    assert f"{command} runs/F --address {eavesdropper.url}" in capsys.readouterr().err
    assert eavesdropper.heard == b""
    # That this test would see it: with the address typed the token is sent there.
    assert main([command, "runs/F", "--address", eavesdropper.url]) == 2
    assert TOKEN.encode() in eavesdropper.heard


@pytest.mark.parametrize("command", ["attach", "resume", "confirm"])
def test_a_foreign_folder_brings_no_way_to_a_cluster(foreign, command, capsys):
    """One of the type external would run code from the folder to find its head."""
    (foreign / "cluster.yaml").write_text(
        "cluster_name: trap\nauth: {ssh_user: x}\n"
        "provider: {type: external, module: runs.F.trap.objective}\n"
    )
    (foreign / "job.json").write_text(says(Head(None, "runs/F/cluster.yaml")))
    assert main([command, "runs/F"]) == 2
    assert f"{command} runs/F --cluster runs/F/cluster.yaml" in capsys.readouterr().err
    assert not Path("it-ran").exists()


def test_the_code_of_a_foreign_folder_is_not_loaded(foreign, capsys):
    assert main(["resume", "runs/F", "--address", "inline"]) == 2
    said = capsys.readouterr().err
    assert "would run trap:objective of runs/F/trap.py, which only the folder names" in said
    assert "sweeper resume runs/F file.py:function" in said
    assert not Path("it-ran").exists()


def test_a_tunnel_that_a_stranger_has_taken_gets_nothing(foreign, monkeypatch, capsys):
    """What was sent through a port of this machine, which another user listens at now."""
    with listening(foreign.parent, monkeypatch) as stranger:
        head = Head(f"http://127.0.0.1:{stranger.port}", None)
        (foreign / "job.json").write_text(says(head))
        note_head(foreign, head)
        assert main(["attach", "runs/F"]) == 2
        assert f"now belongs to {name_of(stranger.uid)}, who would" in capsys.readouterr().err
        assert stranger.heard() == b""
