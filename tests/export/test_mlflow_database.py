import math
import os
import subprocess
import sys
from datetime import datetime

import pytest
from eavesdropping import Eavesdropper
from exported import hostile, made

from sweeper.export.mlflow_database import write_mlflow_database
from sweeper.record.rows import others

STATUSES = {"finished": "FINISHED", "failed": "FAILED", "diverged": "FAILED"}
LARGEST = sys.float_info.max


def client_of(path):
    """MLflow's client of a database."""
    from mlflow import MlflowClient  # a second, not when tests are collected

    return MlflowClient(f"sqlite:///{path}")


def opened(path):
    """MLflow's client of a database, and its runs by their tag `trial`."""
    client = client_of(path)
    (default, experiment) = sorted(client.search_experiments(), key=lambda e: e.experiment_id)
    assert (default.name, client.search_runs([default.experiment_id])) == ("Default", [])
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    return client, experiment, {int(run.data.tags["trial"]): run for run in runs}


def history(client, run, key):
    return [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, key)]


def same(points, expected):
    """Compares steps and values; NaN equals NaN."""
    return repr(points) == repr(expected)


def test_mlflow_reads_equal_params_curves_statuses_tags_and_times(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    before = dict(os.environ)
    results = made(tmp_path / "runs" / "one")
    write_mlflow_database(results, tmp_path / "one.db")
    assert dict(os.environ) == before
    client, experiment, runs = opened(tmp_path / "one.db")
    assert experiment.name == "one"
    assert list(runs) == [row.trial for row in reversed(results.rows)]  # the latest first
    created = datetime.fromisoformat(results.sweep["created"]).timestamp()
    for row in results.rows:
        run = runs[row.trial]
        assert run.info.run_name == f"trial_{row.trial:02}"
        assert run.info.status == STATUSES.get(row.status, "KILLED")
        assert run.info.start_time == 1000 * (created + row.start_s)
        assert run.info.end_time - run.info.start_time == 1000 * row.runtime_s
        assert run.data.params == {name: str(value) for name, value in row.config.items()}
        told = {name: run.data.tags[name] for name in ("trial", "replicate", "seed", "status")}
        assert told == {name: str(getattr(row, name)) for name in told}
        assert run.data.tags.get("exception") == row.exception
        end = [(2, row.value)] if row.status == "diverged" else []
        curve = [(epoch, value) for epoch, value, *_ in row.curve]
        assert same(history(client, run, "validation_error"), curve + end)
        losses = [(point[0], others(point)["loss"]) for point in row.curve]
        assert same(history(client, run, "loss"), losses)
        last = row.value if row.value is not None else row.curve[-1][1]
        assert same(sorted(run.data.metrics.items()), [("loss", 1.5), ("validation_error", last)])


def test_the_best_is_found_and_long_values_are_cut_where_it_is_seen(tmp_path):
    results = made(tmp_path / "Default", metric="accuracy", mode="max")
    results.best_row.config["act"] = "x" * 10_000
    results.best_row.exception = "E: " + "y" * 10_000
    write_mlflow_database(results, tmp_path / "one.db")
    client = client_of(tmp_path / "one.db")
    ordered = ["metrics.accuracy DESC"]
    (best,) = client.search_runs(["0"], "attributes.status = 'FINISHED'", 1, 1, ordered)
    assert best.data.tags["trial"] == str(results.best_row.trial)
    assert best.data.params["act"] == "x" * 5_999 + "…"
    assert best.data.tags["exception"] == "E: " + "y" * 7_996 + "…"


def test_a_hostile_record_is_read_by_mlflow(tmp_path):
    results = hostile(tmp_path / "one")
    write_mlflow_database(results, tmp_path / "one.db")
    _, _, runs = opened(tmp_path / "one.db")
    assert len(runs) == len(results.rows)
    for row in results.rows:
        run = runs[row.trial]
        assert len(run.data.params) == len(row.config)
        assert run.info.end_time >= run.info.start_time > 0
        value = {math.inf: LARGEST}.get(row.value, row.value)
        if value is not None:
            assert same(run.data.metrics["a/b"], value)
    texts = {text for run in runs.values() for text in run.data.params.values()}
    assert {"?", "nan", "1.7e+308", r"[['\udc82'], None]", "{'a': inf}"} < texts
    assert str(10**400) in texts


WATCHED = """
import sys

def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        print(event, arguments, flush=True)

sys.addaudithook(hook)
from sweeper.cli.main import main
sys.exit(main(["export", "one", "--to", "mlflow", "-o", "one.db"]))
"""


@pytest.mark.slow
def test_nothing_is_sent_nor_said_nor_left_whatever_the_environment_wants(tmp_path):
    made(tmp_path / "one", trials=2)
    (tmp_path / "home").mkdir()
    server = Eavesdropper()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(tmp_path / "home"),
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_REGISTRY_URI": server.url,
        "MLFLOW_ENABLE_WORKSPACES": "true",
        "MLFLOW_DISABLE_TELEMETRY": "false",
        "MLFLOW_LOGGING_LEVEL": "DEBUG",
        "MLFLOW_SQLALCHEMYSTORE_ECHO": "true",
        "_MLFLOW_TESTING_TELEMETRY": "true",
    }
    before = set(tmp_path.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    server.close()
    assert (done.returncode, done.stdout, done.stderr, server.heard) == (0, "", "", b"")
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "one.db"}
    assert len(opened(tmp_path / "one.db")[2]) == 2
