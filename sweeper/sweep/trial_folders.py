"""Decides which of the folders stay that trials made for themselves."""

import shutil
from contextlib import suppress
from pathlib import Path

from sweeper.record.rows import Key, Row
from sweeper.sweep.core import Core
from sweeper.training.trial import TRIALS, trial_folder

_BEST = 3  # this many configurations


class TrialFolders:
    """Removes the folders of ended trials that aren't to be kept.

    Args:
        core: knows how trials ended.
        folder: the sweep's own folder.
        keep: "best" for those of the best three configurations so far, "all", or "none".
    """

    def __init__(self, core: Core, folder: Path, keep: str) -> None:
        self._core = core
        self._folder = folder
        self._keep = keep
        self._left = self._there()  # trials that are over and whose folders may be there
        self._losses: dict[int, float] = {}  # of the best configurations so far

    def wants(self, status: str) -> bool:
        """Checks if the folder of a trial with this status may be kept."""
        return self._keep == "all" or (self._keep == "best" and status == "finished")

    def left(self, key: Key) -> None:
        """Removes folders that aren't kept any more, now that this trial's objective is left for
        good: while it is stopped it may still write to its folder, or make it again.
        """
        self._left = self._left | {key}  # anew: a thread may outlive the sweep's end
        self._clear()

    def look(self) -> None:
        """Removes folders at the sweep's end that trials have made after they were left."""
        with suppress(OSError):  # of a folder that can't be read any more
            self._left = self._left | self._there()
        self._clear()

    def _there(self) -> set[Key]:
        there = {path.name for path in (self._folder / TRIALS).glob("*-*")}
        return {key for key in list(self._core.lines) if f"{key.trial}-{key.replicate}" in there}

    def _clear(self) -> None:
        if self._keep == "all":
            return
        staying = self._staying()
        for key in self._left - staying:
            shutil.rmtree(trial_folder(self._folder, key), ignore_errors=True)
        self._left = self._left & staying

    def _staying(self) -> set[Key]:
        """Returns the trials, of those that were left, whose folders stay for the present."""
        trials = {key.trial for key in self._left} if self._keep == "best" else set()
        undecided = set()
        losses: dict[int, float] = {}
        for trial in trials:
            keys = [Key(trial, r) for r in range(self._core.sweep.replicates)]
            ended = [row for key in keys if (row := self._ended(key)) is not None]
            if any(row.status != "finished" for row in ended):
                continue  # it can't be the best any more
            if len(ended) < len(keys):
                undecided.add(trial)
            else:
                losses[trial] = self._losses.get(trial) or self._loss(ended)
        best = sorted(losses, key=lambda trial: (losses[trial], trial))[:_BEST]
        self._losses = {trial: losses[trial] for trial in best}
        kept = undecided.union(best)
        return {key for key in self._left if key.trial in kept or self._ended(key) is None}

    def _ended(self, key: Key) -> Row | None:
        """Returns a trial's row; None if it may change, since a resume runs the trial again or its
        verdict is open.
        """
        row = self._core.row(key)
        return None if row is None or row.status == "interrupted" else row

    def _loss(self, rows: list[Row]) -> float:
        """Returns the mean loss of replicates, to the last bit as `Results.summary` has it."""
        values = [row.value for row in rows if row.value is not None]
        mean = values[0]
        if len(values) > 1:
            from pandas import Series

            mean = float(Series(values).groupby([0] * len(values)).mean().iloc[0])
        return self._core.sweep.metric.loss(mean)
