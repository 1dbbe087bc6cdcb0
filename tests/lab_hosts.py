"""Four "hosts" on this machine and what users do on them, for the tests of clusters."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from waiting import PATIENCE_S

import sweeper

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "tests" / "lab"
HOSTS_SH = SCRIPTS / "hosts.sh"
HEAD = "10.77.0.11"
NODES = {"head", "w1", "w2"}
MARK = re.compile(r"(# ---- edit here -+\n)(.*?)(# -+\n)", re.DOTALL)
FILLED_IN = f"""\
provider:
  type: local
  head_ip: {HEAD}
  worker_ips: [10.77.0.12, 10.77.0.13]
auth:
  ssh_user: root
  ssh_private_key: ~/.ssh/id_ed25519
"""
OF_RAY = "[r]aylet|[g]cs_server|[l]og_monitor.py|[d]ashboard[/-]|[r]ay::|[a]utoscaler|[r]ay start"

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Lab:
    """The hosts laptop, head, w1 and w2. What ran there comes back as a `Done`, outputs as one."""

    folder: Path
    environment: dict[str, str]

    @property
    def yaml(self) -> str:
        """The shipped cluster.yaml with only the marked place filled in."""
        return str(self.folder / "cluster.yaml")

    @property
    def shared(self) -> Path:
        """A folder that all hosts see."""
        return self.folder / "shared"

    def on(self, host: str, *command: str | Path, folder: Path = ROOT) -> Done:
        """A command on a host."""
        line = [HOSTS_SH, "exec", host, "env", "-C", folder, *command]
        return subprocess.run(
            line, env=self.environment, timeout=PATIENCE_S, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def ray(self, command: str, *arguments: str | Path) -> Done:
        """A command of Ray's about the cluster, on the laptop."""
        return self.on("laptop", "ray", command, self.yaml, *arguments)

    def submit(self, script: Path, *arguments: str | Path) -> Done:
        """A script of the laptop on the head."""
        return self.ray("submit", script, *arguments)

    def meanwhile(self, script: Path, *arguments: str | Path) -> "Future[Done]":
        """The same, while the test goes on."""
        return ThreadPoolExecutor(1).submit(self.submit, script, *arguments)

    def up(self) -> dict[str, str]:
        """Starts the cluster; the ids of its nodes once all have joined."""
        checked(self.ray("up", "-y"))
        return self.nodes()

    def nodes(self, without: Collection[str] = ()) -> dict[str, str]:
        """The id of each node, once all hosts have one and those ids are gone."""
        gone = [word for node in without for word in ("--without", node)]
        command = ["env", "RAY_AUTH_MODE=token", "python", SCRIPTS / "nodes.py", *gone]
        said = checked(self.on("head", *command, f"{HEAD}:6379", *sorted(NODES)))
        return json.loads(said.splitlines()[-1])

    def sweeps_of(self, host: str) -> Path:
        """The folder `~/runs` of a host."""
        return self.folder / "hosts" / host / "home" / "runs"

    def finished(self, name: str) -> set[int]:
        """The finished trials that a sweep on the head has on record."""
        rows = sweeper.load(self.sweeps_of("head") / name).rows
        return {row.trial for row in rows if row.status == "finished"}

    def processes_of_ray(self) -> str:
        """All of them, on all hosts."""
        return "".join(
            self.on(host, "pgrep", "-af", OF_RAY).stdout for host in ("laptop", *sorted(NODES))
        )


def why_not() -> str | None:
    """Why there can be no lab on this machine."""
    said = subprocess.run([HOSTS_SH, "possible"], capture_output=True, text=True)
    return (said.stdout + said.stderr).strip() if said.returncode else None


@contextmanager
def hosts(folder: Path) -> Iterator[Lab]:
    """A lab with its files in this folder, for a while."""
    kept = f"{ROOT} {sys.base_prefix}"
    environment = {**os.environ, "LAB_DIR": str(folder), "LAB_VENV": sys.prefix, "LAB_KEEP": kept}
    lab = Lab(folder, environment)
    shipped = (ROOT / "cluster.yaml").read_text()
    assert len(MARK.findall(shipped)) == 1
    Path(lab.yaml).write_text(MARK.sub(rf"\g<1>{FILLED_IN}\g<3>", shipped))
    with subprocess.Popen(
        [HOSTS_SH, "hold"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdin is not None
        assert holder.stdout is not None
        said_first = holder.stdout.readline()
        assert said_first == "ready\n", said_first + holder.stdout.read()
        yield lab
        holder.stdin.close()


def checked(done: Done) -> str:
    """The output of a command that went well."""
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Waits for something that takes a cluster a while."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.5)


def hosts_used(results: sweeper.Results) -> set[str]:
    """The hosts on which trials ran."""
    return {node.rpartition("-")[0] for node in results.frame["node"]}
