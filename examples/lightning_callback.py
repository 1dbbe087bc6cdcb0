"""Lightning: a callback of three lines reports, and ASHA stops trials early that don't look good.

Run it as `python examples/lightning_callback.py`, after `pip install lightning`; it takes half a
minute on two cores.
"""

import lightning
import torch
from scipy import stats

import sweeper

config_space = {"learning_rate": stats.loguniform(1e-4, 1)}


class Report(lightning.Callback):
    def on_train_epoch_end(self, trainer, module):  # by then the epoch is validated, too
        sweeper.report(trainer.callback_metrics)  # all that the module logs


class Softmax(lightning.LightningModule):
    def __init__(self, learning_rate):
        super().__init__()
        self.net, self.learning_rate = torch.nn.Linear(64, 10), learning_rate

    def training_step(self, batch):
        loss = torch.nn.functional.cross_entropy(self.net(batch[0].flatten(1)), batch[1])
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch):
        hits = self.net(batch[0].flatten(1)).argmax(1) == batch[1]
        self.log("accuracy", hits.float().mean(), batch_size=len(hits))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.learning_rate)


def objective(config):
    data, folder = sweeper.Digits(batch_size=32), sweeper.current_trial().folder  # for checkpoints
    quiet = {"logger": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(
        max_epochs=9, callbacks=[Report()], default_root_dir=folder, **quiet
    )
    trainer.fit(Softmax(**config), data.train_dataloader(), data.val_dataloader())


if __name__ == "__main__":
    searcher, scheduler = sweeper.RandomSearch(num_trials=16), sweeper.ASHA(max_epochs=9)
    options = {"scheduler": scheduler, "metric": "accuracy", "mode": "max"}
    results = sweeper.run(objective, config_space, searcher, **options)
    print(results.frame.to_string())
    print("best:", results.best_value, results.best_config, results.best_folder)
