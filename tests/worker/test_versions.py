import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sweeper
from sweeper.worker.versions import differences, versions


def test_the_versions_are_those_of_what_an_import_finds():
    found = versions()
    assert found["Python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert found["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert found["sweeper"].startswith(f"{sweeper.__version__} (source ")


@pytest.fixture
def other(tmp_path) -> Path:
    """A copy of sweeper's source, to be changed."""
    shutil.copytree(
        Path(sweeper.__file__).parent, tmp_path / "sweeper",
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    return tmp_path / "sweeper"


def elsewhere(folder: Path) -> dict:
    """The versions of a process that finds packages in this folder first."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n" + (
        "from sweeper.worker.versions import versions; print(versions())"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return eval(done.stdout)


def test_a_copy_is_the_same_until_a_line_differs(other):
    here = versions()
    assert differences(elsewhere(other.parent), here) == []
    with open(other / "trial.py", "a") as file:
        file.write("# one more line\n")
    (line,) = differences(elsewhere(other.parent), here)
    assert line.startswith(f"sweeper {sweeper.__version__} (source ")
    assert line.endswith(f", the driver has {here['sweeper']}")


def test_builds_of_one_version_are_the_same_and_what_is_missing_is_not():
    here = {"Python": "3.11.7", "torch": "2.14.0+cpu", "numpy": "2.4.6"}
    assert differences({**here, "torch": "2.14.0+cu126"}, here) == []
    assert differences({**here, "torch": "2.14.1+cpu", "numpy": None}, here) == [
        "torch 2.14.1+cpu, the driver has 2.14.0+cpu",
        "numpy is missing, the driver has 2.4.6",
    ]
