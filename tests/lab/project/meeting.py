"""The neighbour of the scripts in this folder, which their objectives import."""

import os
import time
from pathlib import Path

PATIENCE_S = 600  # as in tests/waiting.py, which does not travel with this file


def meet(place: Path, hosts: int) -> None:
    """Waits until so many hosts have been at a place that all see, so each has a trial."""
    place.mkdir(parents=True, exist_ok=True)
    (place / os.uname().nodename).touch()
    end = time.monotonic() + PATIENCE_S
    while len(list(place.iterdir())) < hosts:
        if time.monotonic() > end:
            raise TimeoutError(f"Only {os.listdir(place)} have a worker.")
        time.sleep(0.05)
