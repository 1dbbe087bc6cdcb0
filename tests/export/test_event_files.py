import json
import math
import sys

import numpy as np
import pandas as pd
import pytest
from exported import hostile, made
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, get_experiment, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.util.tensor_util import make_ndarray

from sweeper.export.event_files import write_event_files
from sweeper.record.columns import one_kind_a_column

STATUSES = {"finished": 1, "stopped": 1, "failed": 2, "diverged": 2, "interrupted": 0}


def opened(folder):
    """What TensorBoard reads of a folder, and the rows of its HPARAMS page by their run."""
    read = EventMultiplexer().AddRunsFromDirectory(str(folder))
    read.Reload()
    context = Context(TBContext(data_provider=MultiplexerDataProvider(read, str(folder))))
    asked = RequestContext()
    experiment = get_experiment.Handler(asked, context, "", api_pb2.GetExperimentRequest()).run()
    request = api_pb2.ListSessionGroupsRequest(
        slice_size=1000,
        allowed_statuses=range(4),
        col_params=[api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos],
    )
    found = list_session_groups.Handler(asked, context, "", request).run().session_groups
    return read, {group.sessions[0].name: group for group in found}


def plain(value):
    return getattr(value, value.WhichOneof("kind"))


def curve(read, run, tag):
    return [(p.step, make_ndarray(p.tensor_proto).item()) for p in read.Tensors(run, tag)]


def test_tensorboard_shows_curves_hyperparameters_metrics_and_statuses(tmp_path):
    results = made(tmp_path / "runs" / "one")
    write_event_files(results, tmp_path / "events")
    read, groups = opened(tmp_path / "events")
    assert set(groups) == set(read.Runs()) == {f"trial_{row.trial:02}" for row in results.rows}
    frame = one_kind_a_column(results.frame)
    names = [*results.hyperparameter_columns.values(), "status"]
    for place, row in enumerate(results.rows):
        group = groups[f"trial_{row.trial:02}"]
        cells = {name: frame[name].tolist()[place] for name in names}
        there = {name: cell for name, cell in cells.items() if not pd.isna(cell)}
        assert {name: plain(value) for name, value in group.hparams.items()} == there
        session = group.sessions[0]
        assert session.status == STATUSES[row.status]
        assert session.end_time_secs - session.start_time_secs == pytest.approx(row.runtime_s)
        last = {metric.name.tag: metric.value for metric in session.metric_values}
        expected = row.value if row.value is not None else row.curve[-1][1]
        assert last["validation_error"] == pytest.approx(expected, nan_ok=True)
        assert last["loss"] == 1.5
        points = curve(read, f"trial_{row.trial:02}", "validation_error")
        assert points[:2] == [(epoch, value) for epoch, value, *_ in row.curve]
        assert len(points) == 2 + (row.status == "diverged")
    widths = plain(groups["trial_00"].hparams["widths"])
    assert json.loads(widths) == list(results.rows[0].config["widths"])


def test_replicates_are_runs_of_their_own(tmp_path):
    results = made(tmp_path / "one", trials=2)
    results.rows[1].trial, results.rows[1].replicate = 0, 1
    write_event_files(results, tmp_path / "events")
    assert set(opened(tmp_path / "events")[1]) == {"trial_0_replicate_0", "trial_0_replicate_1"}


def test_a_hostile_record_is_read_by_tensorboard(tmp_path):
    results = hostile(tmp_path / "one")
    write_event_files(results, tmp_path / "events")
    read, groups = opened(tmp_path / "events")
    assert len(groups) == len(results.rows)
    values = [value for _, value in curve(read, f"trial_{2**52}", "a/b")]
    assert values[0] == math.inf  # of 1e308 in 32 bits
    assert np.isnan(values[1])


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    results = made(tmp_path / "one", trials=1)
    monkeypatch.setitem(sys.modules, "tensorboardX.record_writer", None)
    cure = r"tensorboardX is not installed, .*: pip install 'sweeper\[export\]'"
    with pytest.raises(ModuleNotFoundError, match=cure):
        write_event_files(results, tmp_path / "events")


def test_what_can_not_be_written_is_named_and_leaves_nothing(tmp_path):
    results = made(tmp_path / "one", trials=1)
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: '.*/no/events'"):
        write_event_files(results, tmp_path / "no" / "events")
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "mine").touch()
    with pytest.raises(OSError, match=r"Directory not empty: '.*/events'"):
        write_event_files(results, tmp_path / "events")
    assert {path.name for path in tmp_path.iterdir()} == {"one", "events"}
