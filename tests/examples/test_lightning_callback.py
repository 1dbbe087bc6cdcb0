"""What Lightning and a sweep do to each other: reports, signals, what is left over."""

import functools
import json
import signal

import numpy as np
import pytest
from scipy import stats

import sweeper

pytestmark = pytest.mark.slow

HOOKS = ["on_train_epoch_end", "on_validation_epoch_end", "on_validation_end"]


def yields(config):
    for epoch in range(9):
        yield np.float32(config["x"] + 0.1 / (1 + epoch))


@pytest.fixture
def run(tmp_path):
    """A sweep of 12 trials of which most are stopped early."""

    def run_them(objective, **options):
        options = {"progress": False, "folder": tmp_path, "keep": "all"} | options
        space, searcher = {"x": stats.uniform(0, 1)}, sweeper.RandomSearch(12)
        return sweeper.run(objective, space, searcher, scheduler=sweeper.ASHA(), **options)

    return run_them


@pytest.fixture
def handlers():
    """Checks that all signals are handled afterwards as they were before."""
    before = [signal.getsignal(number) for number in signal.valid_signals()]
    yield
    assert [signal.getsignal(number) for number in signal.valid_signals()] == before


def noted(results):
    """What each trial noted, in order."""
    folders = [results.folder / "trials" / f"{row.trial}-0" for row in results.rows]
    return [json.loads((folder / "noted.json").read_text()) for folder in folders]


def told(results):
    frame = results.frame[["x", "epochs", "status", "exception"]]
    return frame.values.tolist(), results.curves["validation_error"].to_numpy()


@pytest.mark.parametrize("hook", HOOKS)
def test_a_report_in_lightnings_callback_stops_a_trial_at_its_rung(run, handlers, hook):
    from lightning_line import fits

    limits = sweeper.Limits(trial_time_s=600)
    results = run(functools.partial(fits, hook=hook), address="inline", limits=limits)
    expected = told(run(yields, address="inline"))
    rows, errors = told(results)
    assert rows == expected[0]
    np.testing.assert_allclose(errors, expected[1], rtol=1e-6)
    for row, of_trial in zip(results.rows, noted(results), strict=True):
        stopped = row.status == "stopped"
        assert of_trial["raised"] == ["StopTrial"] * stopped
        assert of_trial["state"] == ("interrupted" if stopped else "finished")
    assert noted(results)[11]["before"] == noted(results)[4]["before"]


def test_lightning_leaves_nothing_in_a_worker_which_stays_warm(run, ray_session):
    from lightning_line import fits

    results = run(fits, num_workers=1)
    assert told(results)[0] == told(run(yields, address="inline"))[0]
    assert results.frame["worker"].nunique() == 1
    of_trials = noted(results)
    assert len({of_trial["process"] for of_trial in of_trials}) == 1
    fifth, last = of_trials[4]["before"], of_trials[11]["before"]
    assert last["children"] == fifth["children"] == 0
    # Ray's own come and go; one of each trial would be 7 more.
    assert abs(last["threads"] - fifth["threads"]) < 5
    assert abs(last["files"] - fifth["files"]) < 5


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_signals_that_lightning_hears_interrupt_the_sweep(run, tmp_path, handlers, number, raised):
    from lightning_line import Interrupt, fits

    objective = functools.partial(fits, callbacks=[Interrupt(number)])
    with pytest.raises(raised):
        run(objective, address="inline", name="s")
    statuses = list(sweeper.load(tmp_path / "s").frame["status"])
    assert (statuses[-1], len(statuses)) == ("interrupted", 4)
