"""Six hyperparameters of a two-layer perceptron with dropout, on Fashion-MNIST (d2l, 19.1.5)."""

import argparse
from functools import partial

from scipy import stats

import sweeper

config_space = {
    "num_hiddens_1": stats.randint(8, 257),
    "num_hiddens_2": stats.randint(8, 257),
    "dropout_1": stats.uniform(0, 0.95),
    "dropout_2": stats.uniform(0, 0.95),
    "lr": stats.loguniform(1e-6, 1),
    "batch_size": stats.randint(16, 257),
}


def objective(config, max_epochs=10):
    """The validation error of the network with these layers, dropout and batches."""
    config = dict(config)
    data = sweeper.FashionMNIST(batch_size=config.pop("batch_size"))
    model = sweeper.DropoutMLP(num_outputs=10, **config)
    trainer = sweeper.HPOTrainer(max_epochs=max_epochs)
    trainer.fit(model=model, data=data)
    return trainer.validation_error()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--max-epochs", type=int, default=30)
    arguments = parser.parse_args()

    objective = partial(objective, max_epochs=arguments.max_epochs)
    searcher = sweeper.RandomSearch(arguments.trials)
    results = sweeper.run(objective, config_space, searcher)
    print(results.frame.to_string())
    print("best", results.best_config, "validation error", results.best_error)
    print("accuracy on the test set", 1 - sweeper.test(results, objective))
