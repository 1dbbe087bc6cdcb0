import json
from pathlib import Path

import pytest

from sweeper.cli.main import main
from sweeper.remote.commands import _to_travel, chosen_head
from sweeper.remote.head import Head

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
    (tmp_path / "job.json").write_text(content)
    return tmp_path


@pytest.mark.parametrize("head", [Head("http://head:8265", None), Head(None, "/cluster.yaml")])
def test_a_folder_goes_on_where_it_was_sent_unless_the_options_say_otherwise(tmp_path, head):
    known = {"job": "raysubmit_1", "address": head.address, "cluster": head.cluster}
    folder = sent_to(tmp_path, json.dumps(known))
    assert chosen_head(NOWHERE, folder) == head
    assert chosen_head({**NOWHERE, "address": "local"}, folder) is None
    assert chosen_head(NOWHERE, tmp_path / "another") is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"job": 1, "address": "http://x", "cluster": null}',
                '{"job": "j", "address": null, "cluster": null}', "[" * 100_000]
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
