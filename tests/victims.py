"""Sweeps of `tortured.py` in processes of their own, that can be killed and started again."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

from drivers import environment
from heads import running_head
from killing import by_role, family, kill, started
from tortured import MIRRORED, SEED, SWEEPS

TORTURED = Path(__file__).with_name("tortured.py")


class Local:
    """A sweep on a Ray that its driver starts.

    Args:
        kind: of sweep.
        folder: for its record and log.
    """

    # How often each is killed, beside the others; what is not there is left out.
    ways: ClassVar = {
        "driver": 2, "worker": 6, "idle worker": 2, "searcher": 2, "trial's process": 4,
        "raylet": 1, "GCS": 1, "runtime env agent": 1, "dashboard agent": 1, "dashboard": 1,
        "log monitor": 1, "autoscaler's monitor": 1, "everything": 1,
    }  # fmt: skip

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.record = folder / "s"
        self.log = folder / "log.txt"
        self.log.touch()
        self._environment = environment(TORTURED_LOG=str(self.log), OMP_NUM_THREADS="1")
        self.left: dict[int, str] = {}  # processes that were seen → when they started
        self.last = ""  # way of killing

    def start(self, rng: random.Random) -> None:
        """Runs the sweep, or goes on with it."""
        self.last = ""
        self._run(TORTURED, self.kind, self.folder)

    def _run(self, *words: object, **variables: str) -> None:
        with open(self.folder / "said.txt", "a") as said:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, words)], cwd=self.folder,
                env=self._environment | variables, stdout=said, stderr=said,
                start_new_session=True,  # whatever ends its group ends nothing else
            )  # fmt: skip

    def processes(self) -> dict[str, list[int]]:
        """Who could be killed now."""
        titles = family(self.process.pid)
        self._note(titles)
        return by_role(titles) | {"driver": [self.process.pid], "everything": list(titles)}

    def _note(self, pids: Iterable[int]) -> None:
        self.left |= {pid: started(pid) for pid in pids}

    def kill(self, way: str, rng: random.Random) -> None:
        """Kills one of those that do something, or all."""
        there, self.last = self.processes()[way], way
        kill(there if way == "everything" else [rng.choice(there)])
        if way == "driver" and rng.random() < 0.5:  # else what is left ends by itself, in a while
            time.sleep(0.5)
            self.clear()

    def clear(self) -> None:
        """Kills what is left of earlier runs; waits for the driver."""
        if self.process.poll() is None:
            self.processes()
        kill([pid for pid, start in self.left.items() if start and started(pid) == start])
        self.left = {}
        self.process.wait()

    def faults(self) -> list[str]:
        """What is wrong in the end, besides the table."""
        checkpoints = self.record / "checkpoints"
        return ["checkpoints are left"] * (checkpoints.exists() and any(checkpoints.iterdir()))


class Sent(Local):
    """A sweep that is sent to a head, on this machine, and mirrored here."""

    ways: ClassVar = {
        "client": 3,
        "job driver": 3,
        "worker": 3,
        "job supervisor": 1,
        "everything": 1,
    }

    def __init__(self, kind: str, folder: Path) -> None:
        super().__init__(kind, folder)
        self.mirror = folder / "runs" / "s"
        self._stack = ExitStack()
        self._head: SimpleNamespace | None = None
        self.record = folder / "home" / "runs" / "s"
        (folder / "home").mkdir()
        (folder / "tortured.py").symlink_to(TORTURED)

    def start(self, rng: random.Random) -> None:
        """Sends the sweep, or finds it again, or sends it again."""
        if self._head is None or self._head.process.poll() is not None:
            self._new_head()
        sweep = SWEEPS[MIRRORED]
        send = ["run", "tortured.py:reports", "--space", "x=uniform(0,1)", "--name", "s",
                "--trials", sweep["searcher"].num_trials, "--seed", SEED, "--workers", 2,
                "--max-failures", 1000, "--resume", "--no-report"]  # fmt: skip
        ways = [send]
        if (self.mirror / "sweep.json").exists():
            ways.append(["resume", "runs/s", "--no-report"])
            if self.last == "client":
                ways.append(["attach", "runs/s"])
        way = rng.choice(ways)
        state = self.folder / "state"
        self._run("-m", "sweeper", *way, "--address", self._head.url,
                  RAY_AUTH_TOKEN_PATH=str(self._head.token), XDG_STATE_HOME=str(state))  # fmt: skip

    def _new_head(self) -> None:
        self._stack.close()
        os.environ["TORTURED_LOG"] = str(self.log)
        self._head = self._stack.enter_context(running_head(self.folder / "home"))

    def processes(self) -> dict[str, list[int]]:
        """Who could be killed now."""
        assert self._head is not None
        titles = family(self._head.process.pid)
        client = family(self.process.pid) if self.process.poll() is None else {}
        self._note(titles | client)
        found = by_role(titles) | {"everything": [*client, *titles]}
        return found | ({"client": [self.process.pid]} if client else {})

    def clear(self) -> None:
        """Kills what is left; the head too."""
        super().clear()
        self._stack.close()
        self._head = None

    def faults(self) -> list[str]:
        """Whether the mirror differs from the record on the head."""
        names = ("sweep.json", "trials.jsonl")
        return super().faults() + [
            f"the mirror has another {name}"
            for name in names
            if (self.mirror / name).read_bytes() != (self.record / name).read_bytes()
        ]
