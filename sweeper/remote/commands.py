"""The commands of `sweeper` for sweeps on a cluster's head, mirrored into a folder here."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from sweeper.faults import refuse
from sweeper.record.journal import read
from sweeper.record.sweep_folder import default_name, name_faults, new_folder, normal_path
from sweeper.remote.head import Head
from sweeper.remote.job import JOB_FILE, follow, is_running, send, sent
from sweeper.terminal import printable


def chosen_head(options: dict[str, Any], folder: Path | None = None) -> Head | None:
    """The head that a command's options name; None if they mean a Ray to be joined directly.

    Args:
        options: of which `address` and `cluster` count.
        folder: a sweep's, which was sent to a head unless the options name another place.

    Raises:
        ValueError: two places are named.
    """
    address, cluster = options["address"], options["cluster"]
    if address is cluster is None:
        known = folder and sent(folder)
        return known[0] if known else None
    if cluster is not None and address is not None:
        raise ValueError("--cluster and --address name two places. Leave one of them out.")
    if cluster is not None:
        return Head(None, os.path.abspath(cluster))
    is_url = address is not None and address.startswith(("http://", "https://"))
    return Head(address, None) if is_url else None


def run(head: Head, given: dict[str, Any], options: dict[str, Any]) -> tuple[Path, int]:
    """The folder of a sweep that ran on the head, and the exit code of its job.

    Args:
        head: where.
        given: the options that were given as flags.
        options: these, those of a YAML file, and defaults.
    """
    refuse(*name_faults(options["name"], options["resume"]))
    ours = "sweeper:Classifier" if options["command"] is None else "sweeper:Command"
    reference = options["objective"] or ours
    folder = Path(options["folder"], options["name"] or default_name(reference.rpartition(":")[2]))
    if options["resume"] and (job := _running_job(head, folder)):
        return folder, follow(head, job, folder)
    if not (options["resume"] and folder.is_dir()):
        folder = new_folder(folder, named=options["name"] is not None)
    return _send_and_follow(head, "run", _to_travel(given), folder)


def resume(head: Head, given: dict[str, Any]) -> tuple[Path, int]:
    """The same for a sweep that goes on where its folder's mirror ends."""
    folder = normal_path(given["sweep"])
    if job := _running_job(head, folder):
        return folder, follow(head, job, folder)
    read(folder)
    return _send_and_follow(head, "resume", _to_travel(given), folder)


def attach(options: dict[str, Any]) -> tuple[Path, int]:
    """The same for a sweep that was sent before."""
    folder = normal_path(options["sweep"])
    known = sent(folder)
    if known is None:
        raise FileNotFoundError(
            f"{folder}: no sweep here that was sent to a cluster (no {JOB_FILE}). Give the folder "
            "that `sweeper run --cluster …` printed."
        )
    return folder, follow(*known, folder)


def doctor(head: Head, given: dict[str, Any]) -> int:
    """The exit code of `sweeper doctor` on the head."""
    return follow(head, send(head, "doctor", _to_travel(given), None), None)


def _running_job(head: Head, folder: Path) -> str | None:
    """The job that is still busy with the sweep of a folder, if one is."""
    known = sent(folder)
    return known[1] if known is not None and is_running(head, known[1]) else None


def _send_and_follow(
    head: Head, command: str, options: dict[str, Any], folder: Path
) -> tuple[Path, int]:
    try:
        job = send(head, command, options, folder)
    except BaseException:
        _remove_if_empty(folder)
        raise
    if not options.get("quiet"):
        print(printable(f"{folder}: sent to {head} as {job}"), file=sys.stderr, flush=True)
    code = follow(head, job, folder)
    if not (folder / "sweep.json").exists():  # a mistake in the options: nothing has begun
        (folder / JOB_FILE).unlink(missing_ok=True)
        _remove_if_empty(folder)
    return folder, code


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _to_travel(given: dict[str, Any]) -> dict[str, Any]:
    """The options for the head: paths below the working directory, which travels; its own Ray.

    Raises:
        ValueError: a file is elsewhere.
    """
    options = {**given, "address": None, "cluster": None}
    place, _, name = (given.get("objective") or "").rpartition(":")
    file = name if name.endswith((".yaml", ".yml")) else place
    if not file.endswith((".py", ".yaml", ".yml")):
        return options
    path = Path(os.path.abspath(file))
    if not path.is_relative_to(Path.cwd()):
        raise ValueError(
            f"{file}: only what is in the working directory, {Path.cwd()}, travels to a cluster. "
            "Run sweeper in the folder of your code."
        )
    relative = str(path.relative_to(Path.cwd()))
    options["objective"] = relative if file == name else f"{relative}:{name}"
    return options
