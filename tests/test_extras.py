"""Without Ray, torch and the packages of exports: what works, and what is said of the rest."""

import os
import subprocess
import sys

import pytest

BARE = """
import importlib.metadata
import sys

MISSING = ("ray", "torch", "torchvision", "pyarrow", "tensorboardX", "mlflow")
from_name = importlib.metadata.Distribution.from_name

def found(name):
    if name in MISSING:
        raise importlib.metadata.PackageNotFoundError(name)
    return from_name(name)

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

importlib.metadata.Distribution.from_name = found
sys.meta_path.insert(0, Missing())
from sweeper.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
RUN = ["run", "mine.py:objective", "--space", "x=uniform(0,1)", "--trials"]


def bare(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-c", BARE, *arguments], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A directory with an objective that needs nothing, and two sweeps of it."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "mine.py").write_text("def objective(config):\n    yield config['x']\n")
    for name, seed in (("s", "0"), ("t", "1")):
        done = bare(folder, *RUN, "6", "--address", "inline", "--name", name, "--seed", seed)
        assert done.returncode == 0, done.stderr
        assert "6 finished" in done.stdout
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "show runs/s",
        "list runs",
        "report runs/s -o page.html",
        "compare runs/s runs/t -o comparison.html",
        "export runs/s",
        "export runs/s --to optuna -o study.log",
        "resume runs/t --trials 8 --address inline",
    ],
)
def test_records_are_read_and_sweeps_run_one_trial_after_another(folder, command):
    done = bare(folder, *command.split())
    assert done.returncode == 0, done.stderr
    assert done.stdout or (folder / "study.log").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("resume runs/s --trials 8", "ray", "ray"),
        (f"{' '.join(RUN)} 2 --name new", "ray", "ray"),
        (f"{' '.join(RUN)} 2 --address http://127.0.0.1:9 --name new", "ray", "ray"),
        ("run --space lr=uniform(0,1) --trials 1 --address inline --name new", "torch", "torch"),
        ("doctor", "ray", "ray"),
        ("export runs/s -o table.parquet", "pyarrow", "export"),
        ("export runs/s --to tensorboard -o events", "tensorboardX", "export"),
        ("export runs/s --to mlflow -o runs.db", "mlflow", "mlflow"),
    ],
)
def test_what_is_missing_is_named_with_its_extra(folder, command, package, extra):
    before = sorted(folder.rglob("*"))
    done = bare(folder, *command.split())
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"sweeper: {package} is not installed, and this needs it")
    assert f"pip install 'sweeper[{extra}]'" in last
    assert "Traceback" not in done.stderr
    assert sorted(folder.rglob("*")) == before
