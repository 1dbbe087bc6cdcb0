"""A sweep that wants checkpoints in a folder which only one node sees."""

import sweeper


def objective(config):
    """Never a validation error: the trainer says why not."""
    trainer = sweeper.HPOTrainer(max_epochs=1, checkpoint_every=1)
    trainer.fit(sweeper.SoftmaxRegression(10, lr=config["learning_rate"]), sweeper.Digits())
    return trainer.validation_error()


results = sweeper.run(
    objective, {"learning_rate": [0.1]}, sweeper.GridSearch(), folder="/root/runs", name="unshared"
)
print("best", results.best_config)
