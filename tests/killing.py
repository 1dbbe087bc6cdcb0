"""Finds the processes of a sweep by what they do, and ends them without a warning."""

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from processes import processes_under

# Ray titles a process by what it does: a trial is run by a class that Tune has made of ours.
_TITLES: dict[str, Callable[[str], bool]] = {
    "worker": lambda title: title.startswith(("ray::Worker", "ray::ResourceTrainable")),
    "idle worker": lambda title: title.startswith("ray::IDLE"),
    "searcher": lambda title: title.startswith("ray::") and "SearcherProcess" in title,
    "trial's process": lambda title: "fresh_server" in title,
    "raylet": lambda title: "/raylet/raylet" in title,
    "GCS": lambda title: "/gcs_server" in title,
    "runtime env agent": lambda title: title.startswith("ray::RuntimeEnvAgent"),
    "dashboard agent": lambda title: title.startswith("ray::DashboardAgent"),
    "dashboard": lambda title: "dashboard/dashboard.py" in title,
    "log monitor": lambda title: "/log_monitor.py" in title,
    "autoscaler's monitor": lambda title: "autoscaler/_private/monitor.py" in title,
    "job driver": lambda title: "sweeper.cli.job_entry" in title and "/bin/sh" not in title,
    "job supervisor": lambda title: title.startswith("ray::JobSupervisor"),
}


def title(pid: int) -> str:
    """The command line of a process, empty if there is none."""
    try:
        words = (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return words.replace(b"\0", b" ").decode(errors="replace").strip()


def started(pid: int) -> str:
    """When a process started, which tells it from a later one of the same number."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def family(root: int) -> dict[int, str]:
    """The process and all below it, with their command lines."""
    return {pid: title(pid) for pid in (root, *sorted(processes_under(root)))}


def by_role(titles: dict[int, str]) -> dict[str, list[int]]:
    """The processes of a family, sorted by what they do; roles that nobody has are left out."""
    found = {
        role: [pid for pid, title in titles.items() if is_one(title)]
        for role, is_one in _TITLES.items()
    }
    return {role: pids for role, pids in found.items() if pids}


def kill(pids: Iterable[int]) -> None:
    """SIGKILL to those that are still there, in this order."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
