"""A model for Lightning that learns nothing, and callbacks; not loaded when tests are collected."""

import json
import os
from pathlib import Path

import lightning
import torch

import sweeper


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


class Interrupt(lightning.Callback):
    """Sends this process a signal in the middle of trial 3."""

    def __init__(self, number):
        self.number = number

    def on_train_batch_end(self, trainer, *_):
        if sweeper.current_trial().number == 3:
            os.kill(os.getpid(), self.number)
