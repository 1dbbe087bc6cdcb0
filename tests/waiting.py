"""What tests wait for, in their own process and in those of the objectives that they sweep."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# A busy machine is slow: what takes seconds may take minutes, and only then is something wrong.
PATIENCE_S = 300


def wait_until(holds: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    """Fails if it never holds, which is certain once the process has ended that brings it about."""
    deadline = time.monotonic() + PATIENCE_S
    ended = False
    while not holds():
        assert not ended, "the process has ended"
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s"
        ended = process is not None and process.poll() is not None
        time.sleep(0.05)


def meet(place: Path, number: int, name: str | None = None) -> None:
    """Waits until so many have been at a place: processes, or whatever the names are of.

    Where the first trial of each worker does, no worker gets a second one before all have started.
    Ray Tune may give the trial of a worker that still starts to one that is free, so that the one
    which starts is never used.
    """
    place.mkdir(parents=True, exist_ok=True)
    (place / (name or str(os.getpid()))).touch()
    wait_until(lambda: len(list(place.iterdir())) >= number)
