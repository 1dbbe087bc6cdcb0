"""Random search beside grid search where few of the hyperparameters matter.

Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization" (JMLR 2012): of 27 trials in
three dimensions a grid tries 3 learning rates, random search 27. Both search the learning rate,
momentum and weight decay of softmax regression on Fashion-MNIST, several times with other seeds.

    python scripts/random_vs_grid.py            2 × 6 sweeps of 27 trials
"""

import argparse
from pathlib import Path

import ray
from scipy import stats

import sweeper
from sweeper import plots

CONFIG_SPACE = {
    "learning_rate": stats.loguniform(1e-4, 10),
    "momentum": stats.uniform(0, 0.9),
    "weight_decay": stats.loguniform(1e-7, 1e-4),
}


def objective(config, max_epochs=2):
    """The validation error of softmax regression trained with this configuration."""
    trainer = sweeper.HPOTrainer(max_epochs=max_epochs)
    data = sweeper.FashionMNIST(batch_size=256)
    model = sweeper.SoftmaxRegression(
        lr=config["learning_rate"],
        momentum=config["momentum"],
        weight_decay=config["weight_decay"],
    )
    trainer.fit(model=model, data=data)
    return trainer.validation_error()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=6, help="sweeps of each kind (6)")
    parser.add_argument("--points", type=int, default=3, help="points of an axis of the grid (3)")
    parser.add_argument("--folder", default="runs/random_vs_grid", help="where sweeps are kept")
    options = parser.parse_args()

    searchers = {
        "grid": sweeper.GridSearch(points=options.points),
        "random": sweeper.RandomSearch(num_trials=options.points ** len(CONFIG_SPACE)),
    }
    ray.init(address="local", include_dashboard=False, log_to_driver=False)  # once for all sweeps
    sweeps = [
        sweeper.run(
            objective,
            CONFIG_SPACE,
            searcher,
            seed=seed,
            name=f"{kind}-{seed}",
            folder=options.folder,
            resume=True,
            progress=False,
        )
        for seed in range(options.seeds)
        for kind, searcher in searchers.items()
    ]
    ray.shutdown()

    comparison = sweeper.compare(sweeps)
    print(comparison.finals.to_string(index=False))
    print(comparison.sentence)
    picture = Path(options.folder, "comparison.html")
    plots.comparison(comparison).write_html(picture)
    print(picture)
