"""A sweep whose objective needs the neighbour of this script, with checkpoints in its folder.

train.py FOLDER MEETING_PLACE HOSTS
"""

import sys
from pathlib import Path

from meeting import meet
from scipy import stats

import sweeper

folder, place, hosts = sys.argv[1:]


def objective(config):
    """The validation error of softmax regression on digits, once all hosts have a trial."""
    meet(Path(place), int(hosts))
    trainer = sweeper.HPOTrainer(max_epochs=2, checkpoint_every=1)
    trainer.fit(sweeper.SoftmaxRegression(10, lr=config["learning_rate"]), sweeper.Digits())
    return trainer.validation_error()


results = sweeper.run(
    objective,
    {"learning_rate": stats.loguniform(1e-2, 1)},
    sweeper.RandomSearch(num_trials=6),
    folder=folder,
    name="train",
    keep_checkpoints=True,
)
print(results.frame.to_string())
