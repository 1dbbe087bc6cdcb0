"""Searches that learn and stop early beside random search, on real training.

Six hyperparameters of a two-layer perceptron with dropout (d2l, 19.1.5), trained on a part of
Fashion-MNIST, several times with other seeds.

    python scripts/learning_searches.py             5 × 10 sweeps of 40 trials
    sweeper compare runs/learning_searches/* --budget epochs -o picture.html
"""

import argparse
from functools import cache

import numpy as np
import torch
from scipy import stats

import sweeper

EPOCHS = 9
TRAIN, VALIDATION = 6_000, 4_000  # examples
CONFIG_SPACE = {
    "num_hiddens_1": sweeper.rounded(stats.loguniform(8, 256)),
    "num_hiddens_2": sweeper.rounded(stats.loguniform(8, 256)),
    "dropout_1": stats.uniform(0, 0.95),
    "dropout_2": stats.uniform(0, 0.95),
    "lr": stats.loguniform(1e-4, 1),
    "batch_size": sweeper.rounded(stats.loguniform(16, 256)),
}


class Batches:
    """Batches of tensors in memory, in a new order each time."""

    def __init__(self, X, y, batch_size):
        self.X, self.y, self.batch_size = X, y, batch_size

    def __iter__(self):
        for batch in torch.randperm(len(self.X)).split(self.batch_size):
            yield self.X[batch], self.y[batch]


@cache
def tensors(train):
    """The first images and labels of the training or validation data."""
    num = TRAIN if train else VALIDATION
    loader = sweeper.FashionMNIST(batch_size=num).get_dataloader(train)
    torch.manual_seed(0)
    return next(iter(loader))


def objective(config):
    """The validation error of the network with these layers, dropout and batches."""
    config = dict(config)
    train = Batches(*tensors(True), config.pop("batch_size"))
    model = sweeper.DropoutMLP(num_outputs=10, **config)
    trainer = sweeper.HPOTrainer(max_epochs=EPOCHS)
    trainer.fit(model=model, data=(train, [tensors(False)]))
    return trainer.validation_error()


def report(arms):
    """Prints what each kind of search found, for how many epochs."""
    finals = {kind: np.array([r.best_error for r in sweeps]) for kind, sweeps in arms.items()}
    goal = finals["random"].mean()
    random_epochs = np.mean([r.frame["epochs"].sum() for r in arms["random"]])
    for kind, sweeps in arms.items():
        epochs = np.mean([r.frame["epochs"].sum() for r in sweeps])
        means = incumbent_by_epochs(sweeps, int(max(r.frame["epochs"].sum() for r in sweeps)))
        there = np.flatnonzero(means <= goal)
        reached = f"{(there[0] + 1) / random_epochs:.2f}" if len(there) else "never"
        error = finals[kind].std(ddof=1) / len(sweeps) ** 0.5
        difference = finals[kind] - finals["random"]
        paired = difference.std(ddof=1) / len(sweeps) ** 0.5
        print(
            f"{kind:15s} {finals[kind].mean():.4f} ± {error:.4f}, beside random "
            f"{difference.mean():+.4f} ± {paired:.4f}, {epochs:.0f} epochs; random search's final "
            f"mean is reached with {reached} of its epochs"
        )


def incumbent_by_epochs(sweeps, most):
    """The mean over sweeps of the best whole trial's error after each epoch that was spent."""
    curves = []
    for results in sweeps:
        frame = results.frame.sort_values("trial")
        errors = frame["validation_error"].where(frame["status"] == "finished", np.inf).cummin()
        ends = frame["epochs"].cumsum().to_numpy()
        places = np.searchsorted(ends, np.arange(1, most + 1), side="right") - 1
        curves.append(np.where(places >= 0, errors.to_numpy()[places], np.inf))
    return np.mean(curves, axis=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10, help="sweeps of each kind (10)")
    parser.add_argument("--trials", type=int, default=40, help="trials of each sweep (40)")
    parser.add_argument("--folder", default="runs/learning_searches", help="where sweeps are kept")
    options = parser.parse_args()

    torch.set_num_threads(1)
    trials = options.trials
    searches = {
        "random": (sweeper.RandomSearch(trials), None),
        "sobol": (sweeper.SobolSearch(trials), None),
        "random-asha": (sweeper.RandomSearch(trials), sweeper.ASHA()),
        "bayesian": (sweeper.BayesianSearch(trials, lag=4), None),
        "bayesian-asha": (sweeper.BayesianSearch(trials, lag=4), sweeper.ASHA()),
    }
    arms = {kind: [] for kind in searches}
    for seed in range(options.seeds):
        for kind, (searcher, scheduler) in searches.items():
            results = sweeper.run(
                objective, CONFIG_SPACE, searcher, scheduler=scheduler, seed=seed,
                name=f"{kind}-{seed}", folder=options.folder, resume=True, progress=False,
                address="inline",
            )  # fmt: skip
            arms[kind].append(results)
    report(arms)
