"""Drivers in processes of their own, which sweep on a cluster."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

HERE = Path(__file__).parent


@contextmanager
def start(
    folder: Path, cluster: Cluster, script: str, **options: Any
) -> Iterator[subprocess.Popen]:
    """A driver that sweeps on the cluster, for as long as the test looks at it.

    The script sees the options as `OPTIONS`, and what lies beside this file.
    """
    text = f"OPTIONS = {options!r}\n{textwrap.dedent(script)}"
    (folder / "script.py").write_text(text)
    command, its = [sys.executable, "script.py"], environment(RAY_ADDRESS=cluster.address)
    with (
        open(folder / "said.txt", "w") as output,
        running(command, cwd=folder, stderr=output, env=its) as driver,
    ):
        yield driver


def environment(**variables: str) -> dict[str, str]:
    """That of a process which can import what lies beside this file."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **variables}


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
