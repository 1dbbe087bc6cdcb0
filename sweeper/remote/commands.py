"""The `sweeper` commands for sweeps on a cluster's head, mirrored into a folder here."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sweeper.cluster.strangers import name_of, stranger_at
from sweeper.faults import refuse
from sweeper.record.journal import read
from sweeper.record.mirror import JOB_FILE
from sweeper.record.own_sweeps import Head, noted_head
from sweeper.record.sweep_folder import default_name, name_faults, new_folder, normal_path
from sweeper.remote.job import check_known, follow, is_running, note_job, send, sent
from sweeper.terminal import printable


def chosen_head(
    options: dict[str, Any], folder: Path | None = None, command: str = "resume"
) -> Head | None:
    """Returns the head that a command's options name; None if they mean a Ray to join directly.

    Args:
        options: `address` and `cluster` are used.
        folder: the folder of a sweep that goes on where it was sent, unless the options name
            another place.
        command: the command that goes on with it.

    Raises:
        ValueError: two places are named, or only the folder says where it was sent.
    """
    address, cluster = options["address"], options["cluster"]
    if address is cluster is None:
        known = folder and sent(folder)
        return _own_head(folder, known[0], command) if folder and known else None
    if cluster is not None and address is not None:
        raise ValueError("--cluster and --address name two places. Leave one of them out.")
    if cluster is not None:
        return Head(None, os.path.abspath(cluster))
    is_url = address is not None and address.startswith(("http://", "https://"))
    return Head(address, None) if is_url else None


def _own_head(folder: Path, head: Head, command: str) -> Head:
    """Returns the head that a folder names, if the user himself has sent it there.

    Raises:
        ValueError: nothing notes that he has.
    """
    if noted_head(folder) == head:
        _refuse_strangers(head)
        return head
    option = "--address" if head.cluster is None else "--cluster"
    again = f"sweeper {command} {shlex.quote(str(folder))}"
    here = f" To go on here: {again} --address local." if command != "attach" else ""
    raise ValueError(
        f"{folder}: its job.json says that it was sent to {head}, but not by you from this "
        "machine, as far as sweeper knows. Your token and code go only where you say. If that is "
        f"your cluster, say so: {again} {option} {shlex.quote(str(head))}.{here}"
    )


def _refuse_strangers(head: Head) -> None:
    """Refuses an address of this machine, such as a tunnel's, that another user has taken.

    Raises:
        ConnectionError: another user listens there.
    """
    url = urlsplit(head.address or "")
    stranger = url.hostname and stranger_at(url.hostname, url.port or 80)
    if isinstance(stranger, int):
        raise ConnectionError(
            f"What listens at {head} now belongs to {name_of(stranger)}, who would get your token. "
            f"If you trust it: --address {head}."
        )


def run(head: Head, given: dict[str, Any], options: dict[str, Any]) -> tuple[Path, int]:
    """Runs a sweep on the head; returns its folder and its job's exit code.

    Args:
        head: the head to run it on.
        given: the options given as flags.
        options: all options: flags, those of a YAML file, and defaults.
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


def go_on(head: Head, command: str, given: dict[str, Any]) -> tuple[Path, int]:
    """Carries out `resume` or `confirm` where a folder's sweep was sent; returns as `run` does."""
    folder = normal_path(given["sweep"])
    if job := _running_job(head, folder):
        return folder, follow(head, job, folder)
    read(folder)
    return _send_and_follow(head, command, _to_travel(given), folder)


def attach(options: dict[str, Any]) -> tuple[Path, int]:
    """Follows a sweep sent before, where the user sent it or now says; returns as `run`.

    Raises:
        FileNotFoundError: it was sent nowhere.
        LookupError: the head that he names does not know it.
        ValueError: only the folder says where it was sent.
    """
    folder = normal_path(options["sweep"])
    known = sent(folder)
    if known is None:
        raise FileNotFoundError(
            f"{folder}: no sweep here that was sent to a cluster (no {JOB_FILE}). Give the folder "
            "that `sweeper run --cluster …` printed."
        )
    says, job = known
    head = chosen_head(options)
    if head is None and options["address"] is not None:
        raise ValueError(f"--address {options['address']}: must be http://HOST:PORT of a head.")
    if head is not None:
        check_known(head, job)
        note_job(folder, head, job)
    return folder, follow(head or _own_head(folder, says, "attach"), job, folder)


def doctor(head: Head, given: dict[str, Any]) -> int:
    """Runs `sweeper doctor` on the head, checks the token here; returns the exit code."""
    from sweeper.cluster.doctor import token_findings

    for finding in token_findings():
        print(printable(f"this machine: {finding.fault} {finding.cure}"), file=sys.stderr)
    return follow(head, send(head, "doctor", _to_travel(given), None), None)


def _running_job(head: Head, folder: Path) -> str | None:
    """Returns the job that is still busy with the sweep of a folder, if one is."""
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
    """Returns the options for the head: its own Ray, paths below the directory that travels.

    Raises:
        ValueError: a file is outside of the working directory.
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
