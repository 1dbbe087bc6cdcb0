"""Runs a sweep as a job on a cluster's head: sends, follows, mirrors, stops and finds it again."""

import asyncio
import json
import math
import os
import re
import secrets
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from sweeper import __version__
from sweeper.files import read_plain, write_whole
from sweeper.record import journal
from sweeper.record.mirror import HEARTBEAT_S, JOB_FILE, Mirror
from sweeper.record.own_sweeps import Head, note_head
from sweeper.remote.head import reached
from sweeper.remote.screen import Screen
from sweeper.terminal import printable

_SILENCE_S = 6 * HEARTBEAT_S  # seconds of silence after which a connection counts as lost
_TRY_AGAIN_S = 2.0
_MOST_UNREAD = 3  # failed attempts to read the log of an ended job
_STOP_WAIT_S = 60  # for a stopped sweep to write its last rows; Ray's default is 3


def send(head: Head, command: str, options: dict[str, Any], folder: Path | None) -> str:
    """Sends a command of sweeper to the head as a job; returns the job's name.

    The working directory is sent there, without the sweeps and all that .gitignore excludes.

    Args:
        head: the head to run it on.
        command: `run`, `resume`, `confirm` or `doctor`.
        options: its options.
        folder: where the record is mirrored; None for a command without one.

    Raises:
        ConnectionError: the head can't be reached, takes no job, or is lost just then.
        KeyboardInterrupt: Ctrl-C; nothing is left running there.
        ValueError: the working directory is too large to travel.
    """
    from sweeper.cluster.connection import quiet

    request = {"command": command, "options": options, "version": __version__,
               "mirror": folder and str(folder),
               "begun": folder is not None and (folder / "sweep.json").exists()}  # fmt: skip
    job = f"sweeper_{secrets.token_hex(8)}"
    with reached(head) as client, quiet():
        # Noted first, so that a job whose answer got lost can be found again.
        before = None if folder is None else note_job(folder, head, job)
        try:
            client.submit_job(
                entrypoint=f"python -m sweeper.cli.job_entry {shlex.quote(json.dumps(request))}",
                runtime_env=_runtime_env(folder),
                submission_id=job,
            )
        except (KeyboardInterrupt, OSError) as error:
            if folder is not None and not _stopped(client, job):
                options_too = f" with --name {folder.name} --resume" if command == "run" else ""
                raise ConnectionError(
                    f"The connection to {head} is lost, and the sweep may have arrived. Give the "
                    f"command again{options_too}: it finds the sweep there, or sends it."
                ) from error
            _restore(folder, before)
            raise
        except RuntimeError as error:
            _restore(folder, before)
            raise _refusal(head, error) from error
    return job


def _stopped(client: Any, job: str) -> bool:
    """Checks that a job that may have arrived at the head does not run there."""
    try:
        client.stop_job(job)
    except OSError:
        return False
    except RuntimeError:  # it does not exist
        pass
    return True


def note_job(folder: Path, head: Head, job: str) -> bytes | None:
    """Writes which job has the sweep of a folder; returns the earlier note.

    The head, which the user has named, is also noted as one that he trusts.
    """
    path = folder / JOB_FILE
    folder.mkdir(parents=True, exist_ok=True)
    try:
        before = read_plain(path)
    except FileNotFoundError:
        before = None
    note_head(folder, head)
    journal.write_json(path, {"job": job, "address": head.address, "cluster": head.cluster})
    return before


def _restore(folder: Path | None, content: bytes | None) -> None:
    """Writes the earlier note again."""
    if folder is None:
        return
    if content is None:
        (folder / JOB_FILE).unlink(missing_ok=True)
    else:
        write_whole(folder / JOB_FILE, lambda file: file.write(content))


def _refusal(head: Head, error: RuntimeError) -> Exception:
    """Returns the error to report if a head takes no job."""
    if "status code 413" not in str(error):
        return ConnectionError(f"{head} refused the job: {error}")
    return ValueError(
        f"{os.getcwd()} is too large to travel to a cluster (Ray takes 100 MB). Run sweeper in the "
        "folder of your code alone, or name what is large in .gitignore."
    )


def _runtime_env(folder: Path | None) -> dict[str, Any]:
    """Returns what Ray is to take along, and how it is to stop the job: as Ctrl-C would."""
    stop = {"RAY_JOB_STOP_SIGNAL": "SIGINT", "RAY_JOB_STOP_WAIT_TIME_S": str(_STOP_WAIT_S)}
    if folder is None:
        return {"env_vars": stop}
    here, sweeps = Path.cwd(), folder.absolute().parent
    left_out = [f"/{sweeps.relative_to(here)}"] if here in sweeps.parents else []
    return {"working_dir": str(here), "excludes": left_out, "env_vars": stop}


