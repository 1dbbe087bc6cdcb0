"""Connects a sweep's executor to its core: hands out trials, and takes reports of them."""

import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.files import NotAPlainFileError, named, open_plain, plain_folder
from sweeper.record.journal import Journal
from sweeper.record.rows import Key, Row, Trial
from sweeper.record.unwritable import unwritable
from sweeper.sweep.core import Core
from sweeper.sweep.execution import Execution
from sweeper.sweep.progress import Progress
from sweeper.sweep.stops import Stops
from sweeper.sweep.suggestions import Suggestions
from sweeper.sweep.trial_folders import TrialFolders
from sweeper.terminal import bounded
from sweeper.training.trial import checkpoint_folder
from sweeper.worker.reports import Ended, Point


@dataclass(frozen=True)
class Place:
    """The worker and node that run a trial."""

    worker: str | None = None
    node: str | None = None


class Conductor:
    """Passes the events of an executor to the core, and writes the resulting rows.

    Args:
        core: decides what happens next.
        journal: gets the line of each ended trial before the trial counts as ended.
        folder: the sweep's own folder.
        bar: shows progress.
        stops: knows when the sweep ends before all trials have.
        suggestions: computes configurations ahead of time.
        keep_checkpoints: True to keep the checkpoints of ended trials.
        keep: which of the folders that trials made stay, as in `Execution`.
    """

    def __init__(
        self,
        core: Core,
        journal: Journal,
        folder: Path,
        bar: Progress,
        stops: Stops,
        suggestions: Suggestions,
        keep_checkpoints: bool = False,
        keep: str = Execution.keep,
    ) -> None:
        self.core = core
        self.folder = folder
        self.bar = bar
        self.stops = stops
        self._journal = journal
        self._suggestions = suggestions
        self._keep_checkpoints = keep_checkpoints
        self.trial_folders = TrialFolders(core, folder, keep)
        # Times continue those of an earlier run.
        self._start = time.monotonic() - max(map(_end_s, core.lines.values()), default=0.0)
        self._started_s: dict[Key, float] = {}
        self._places: dict[Key, Place] = {}
        self._broken = False  # whether the journal can't be written any more
        self._writing = threading.RLock()  # an executor's thread may outlive the sweep's end

    def step(self) -> BaseException | None:
        """Shows progress and works ahead; call it often. Returns a reason to end, if any.

        Once it has returned a reason, call only `interrupt`.
        """
        self.bar.tick()
        self._work_ahead()
        return self.stops.look()

    def next_trial(self) -> Trial | None:
        """Returns the trial for a free worker; None if there is none, or none yet."""
        self._work_ahead()
        trial = self.core.next_trial()
        self.bar.waits(trial is None and self.core.has_more)
        return trial

    def started(self, key: Key, place: Place) -> None:
        """Notes that a worker begins a trial, perhaps again after its process died."""
        self._started_s[key] = self._now()
        self._places[key] = place
        self.stops.began()
        self.bar.started(key)

    def reported(self, key: Key, points: Sequence[Point]) -> bool:
        """Takes a trial's new points; returns whether it is to stop. Then it has its row."""
        self.core.reported(key, points)
        self.stops.reported()
        if points:
            self.bar.reported(key, int(points[-1][0]), points[-1][1])
        if not self.core.should_stop(key):
            return False
        trial = self.core.running.get(key)
        if trial is not None:
            curve = self.core.curves[key]
            self._write(self._row(trial, "stopped", curve[-1][1], len(curve), self.runs_for_s(key)))
        return True

    def ended(self, key: Key, ended: Ended) -> None:
        """Notes that a trial ended by itself: finished, diverged or failed."""
        trial = self.core.running.get(key)
        if trial is None:
            return  # it was stopped before; a trial's first row counts
        self.core.reported(key, ended.points)
        row = self._row(trial, ended.status, ended.value, ended.epochs, ended.runtime_s)
        row.exception, row.traceback = ended.exception, ended.traceback
        row.metrics = ended.metrics
        self._write(row)

    def died(self, key: Key) -> None:
        """Notes that a trial's process died; it is started again, unless it has its verdict."""
        self.reported(key, [])

    def gave_up(self, key: Key, exception: str, traceback: str | None) -> None:
        """Notes that a trial is given up: its process died too often, or it took too long."""
        trial = self.core.running.get(key)
        if trial is None:
            return
        row = self._row(trial, "failed", None, None, self.runs_for_s(key))
        row.exception, row.traceback = bounded(exception), traceback and bounded(traceback)
        self._write(row)

    def interrupt(self) -> None:
        """Writes rows for the trials that have begun when the sweep ends by force."""
        with self._writing:
            for trial in self.core.unfinished():
                if trial.key not in self._started_s:
                    continue
                self._write(self._row(trial, "interrupted", None, None, None))

    def runs_for_s(self, key: Key) -> float:
        """Returns how long a trial has run, in seconds."""
        return self._now() - self._started_s.get(key, self._now())

    def keep_output(self, place: Place, printed: str) -> None:
        """Writes down what a worker on another node printed."""
        try:
            output = plain_folder(self.folder / "output")
            path = output / f"{place.worker}.txt"
            with named(path), open_plain(path, "ab") as file:
                file.write(printed.encode(errors="replace"))
        except OSError as error:
            self.unwritable(self.folder / "output", error)
        except NotAPlainFileError as error:
            self.stops.stop(error)

    def unwritable(self, path: Path, error: OSError) -> None:
        """Ends the sweep, since something in its folder can't be written."""
        self.stops.stop(unwritable(error.filename or path, error))

    def _work_ahead(self) -> None:
        try:
            self._suggestions.step()
            self.bar.planned(self.core.num_trials * self.core.sweep.replicates)
        except Exception as error:  # an error in the user's own sampler, for instance
            self.stops.stop(error)

    def _now(self) -> float:
        """Returns seconds since the sweep began, including earlier runs."""
        return time.monotonic() - self._start

    def _row(
        self,
        trial: Trial,
        status: str,
        value: float | None,
        epochs: int | None,
        runtime_s: float | None,
    ) -> Row:
        curve = self.core.curves.get(trial.key, [])
        place = self._places.get(trial.key, Place())
        return Row(
            trial=trial.trial,
            replicate=trial.replicate,
            config=trial.config,
            value=value,
            epochs=epochs or len(curve) or None,
            status=status,
            seed=trial.seed,
            start_s=self._started_s.get(trial.key),
            runtime_s=runtime_s,
            worker=place.worker,
            node=place.node,
            curve=list(curve),
        )

    def _write(self, row: Row) -> None:
        """Writes the line of a trial; nothing any more once that has failed, perhaps half-way."""
        with self._writing:
            line = self.core.ended(row)
            if self._broken:
                return
            try:
                self._journal.append(line)
            except OSError as error:
                self._broken = True
                del self.core.lines[row.key]  # it is not on record
                self.stops.stop(error)
                return
            if row.status != "interrupted" and not self._keep_checkpoints:
                shutil.rmtree(checkpoint_folder(self.folder, row.key), ignore_errors=True)
        if row.status != "interrupted":
            for of_running in (self._started_s, self._places):
                of_running.pop(row.key, None)
            self.bar.ended(row.key, self.core.newly_settled())
            self.stops.ended(line)


def _end_s(row: Row) -> float:
    return (row.start_s or 0.0) + (row.runtime_s or 0.0)


def time_over(limit_s: float) -> str:
    """Returns the message for a trial that has taken too long."""
    return f"TrialTimeOver: the trial ran longer than trial_time_s={limit_s:g}"
