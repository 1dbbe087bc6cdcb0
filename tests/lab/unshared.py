"""Sweeps in a folder which only one node sees: the folders of trials come, checkpoints can't be.

unshared.py MEETING_PLACE HOSTS
"""

import socket
import sys
import time
from pathlib import Path

import sweeper

MEETING_PLACE, HOSTS = Path(sys.argv[1]), int(sys.argv[2])


def objective(config):
    """Never a validation error: the trainer says why not."""
    trainer = sweeper.HPOTrainer(max_epochs=1, checkpoint_every=1)
    trainer.fit(sweeper.SoftmaxRegression(10, lr=config["learning_rate"]), sweeper.Digits())
    return trainer.validation_error()


def saves(config):
    """Leaves the name of its host in its folder, once all hosts have a trial."""
    (MEETING_PLACE / socket.gethostname()).touch()
    while len(list(MEETING_PLACE.iterdir())) < HOSTS:
        time.sleep(0.1)
    (sweeper.current_trial().folder / "host.txt").write_text(socket.gethostname())
    return config["x"]


results = sweeper.run(
    saves, {"x": [1, 2, 3, 4, 5, 6]}, sweeper.GridSearch(), folder="/root/runs", name="saves",
    keep="all",
)  # fmt: skip
for row in results.rows:
    host = results.folder / f"trials/{row.trial}-0/host.txt"
    print("saved on", row.node, "by", host.read_text())

results = sweeper.run(
    objective, {"learning_rate": [0.1]}, sweeper.GridSearch(), folder="/root/runs", name="unshared"
)
print("best", results.best_config)
