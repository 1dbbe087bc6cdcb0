"""The examples as a newcomer runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import ray

import sweeper

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parent.parent
EXAMPLES = {path.stem: path.read_text() for path in (ROOT / "examples").glob("*.py")}


@pytest.fixture
def one_cpu(ray_session):
    """The address of the tests' own Ray, of which one CPU is free: each worker imports torch."""
    others = ray.util.placement_group([{"CPU": ray.cluster_resources()["CPU"] - 1}])
    assert others.wait(60)
    yield ray_session
    ray.util.remove_placement_group(others)


def run_example(name, folder, **variables):
    """What it prints, and the results of its sweep."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, ROOT / "examples" / f"{name}.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (made,) = (folder / "runs").iterdir()
    return done.stdout, sweeper.load(made)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short_and_the_docs_say_how_it_is_run(name):
    lines = EXAMPLES[name].splitlines()
    assert len([line for line in lines if line.strip()]) < 40
    assert f"python examples/{name}.py" in (ROOT / "docs" / "howto" / "objective.md").read_text()
    if "sweeper.run" in EXAMPLES[name]:
        assert f"python examples/{name}.py" in EXAMPLES[name].split('"""')[1]


@pytest.mark.parametrize(
    ("name", "other", "kept"),
    [
        ("plain_pytorch", "train_loss", "model.pt"),
        ("lightning_callback", "train_loss", "checkpoints"),
        ("scikit_learn", "deviation", None),
    ],
)
def test_an_example_prints_its_table_and_the_best(one_cpu, tmp_path, name, other, kept):
    # One starts a Ray, as for a newcomer; the others join one that runs already.
    joins = {} if name == "scikit_learn" else {"RAY_ADDRESS": one_cpu}
    printed, results = run_example(name, tmp_path, **joins)
    frame = results.frame
    header, *rows = printed.splitlines()[: len(frame) + 1]
    assert header.split() == frame.columns.to_list()
    assert [int(row.split()[0]) for row in rows] == frame["trial"].to_list()
    assert set(frame["status"]) <= {"finished", "stopped"}
    assert frame[["accuracy", other]].notna().all(axis=None)
    best = float(re.search(r"^best: (\S+)", printed, re.M)[1])
    assert best == frame["accuracy"][frame["status"] == "finished"].max() > 0.85
    assert kept is None or (results.best_folder / kept).exists()
    if name == "lightning_callback":
        assert set(frame["epochs"][frame["status"] == "stopped"]) <= {1, 3}
        assert (frame["status"] == "stopped").sum() > 4
    if name == "scikit_learn":
        assert frame["gamma"].isna().equals(frame["kernel"] == "linear")
        assert float(re.search(r"accuracy on the test set: (\S+)", printed)[1]) > 0.85
        assert len(results.test_looks) == 1
