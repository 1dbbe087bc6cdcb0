import os

import pytest

from sweeper.record.sweep_folder import normal_path


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("runs/first", "runs/first"),
        ("runs/../runs/./first/", "runs/first"),
        (".", "{here}"),
        ("..", "{above}"),
        ("../elsewhere", "{above}/elsewhere"),
        ("{here}/runs/first", "runs/first"),
    ],
)
def test_a_folder_has_a_name_however_it_is_given(tmp_path, monkeypatch, given, path):
    monkeypatch.chdir(tmp_path)
    places = {"here": tmp_path, "above": tmp_path.parent}
    given = given.format(**places)
    assert str(normal_path(given)) == path.format(**places)
    assert normal_path(given).name not in ("", ".", "..")
    assert os.path.abspath(normal_path(given)) == os.path.abspath(given)
