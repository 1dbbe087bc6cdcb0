"""From what Tune tells about trials to the rows of the journal, and the end of a sweep by force."""

import math
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.tune import Callback
from ray.tune.experiment import Trial

from sweeper.cluster.fleet import Fleet
from sweeper.record.journal import Journal
from sweeper.record.rows import Row
from sweeper.sweep.failures import MissedStarts, describe_failure, last_failure
from sweeper.sweep.interrupts import Interrupts
from sweeper.sweep.progress import Progress
from sweeper.worker.trainable import checkpoint_folder

Key = tuple[int, int]  # trial and replicate

_SETS_APART = ("trial", "replicate", "seed", "config")  # of what Tune is handed for a trial
_NAMELESS: dict[str, str | None] = {"worker": None, "node": None}


class StopSweepError(Exception):
    """Leads out of Tune, which would hide any other exception of a callback in its own."""


class TimeBudgetSpent(Exception):  # noqa: N818 (it is no error)
    """The reason to stop after `Limits(time_budget_s=…)`."""


class Recorder(Callback):
    """Writes the row of each trial as it ends.

    Ask it to `stop` and the sweep ends at the next step of Tune: workers are killed, what has
    ended is kept.

    Args:
        folder: the sweep's own, of which `journal` is the record.
        bar: shows progress.
        fleet: knows what is waited for while nothing runs.
        interrupts: signals that end the sweep.
        kept: rows of an earlier run of this sweep; times go on after them.
        time_budget_s: seconds from the first trial's start until the sweep stops by itself; None
            for no end.
        keep_checkpoints: leave those of ended trials where they are.
    """

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        kept: list[Row],
        bar: Progress,
        fleet: Fleet,
        interrupts: Interrupts,
        time_budget_s: float | None,
        keep_checkpoints: bool,
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._kept = kept
        self._bar = bar
        self._fleet = fleet
        self._num_workers = fleet.size()
        now = time.monotonic()
        self._start = now - max(map(_end_s, kept), default=0.0)
        self._time_budget_s = math.inf if time_budget_s is None else time_budget_s
        self._deadline = math.inf
        self._started_s: dict[Key, float] = {}
        self._running: dict[Key, Trial] = {}
        self._curves: dict[Key, list[list[float]]] = {}
        self._actor_of: dict[Key, Any] = {}
        self._names: dict[Any, dict[str, str | None]] = {}  # actor → its worker and node
        self._failures: Counter[str] = Counter()
        self._starts = MissedStarts(bar.say)
        self.try_again: Callable[[dict[str, Any]], None] = lambda trial: None
        self._rows: dict[Key, Row] = {}
        self._interrupts = interrupts
        self._keep_checkpoints = keep_checkpoints
        self._writing = threading.Lock()  # Tune's thread may be alive when the sweep ends by force
        self._broken = False  # whether the journal can't be written any more
        self.stop_reason: BaseException | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given, to restore it; here nothing is to be restored

    @property
    def rows(self) -> list[Row]:
        """All rows so far, the kept ones included."""
        return [*self._kept, *self._rows.values()]

    def _now(self) -> float:
        """Seconds since the sweep began, those of earlier runs included."""
        return time.monotonic() - self._start

    def stop(self, reason: BaseException) -> None:
        """Ends the sweep at the next step of Tune; the first reason counts."""
        self.stop_reason = self.stop_reason or reason

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Shows progress, and carries out a stop."""
        self._bar.tick()
        waiting_for = self._fleet.waiting_for(bool(self._running))
        if waiting_for is not None:
            self._bar.say(waiting_for)
        if self._interrupts.reason is not None:
            self.stop(self._interrupts.reason)
        if time.monotonic() > self._deadline:
            self.stop(TimeBudgetSpent())
        if self.stop_reason is not None:
            for trial in self._running.values():
                if trial.temporary_state.ray_actor is not None:
                    ray.kill(trial.temporary_state.ray_actor)
            raise StopSweepError

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Notes the time, and the names of a worker that is new."""
        key = _key(trial)
        self._running[key] = trial
        self._curves[key] = []
        now = time.monotonic()
        self._started_s[key] = self._now()
        self._deadline = min(self._deadline, now + self._time_budget_s)
        actor = self._actor_of[key] = trial.temporary_state.ray_actor
        if actor is not None and actor not in self._names:
            # Waited for before its first trial, so that the names of a worker that dies are known.
            try:
                names: Any = ray.get(actor.names.remote(), timeout=10)
                self._names[actor] = names
            except (RayError, TimeoutError):
                self._names[actor] = _NAMELESS
        self._starts.went_well()
        self._bar.started(key)

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        """Notes a point of the learning curve, or the end of the trial."""
        if result["done"]:
            self._record(trial, **result["ended"])
        else:
            point = [result["epoch"], result["validation_error"], result["elapsed_s"]]
            self._curves[_key(trial)].append(point)
        if result["printed"]:
            self._keep_output(self._names_of(_key(trial))["worker"], result["printed"])

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Notes what Tune sees of failures: a process that died, or that could not be set up.

        A trial that did not start is handed out again, since its worker or node is to blame.
        """
        key = _key(trial)
        told = last_failure(trial.error_file)
        if key not in self._running:
            self._miss_start(told)
            self.try_again({name: trial.config[name] for name in _SETS_APART})
            return
        self._record(
            trial,
            status="failed",
            validation_error=None,
            runtime_s=self._now() - self._started_s[key],
            exception=describe_failure(told),
            traceback=told,
        )

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Tune will start the trial again, since its process died, or did not start."""
        if self._running.pop(_key(trial), None) is None:
            self._miss_start(last_failure(trial.error_file))

    def _miss_start(self, told: str) -> None:
        hopeless = self._starts.missed(told)
        if hopeless and not self._running:
            self.stop(hopeless)

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Lets go of Tune's results and statistics of the trial, most of what it keeps of one."""
        trial.run_metadata.metric_analysis.clear()
        trial.run_metadata.metric_n_steps.clear()
        trial.run_metadata.last_result = {}

    def interrupt(self, trials: Sequence[Mapping[str, Any]]) -> None:
        """Rows for those of the sweep's trials that have none when it ends by force."""
        with self._writing:
            rows = []
            for trial in trials:
                key = trial["trial"], trial["replicate"]
                if key not in self._rows:
                    row = self._row(key, trial, "interrupted", {"validation_error": None})
                    self._rows[key] = row
                    rows.append(row)
            if not self._broken:
                self._append(*rows)

    def _record(self, trial: Trial, *, status: str, **columns: Any) -> None:
        key = _key(trial)
        with self._writing:
            if key in self._rows:
                return  # the first row of a trial wins
            row = self._rows[key] = self._row(key, trial.config, status, columns)
            self._running.pop(key, None)
            self._append(row)
            if not self._keep_checkpoints and not self._broken:
                shutil.rmtree(checkpoint_folder(self._folder, key), ignore_errors=True)
        self._bar.ended(key, row)
        self._say_if_all_fail_alike(row)

    def _append(self, *rows: Row) -> None:
        try:
            self._journal.append(*rows)
        except OSError as error:
            self._broken = True
            self.stop(error)

    def _row(
        self, key: Key, trial: Mapping[str, Any], status: str, columns: Mapping[str, Any]
    ) -> Row:
        curve = self._curves.pop(key, [])
        return Row(
            trial=key[0],
            replicate=key[1],
            config=trial["config"],
            validation_error=columns["validation_error"],
            epochs=columns.get("epochs") or len(curve) or None,
            status=status,
            seed=trial["seed"],
            start_s=self._started_s.get(key),
            runtime_s=columns.get("runtime_s"),
            **self._names_of(key),
            exception=columns.get("exception"),
            traceback=columns.get("traceback"),
            curve=curve or columns.get("curve", []),
        )

    def _say_if_all_fail_alike(self, row: Row) -> None:
        if row.status == "failed" and row.exception:
            self._failures[row.exception] += 1
        alike = self._failures[row.exception] if row.exception else 0
        if alike == len(self._rows) == max(2, self._num_workers):
            self._bar.say(f"The first {alike} trials failed alike:\n{row.traceback}")

    def _names_of(self, key: Key) -> dict[str, str | None]:
        """The worker and node that a trial runs on."""
        return self._names.get(self._actor_of.get(key), _NAMELESS)

    def _keep_output(self, worker: str | None, printed: str) -> None:
        """Writes down what a worker on another node printed."""
        output = self._folder / "output"
        try:
            output.mkdir(exist_ok=True)
            with open(output / f"{worker}.txt", "a", encoding="utf-8") as file:
                file.write(printed)
        except OSError as error:
            self.stop(error)


def _end_s(row: Row) -> float:
    return (row.start_s or 0.0) + (row.runtime_s or 0.0)


def _key(trial: Trial) -> Key:
    return trial.config["trial"], trial.config["replicate"]
