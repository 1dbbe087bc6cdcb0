"""A sweep as an experiment of MLflow, in a SQLite database that `mlflow server` opens.

MLflow opens `sqlite:///mlflow.db` by default, and refuses its older folders of files, `mlruns`. The
database is made in memory and then written as one file, so nothing of a failed export stays.
"""

import logging
import os
import secrets
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sweeper.export.mlflow_keys import keys
from sweeper.export.moments import moment
from sweeper.export.runs import points, run_names
from sweeper.extras import extras_named
from sweeper.files import write_named
from sweeper.record.results import Results
from sweeper.record.rows import Row
from sweeper.terminal import whole_characters

_STATUSES = {"finished": "FINISHED", "failed": "FAILED", "diverged": "FAILED"}  # else KILLED
_TAGS = ("trial", "replicate", "seed", "status", "epochs", "worker", "node", "exception")


def write_mlflow_database(results: Results, path: Path) -> None:
    """Writes an experiment named after the sweep's folder, with a run for each trial.

    Raises:
        ModuleNotFoundError: mlflow-skinny is missing.
        OSError: the file can't be written.
    """
    memory = f"file:sweeper-{secrets.token_hex(8)}?mode=memory&cache=shared"
    with _alone(), closing(sqlite3.connect(memory, uri=True)) as database:
        with extras_named():
            from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{memory}&uri=true")
        name = whole_characters(results.folder.resolve().name) or "sweep"
        found = client.get_experiment_by_name(name)  # each database begins with one, Default
        experiment = found.experiment_id if found else client.create_experiment(name)
        params = keys(results.sweep["config_space"])
        metrics = keys([results.metric.name, *results.other_metrics.values()])
        for run_name, row in zip(run_names(results), results.rows, strict=True):
            start, end = _times(results, row)
            run = client.create_run(experiment, start, _tags(row), run_name).info.run_id
            client.log_batch(run, _metrics(results, row, metrics), _params(row, params))
            client.set_terminated(run, _STATUSES.get(row.status, "KILLED"), end)
        content = database.serialize()
    write_named(path, lambda file: file.write(content))


@contextmanager
def _alone() -> Iterator[None]:
    """Keeps MLflow from sending how it is used to its makers, from what the environment tells it,
    such as the address of a server, and from logging.
    """
    before = {name: os.environ.pop(name) for name in list(os.environ) if "MLFLOW_" in name}
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        for name in [name for name in os.environ if "MLFLOW_" in name]:
            del os.environ[name]
        os.environ.update(before)


def _times(results: Results, row: Row) -> tuple[int, int]:
    """The start and the end of a trial, which MLflow would replace by the present time if 0."""
    start = max(1, _milliseconds(results, row.start_s))
    return start, max(start, _milliseconds(results, row.start_s, row.runtime_s))


def _milliseconds(results: Results, *seconds: float | None) -> int:
    return round(1000 * moment(results.sweep, *seconds).timestamp())


def _tags(row: Row) -> dict[str, str]:
    from mlflow.utils.validation import MAX_TAG_VAL_LENGTH

    values = {name: getattr(row, name) for name in _TAGS}
    return {name: _text(v, MAX_TAG_VAL_LENGTH) for name, v in values.items() if v is not None}


def _params(row: Row, shown: dict[str, str]) -> list[Any]:
    from mlflow.entities import Param
    from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH

    values = {key: row.config[name] for name, key in shown.items() if name in row.config}
    return [Param(key, _text(value, MAX_PARAM_VAL_LENGTH)) for key, value in values.items()]


def _text(value: Any, most: int) -> str:
    """Makes the text that `mlflow.log_param` makes of a value, and shows where it is cut."""
    text = whole_characters(str(value))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _metrics(results: Results, row: Row, shown: dict[str, str]) -> list[Any]:
    """The points of the curves. A value that comes after another one of its epoch is given a later
    time, since MLflow takes the latest, or else the higher, for the run's.
    """
    from mlflow.entities import Metric

    found, last = [], 0
    for step, elapsed_s, values in points(results, row):
        last = max(last + 1, _milliseconds(results, row.start_s, elapsed_s))
        found += [Metric(shown[name], float(v), last, step) for name, v in values.items()]
    return found