def sent(folder: Path) -> tuple[Head, str] | None:
    """Returns the head and the job that a folder claims to mirror, if any.

    Don't trust the head: the folder may come from anywhere.

    Raises:
        ValueError: `job.json` is damaged.
    """
    path = folder / JOB_FILE
    try:
        content = read_plain(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        match json.loads(content):
            # The job's name becomes part of URLs.
            case {"job": str(job), **where} if re.fullmatch(r"\w{1,100}", job, re.ASCII):
                match where:
                    case {"address": str(address), "cluster": None}:
                        return Head(address, None), job
                    case {"address": None, "cluster": str(cluster)}:
                        return Head(None, cluster), job
    except (ValueError, RecursionError):
        pass
    raise ValueError(f"{path}: damaged, it does not describe a job on a cluster.")


def check_known(head: Head, job: str) -> None:
    """Raises LookupError if the head does not know the job, ConnectionError if it is not there."""
    with reached(head) as client:
        _info(client, head, job)


def is_running(head: Head, job: str) -> bool:
    """Checks if the job is on its way; False if the head does not know it (any more)."""
    with reached(head) as client:
        try:
            return not _info(client, head, job).status.is_terminal()
        except LookupError:
            return False


def follow(head: Head, job: str, folder: Path | None, keep_trying_s: float = 60) -> int:
    """Shows what a job says and does until it ends; returns its exit code.

    Ctrl-C stops the job; a second one stops only following it. A lost connection is made anew, and
    doesn't affect the job. If a job has ended and its log can't be read, a message says so.

    Raises:
        ConnectionError: the head could not be reached at all, or not for `keep_trying_s`.
        LookupError: the head does not know the job.
        ValueError: the record can't be mirrored.
    """
    from sweeper.cluster.connection import quiet

    screen = Screen(Mirror(folder))
    again = f"`sweeper attach {shlex.quote(str(folder))}` finds it again." if folder else ""
    stopping, unread = False, 0
    # None while the head is there. If it was never reached, no loss is worth another try.
    lost_since_s: float | None = -math.inf
    while True:
        try:
            try:
                with reached(head) as client, quiet():
                    info = _info(client, head, job)
                    lost_since_s = None
                    if stopping and not info.status.is_terminal():
                        client.stop_job(job)
                    fault = _tail_log(client, job, screen)
                    info = _info(client, head, job)
                    unread += fault is not None and info.status.is_terminal()
                    if fault is not None and unread < _MOST_UNREAD:
                        raise fault
                    if info.status.is_terminal():
                        _say_end(screen, info, fault, folder)
                        return _exit_code(info)
            except (OSError, RuntimeError) as error:
                now = time.monotonic()
                lost_since_s = now if lost_since_s is None else lost_since_s
                if now - lost_since_s > keep_trying_s:
                    raise ConnectionError(
                        f"{error} The job keeps running as long as the cluster does. {again}"
                    ) from error
                screen.say_once(
                    f"The connection to {head} is lost; the job goes on. Trying again …"
                )
            time.sleep(_TRY_AGAIN_S)  # after a loss, or a log that has ended before its job
        except KeyboardInterrupt:  # whatever was going on
            if stopping:
                raise
            stopping = True
            screen.say("Stopping the sweep on the cluster (press Ctrl-C again to let it run on) …")


def _tail_log(client: Any, job: str, screen: Screen) -> Exception | None:
    """Shows a job's log; returns why that ended early, if it did."""
    try:
        asyncio.run(_tail(client, job, screen))
    except (OSError, RuntimeError) as error:
        return error
    return None


def _say_end(screen: Screen, info: Any, fault: Exception | None, folder: Path | None) -> None:
    if fault is None:
        screen.close()
        return
    lacking = f" What is missing here is in {folder.name} on the head." if folder else ""
    screen.say(f"The job has ended ({info.status}), but its log can't be read: {fault}.{lacking}")


async def _tail(client: Any, job: str, screen: Screen) -> None:
    """Shows a job's log, all of it each time, until the job ends or falls silent."""
    import aiohttp

    loop = asyncio.get_running_loop()
    screen.rewind()
    try:
        async with asyncio.timeout(_SILENCE_S) as limit:
            async for text in client.tail_job_logs(job):
                screen.show(text)
                limit.reschedule(loop.time() + _SILENCE_S)
    except TimeoutError:
        pass  # it has not begun yet, or the connection is lost: the next request will show
    except aiohttp.ClientError as error:
        raise ConnectionError(str(error)) from error


def _info(client: Any, head: Head, job: str) -> Any:
    try:
        return client.get_job_info(job)
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
        raise LookupError(
            f"{head} does not know job {job}: its Ray was restarted. Go on with the sweep by "
            "`sweeper resume`."
        ) from error


def _exit_code(info: Any) -> int:
    if info.status == "SUCCEEDED":
        return 0
    if info.status == "STOPPED":
        return 130
    if info.driver_exit_code is None and info.message:
        print(printable(info.message), file=sys.stderr)
    return info.driver_exit_code or 1
