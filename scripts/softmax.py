"""Five random learning rates for softmax regression on Fashion-MNIST (d2l, section 19.1)."""

import argparse
from functools import partial

from scipy import stats

import sweeper

config_space = {"learning_rate": stats.loguniform(1e-4, 1)}


def objective(config, max_epochs=8):
    """The validation error of softmax regression trained with this learning rate."""
    learning_rate = config["learning_rate"]
    trainer = sweeper.HPOTrainer(max_epochs=max_epochs)
    data = sweeper.FashionMNIST(batch_size=16)
    model = sweeper.SoftmaxRegression(num_outputs=10, lr=learning_rate)
    trainer.fit(model=model, data=data)
    return trainer.validation_error().detach().numpy()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--max-epochs", type=int, default=8)
    arguments = parser.parse_args()

    objective = partial(objective, max_epochs=arguments.max_epochs)
    searcher = sweeper.RandomSearch(arguments.trials)
    results = sweeper.run(objective, config_space, searcher)
    print(results.frame.to_string())
    print("best", results.best_config, "validation error", results.best_error)
    print("accuracy on the test set", 1 - sweeper.test(results, objective))
