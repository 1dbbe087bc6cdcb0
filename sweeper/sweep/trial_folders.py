"""Decides which of the folders stay that trials made for themselves."""

import shutil
from pathlib import Path

from sweeper.record.rows import Key, Row
from sweeper.sweep.core import Core
from sweeper.training.trial import TRIALS, trial_folder

_BEST = 3  # this many stay


class TrialFolders:
    """Removes the folders of ended trials that aren't to be kept.

    Args:
        core: knows how trials ended.
        folder: the sweep's own folder.
        keep: "best" for those of the best three finished trials so far, "all", or "none".
    """

    def __init__(self, core: Core, folder: Path, keep: str) -> None:
        self._core = core
        self._folder = folder
        self._keep = keep
        there = {path.name for path in (folder / TRIALS).glob("*-*")}
        self._ended = {key for key in core.lines if f"{key.trial}-{key.replicate}" in there}

    def wants(self, status: str) -> bool:
        """Checks if the folder of a trial with this status may be kept."""
        return self._keep == "all" or (self._keep == "best" and status == "finished")

    def ended(self, key: Key) -> None:
        """Removes folders that aren't kept any more, now that this trial has its row."""
        if self._keep == "all":
            return
        self._ended.add(key)
        rows = [row for key in self._ended if (row := self._core.row(key)) is not None]
        undecided = {row.key for row in rows if row.status == "interrupted"}  # its verdict is open
        finished = sorted((row for row in rows if row.status == "finished"), key=self._place)
        kept = {row.key for row in finished[:_BEST]} if self._keep == "best" else set()
        for key in self._ended - kept - undecided:
            shutil.rmtree(trial_folder(self._folder, key), ignore_errors=True)
        self._ended &= kept | undecided

    def _place(self, row: Row) -> tuple[float, Key]:
        assert row.value is not None
        return self._core.sweep.metric.loss(row.value), row.key
