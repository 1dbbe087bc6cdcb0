from pathlib import Path

import pytest

import sweeper
from sweeper.record.objective_changes import other_changes, values_that_differ
from sweeper.worker.objective_reference import describe_objective
from sweeper.worker.objective_state import objective_state
from sweeper.worker.whole_files import whole_files

FILES = {
    "train.py": "import json, near\nfrom package import inner\nfrom package.other import f\n",
    "near.py": "import train\nimport numpy\n",  # a circle
    "package/__init__.py": "raise AssertionError\n",
    "package/inner.py": "x = 1\n",
    "package/other.py": "def f(:\n",
    "unused.py": "",
    "run.sh": "python train.py\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / "package").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_and_the_own_modules_that_it_imports(project):
    found = whole_files("train.py", project / "train.py")
    modules = {"near", "train", "package", "package.inner", "package.other"}
    assert set(found) == {"train.py", *modules}
    for changed, names in (("package/inner.py", {"package.inner"}), ("unused.py", set())):
        (project / changed).write_text("y = 2\n")
        again = whole_files("train.py", project / "train.py")
        assert {name for name in found if found[name] != again[name]} == names
        found = again


def test_what_is_no_python_is_one_file(project):
    assert set(whole_files("run.sh", project / "run.sh")) == {"run.sh"}


def test_a_changed_script_of_a_command_is_noted(project):
    def described():
        return describe_objective(sweeper.Command("python train.py --lr {lr}", metric="loss"))

    before = described()
    assert other_changes(before, described()) == []
    (project / "near.py").write_text("import torch\n")
    after = described()
    assert values_that_differ(before, after) == []
    (note,) = other_changes(before, after)
    assert note == (
        "the source of near, which the objective uses, has changed since the sweep began."
    )


def test_commands_without_scripts(project):
    for command in ("true", "python -m train", "cat none.py {x}", "bash run.sh"):
        state = objective_state(sweeper.Command(command, metric="loss"))
        assert set(state["sources"]) == ({"run.sh"} if "run.sh" in command else set())
        assert state["values"] == {}
