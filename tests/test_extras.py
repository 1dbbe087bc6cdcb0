"""Without Ray, torch and the packages of exports: what works, and what is said of the rest."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

# Each line that it reads is a command, each that it writes what came of it: a process for each
# would import the same again, and whatever is missing is missed each time.
BARE = """
import contextlib
import importlib.metadata
import io
import json
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

for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(json.loads(line))
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""
RUN = ["run", "mine.py:objective", "--space", "x=uniform(0,1)", "--trials"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A directory with an objective that needs nothing."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "mine.py").write_text("def objective(config):\n    yield config['x']\n")
    return folder


@pytest.fixture(scope="module")
def bare(folder) -> Iterator[Callable[..., SimpleNamespace]]:
    """Runs commands where all that is missing, in a directory with two sweeps."""
    process = subprocess.Popen(
        [sys.executable, "-c", BARE],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip

    def run(*arguments: str) -> SimpleNamespace:
        process.stdin.write(json.dumps(arguments) + "\n")
        process.stdin.flush()
        code, out, err = json.loads(process.stdout.readline())
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    with process:
        for name, seed in (("s", "0"), ("t", "1")):
            done = run(*RUN, "6", "--address", "inline", "--name", name, "--seed", seed)
            assert done.returncode == 0, done.stderr
            assert "6 finished" in done.stdout
        yield run


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
def test_records_are_read_and_sweeps_run_one_trial_after_another(folder, bare, command):
    done = bare(*command.split())
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
def test_what_is_missing_is_named_with_its_extra(folder, bare, command, package, extra):
    before = sorted(folder.rglob("*"))
    done = bare(*command.split())
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"sweeper: {package} is not installed, and this needs it")
    assert f"pip install 'sweeper[{extra}]'" in last
    assert "Traceback" not in done.stderr
    assert sorted(folder.rglob("*")) == before
