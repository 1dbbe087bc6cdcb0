"""Mirrors a sweep on a cluster's head into a folder on a laptop, through the log of its job.

The log's lines are the sweep's messages, except frames: a record separator and a JSON object (as in
RFC 7464), which carry what is printed, how far the sweep is, and the files of its record.
"""

import io
import json
import os
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweeper.files import (
    NotAPlainFileError,
    append_all,
    lock_within,
    named,
    open_plain,
    read_plain,
    write_whole,
)
from sweeper.record.running import note_progress

MIRROR = "SWEEPER_MIRROR"  # in a job's environment: the folder on the laptop
GROWING_FILES = ("trials.jsonl", "test_looks.jsonl")
REPLACED_FILE = "sweep.json"
JOB_FILE = "job.json"  # beside a mirrored record: names the job and its head
HEARTBEAT_S = 5.0
_LOOK_EVERY_S = 0.5
_LOCK_S = 30.0
_LAST_LOOK_S = 60.0  # for a file system that is slow to finish reads
_FRAME_BYTES = 64_000  # of a file, per frame: Ray sends whole lines, of up to 4 MB
_SEPARATOR = "\x1e"


def left_on_head(folder: Path) -> str:
    """Says where the other files of a mirrored sweep are; returns "" if the folder is no mirror."""
    if not (folder / JOB_FILE).exists():
        return ""
    there, here = shlex.quote(f"runs/{folder.name}/"), shlex.quote(f"{folder}/")
    return (
        "not here, as the sweep has run on a cluster's head. This brings it, if it was kept: "
        f"ray rsync-down cluster.yaml {there} {here}"
    )


def send(**content: Any) -> None:
    """Writes a frame to the log, in one piece."""
    os.write(1, f"{_SEPARATOR}{json.dumps(content)}\n".encode())


class Printed(io.TextIOBase):
    """Replaces standard output on the head: what is printed travels in frames."""

    def write(self, text: str) -> int:
        """Sends the text."""
        if text:
            send(print=text)
        return len(text)


class Sender:
    """Sends new content of a sweep's folder, and a sign of life, while this context lasts.

    Args:
        folder: the sweep's folder, which may not exist yet; None for no files.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._sent_bytes = dict.fromkeys(GROWING_FILES, 0)
        self._sent_version: tuple[int, int] | None = None
        self._last_sign_s = time.monotonic()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sweeper-mirror", daemon=True)

    def __enter__(self) -> "Sender":
        send()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self._thread.join(_LAST_LOOK_S)
        self._send_files()

    def _work(self) -> None:
        while not self._end.wait(_LOOK_EVERY_S):
            self._send_files()
            if time.monotonic() - self._last_sign_s > HEARTBEAT_S:
                self._last_sign_s = time.monotonic()
                send()

    def _send_files(self) -> None:
        if self._folder is None:
            return
        try:
            path = self._folder / REPLACED_FILE
            version = path.stat().st_ino, path.stat().st_mtime_ns
            if version != self._sent_version:
                send(file=path.name, text=read_plain(path).decode("latin-1"))
                self._sent_version = version
        except (OSError, NotAPlainFileError):
            return  # the sweep has not begun, or will report the fault itself
        for name in GROWING_FILES:
            try:
                self._send_growth(self._folder / name)
            except (OSError, NotAPlainFileError):
                continue  # it is looked for again later

    def _send_growth(self, path: Path) -> None:
        with open_plain(path) as file:
            file.seek(self._sent_bytes[path.name])
            while piece := file.read(_FRAME_BYTES):
                # Latin-1 has a character for each byte, so that damaged files arrive unchanged.
                send(file=path.name, at=self._sent_bytes[path.name], text=piece.decode("latin-1"))
                self._sent_bytes[path.name] += len(piece)


class Mirror:
    """Reads the log of a job and writes the record that it carries into a folder here."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._begun = ""  # a line whose rest is still to come

    def take(self, text: str) -> Iterator[tuple[str, str]]:
        """Yields the content of a further part of the log, as pairs of kind and text.

        The kinds are `said` (a line of the log), `print` (what was printed), `lines` (how far the
        sweep is) and `sign` (of life).

        Raises:
            ValueError: a file can't be written, or holds something else than on the head.
        """
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            said, separator, content = line.partition(_SEPARATOR)
            if said or not separator:
                yield "said", said
            if separator:
                yield from self._take_frame(content)

    def _take_frame(self, content: str) -> Iterator[tuple[str, str]]:
        try:
            frame = json.loads(content)
        except (ValueError, RecursionError):
            frame = None
        match frame:
            case {"print": str(text)}:
                yield "print", text
            case {"lines": list(lines)} if all(isinstance(line, str) for line in lines):
                if self._folder is not None:
                    note_progress(self._folder, lines)
                yield "lines", "\n".join(lines)
            case {"file": str(name), "text": str(text), **where}:
                self._write(name, where.get("at"), text.encode("latin-1", errors="replace"))
            case {}:
                yield "sign", ""
            case _:
                yield "said", content

    def _write(self, name: str, at: Any, content: bytes) -> None:
        if self._folder is None:
            return
        path = self._folder / name
        try:
            if name == REPLACED_FILE:
                write_whole(path, lambda file: file.write(content))
            elif name in GROWING_FILES and isinstance(at, int) and at >= 0:
                _grow(path, at, content)
        except OSError as error:
            raise ValueError(
                f"The record can't be mirrored: {error}. The job goes on; fix that, then "
                f"`sweeper attach {shlex.quote(str(self._folder))}` finds it again."
            ) from None


def _grow(path: Path, at: int, content: bytes) -> None:
    """Appends the part that is still missing of a file's content from a position on."""
    with open_plain(path, "a+b") as file, named(path):
        lock_within(file, _LOCK_S)  # two processes may follow the same job
        size = file.seek(0, os.SEEK_END)
        file.seek(at)
        there = file.read(len(content))
        if at > size or not content.startswith(there):
            raise ValueError(
                f"{path}: holds other rows than on the cluster's head, as if the sweep had gone on "
                "in two places. Move the folder away, but for its job.json, and attach again."
            )
        append_all(file.fileno(), content[len(there) :], size)
