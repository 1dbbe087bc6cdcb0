"""Drivers in processes of their own, which sweep on a cluster."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster


def start(folder: Path, cluster: Cluster, script: str, **options: Any) -> subprocess.Popen:
    """A driver that sweeps on the cluster; the script sees the options as `OPTIONS`."""
    text = f"OPTIONS = {options!r}\n{textwrap.dedent(script)}"
    (folder / "script.py").write_text(text)
    environment = {**os.environ, "RAY_ADDRESS": cluster.address}
    with open(folder / "said.txt", "w") as output:
        return subprocess.Popen(
            [sys.executable, "script.py"], cwd=folder, stderr=output, env=environment
        )


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen]:
    """A process that does not outlive a test which fails."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def said(folder: Path) -> str:
    """What it has said so far."""
    return (folder / "said.txt").read_text()


def wait_until(holds: Callable[[], bool]) -> None:
    """Fails after 100 s."""
    deadline = time.monotonic() + 100
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
