"""Learning rate and batch size of LeNet on Fashion-MNIST (d2l, sections 19.2 and 19.3)."""

import argparse
from functools import partial

from scipy import stats

import sweeper

config_space = {
    "learning_rate": stats.loguniform(1e-2, 1),
    "batch_size": stats.randint(32, 256),
}
first_config = {"learning_rate": 0.1, "batch_size": 128}


def objective(config, max_epochs=10):
    """Yields the validation error of LeNet after each epoch."""
    data = sweeper.FashionMNIST(batch_size=config["batch_size"])
    model = sweeper.LeNet(lr=config["learning_rate"], num_classes=10, activation="relu")
    model.apply_init([next(iter(data.get_dataloader(True)))[0]], sweeper.init_cnn)
    trainer = sweeper.HPOTrainer(max_epochs=1)
    trainer.fit(model=model, data=data)
    yield trainer.validation_error()
    for _ in range(max_epochs - 1):
        trainer.fit_epoch()
        yield trainer.validation_error()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--max-epochs", type=int, default=15)
    arguments = parser.parse_args()

    objective = partial(objective, max_epochs=arguments.max_epochs)
    searcher = sweeper.RandomSearch(arguments.trials, initial_configs=[first_config])
    results = sweeper.run(objective, config_space, searcher)
    print(results.frame.to_string())
    print("best", results.best_config, "validation error", results.best_error)
    print("accuracy on the test set", 1 - sweeper.test(results, objective))
