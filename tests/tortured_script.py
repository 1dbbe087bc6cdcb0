"""A script that knows nothing of sweeps, but for the log of `tortured.py`."""

import argparse
import os
import random
import time

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--momentum", type=float, default=0.7)
options = parser.parse_args()
rng = random.Random(int(os.environ["SWEEPER_SEED"]))


def note(what: str) -> None:
    """Adds a line in one piece."""
    log = os.open(os.environ["TORTURED_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{what} {os.environ['SWEEPER_SEED']}\n".encode())
    os.close(log)


note("start")
for epoch in range(1, 5):
    time.sleep(float(os.environ.get("TORTURED_PAUSE_S", 0.1)))
    note("epoch")
    print(f"epoch {epoch} accuracy={options.x * options.momentum + rng.random() / epoch}")
