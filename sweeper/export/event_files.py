"""A sweep as TensorBoard shows it: learning curves, and a table of hyperparameters and metrics.

TensorBoard reads a folder a trial, with one file of events. Its HPARAMS page takes the values of
hyperparameters from the event that begins a session, and the last point of each curve as the metric
(tensorboard/plugins/hparams/plugin_data.proto). Its points are floats of 32 bits.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.export.moments import moment
from sweeper.export.runs import points, run_names
from sweeper.extras import extras_named
from sweeper.files import named
from sweeper.record.columns import one_kind_a_column
from sweeper.record.results import Results
from sweeper.record.rows import Row

_SUCCESS, _FAILURE, _UNKNOWN = 1, 2, 0  # as in api.proto
_STATUSES = {"finished": _SUCCESS, "stopped": _SUCCESS, "diverged": _FAILURE, "failed": _FAILURE}
_LAST_STEP = 2**31 - 1  # that the HPARAMS page can count


def write_event_files(results: Results, folder: Path) -> None:
    """Writes a new folder for TensorBoard, which appears when all of it is there.

    Raises:
        ModuleNotFoundError: tensorboardX is missing.
        OSError: the folder can't be written.
    """
    with extras_named():
        from tensorboardX.record_writer import RecordWriter

    frame = one_kind_a_column(results.frame)
    shown = [*results.hyperparameter_columns.values(), "status"]
    cells = {name: frame[name].tolist() for name in shown}

    def write(unfinished: Path) -> None:
        for place, (name, row) in enumerate(zip(run_names(results), results.rows, strict=True)):
            (unfinished / name).mkdir()
            values = {name: column[place] for name, column in cells.items()}
            writer = RecordWriter(str(unfinished / name / "events.out.tfevents.sweeper"))
            try:
                for event in _events(results, row, values):
                    writer.write(event.SerializeToString())
            finally:
                writer.close()

    _write_folder(folder, write)


def _write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    unfinished = folder.with_name(f".{folder.name[:40]}.{secrets.token_hex(8)}.unfinished")
    try:
        with named(folder):
            unfinished.mkdir()
            write(unfinished)
            os.rename(unfinished, folder)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(folder)) from None  # the name that was given
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _events(results: Results, row: Row, values: dict[str, Any]) -> Iterator[Any]:
    """The events of a trial in the order of time."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.plugin_hparams_pb2 import SessionEndInfo, SessionStartInfo
    from tensorboardX.proto.summary_pb2 import Summary

    start = moment(results.sweep, row.start_s).timestamp()
    end = moment(results.sweep, row.start_s, row.runtime_s).timestamp()
    yield Event(wall_time=start, file_version="brain.Event:2")
    begin = SessionStartInfo(start_time_secs=start)
    for name, value in values.items():
        if isinstance(value, str):
            begin.hparams[name].string_value = value
        elif isinstance(value, bool):
            begin.hparams[name].bool_value = value
        elif not pd.isna(value):
            begin.hparams[name].number_value = value
    yield _session(start, session_start_info=begin)
    for step, elapsed_s, metrics in points(results, row):
        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in metrics.items()]
        time = moment(results.sweep, row.start_s, elapsed_s).timestamp()
        yield Event(wall_time=time, step=min(step, _LAST_STEP), summary=Summary(value=scalars))
    status = _STATUSES.get(row.status, _UNKNOWN)
    yield _session(end, session_end_info=SessionEndInfo(status=status, end_time_secs=end))


def _session(time: float, **info: Any) -> Any:
    """The event that begins or ends a session, for the plugin for hyperparameters."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    content = HParamsPluginData(version=0, **info).SerializeToString()
    data = SummaryMetadata.PluginData(plugin_name="hparams", content=content)
    tag = f"_hparams_/{next(iter(info))}"
    value = Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=data))
    return Event(wall_time=time, summary=Summary(value=[value]))
