"""What Lightning and a sweep do to each other: reports, signals, what is left over."""

import functools
import json
import os
import signal
from pathlib import Path

import lightning
import numpy as np
import pytest
import torch
from scipy import stats

import sweeper

pytestmark = pytest.mark.slow

HOOKS = ["on_train_epoch_end", "on_validation_epoch_end", "on_validation_end"]


class Line(lightning.LightningModule):
    """Learns nothing; its error is `x`, and a bit less after each epoch."""

    def __init__(self, x):
        super().__init__()
        self.weight, self.x = torch.nn.Parameter(torch.zeros(1)), x

    def training_step(self, batch):
        return (self.weight - batch[0].mean()).square().sum()

    def validation_step(self, batch):
        assert not torch.is_grad_enabled()
        self.log("validation_error", self.x + 0.1 / (1 + self.current_epoch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class Report(lightning.Callback):
    """Reports in the hook of this name, and notes what Lightning tells of exceptions."""

    def __init__(self, hook):
        setattr(self, hook, self.report)
        self.raised = []

    def report(self, trainer, module):
        if not trainer.sanity_checking:
            sweeper.report(trainer.callback_metrics)

    def on_exception(self, trainer, module, exception):
        self.raised.append(type(exception).__name__)


def left_behind():
    """What this process has of threads, child processes and file descriptors."""
    children = [path.read_text().split() for path in Path("/proc/self/task").glob("*/children")]
    return {
        "threads": len(os.listdir("/proc/self/task")),
        "children": sum(map(len, children)),
        "files": len(os.listdir("/proc/self/fd")),
    }


def fits(config, hook="on_validation_epoch_end", callbacks=()):
    folder, report = sweeper.current_trial().folder, Report(hook)
    noted = {"before": left_behind(), "process": os.getpid()}
    batches = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.ones(4)),
        batch_size=2, num_workers=1, persistent_workers=True,
    )  # fmt: skip
    logger = lightning.pytorch.loggers.CSVLogger(folder)
    trainer = lightning.Trainer(
        max_epochs=9, accelerator="cpu", callbacks=[report, *callbacks],
        logger=logger, default_root_dir=folder,
    )  # fmt: skip
    try:
        trainer.fit(Line(config["x"]), batches, batches)
    finally:
        noted |= {"raised": report.raised, "state": trainer.state.status.value}
        (folder / "noted.json").write_text(json.dumps(noted))


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


class Interrupt(lightning.Callback):
    """Sends this process a signal in the middle of trial 3."""

    def __init__(self, number):
        self.number = number

    def on_train_batch_end(self, trainer, *_):
        if sweeper.current_trial().number == 3:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_signals_that_lightning_hears_interrupt_the_sweep(run, tmp_path, handlers, number, raised):
    objective = functools.partial(fits, callbacks=[Interrupt(number)])
    with pytest.raises(raised):
        run(objective, address="inline", name="s")
    statuses = list(sweeper.load(tmp_path / "s").frame["status"])
    assert (statuses[-1], len(statuses)) == ("interrupted", 4)
