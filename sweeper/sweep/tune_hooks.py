"""Adapts the conductor to Ray Tune: its searcher, its scheduler and its callback."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from zipfile import BadZipFile

import ray
from ray.exceptions import RayError
from ray.tune import Callback
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from sweeper.cluster.fleet import Fleet
from sweeper.cluster.ray_internals import actor_of, forget_ended, try_no_more
from sweeper.record.rows import Key, Trial
from sweeper.sweep.conductor import Conductor, Place, time_over
from sweeper.sweep.failures import MissedStarts, describe_failure, last_failure
from sweeper.training.trial import trial_folder
from sweeper.worker.packed_folder import unpack
from sweeper.worker.reports import Ended

_COPY_S = 600  # the longest time for a trial's folder to arrive from its node
_BUSY_S = 1.0  # Tune looks more often than that, unless this process is busy


class LeaveTuneError(Exception):
    """Ends Tune's run, even when all is done: else Tune would write and read files of every
    trial.
    """


class _NotRestored:
    """Lets Tune pickle it without its contents: the sweep's folder is the record, not Tune's."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class HandOver(_NotRestored, Searcher):
    """Hands Tune one trial after another, as the conductor gives them out.

    Args:
        conductor: gives out trials.
        limit: returns how many may be handed out and not ended; called at each step of Tune, whose
            own `max_concurrent_contexts` can't change as nodes come and go.
    """

    def __init__(self, conductor: Conductor, limit: Callable[[], int] = lambda: sys.maxsize):
        super().__init__()
        self._conductor = conductor
        self._limit = limit
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> Any:
        """Returns the next trial; None at the limit or while one may come, FINISHED in the end."""
        # While no trial is left, Tune asks for one again and again, and does nothing else.
        if not self._running and self._conductor.step() is not None:
            raise LeaveTuneError
        if len(self._running) >= self._limit():
            return None
        trial = self._conductor.next_trial()
        if trial is None:
            return Searcher.FINISHED if self._conductor.core.is_over else None
        self._running.add(trial_id)
        return {
            "trial": trial.trial,
            "replicate": trial.replicate,
            "seed": trial.seed,
            "config": trial.config,
        }

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Counts the ended trial; the callback has reported its results."""
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Saves nothing: the sweep's folder is the record."""

    def restore(self, checkpoint_path: str) -> None:
        """Restores nothing: the sweep's folder is the record."""


class InOrder(_NotRestored, FIFOScheduler):
    """Stops the trials that the conductor stops, and leaves no worker unused.

    Tune's own FIFO scheduler, told to reuse workers, picks a trial whose worker is still starting,
    gives it a free worker and kills the starting one: only 6 of 16 workers ever ran. Choosing
    nothing leaves the choice to Tune's controller, which serves trials without a worker first.
    """

    def __init__(self, conductor: Conductor) -> None:
        super().__init__()
        self._conductor = conductor

    def choose_trial_to_run(self, tune_controller: TuneController) -> TuneTrial | None:
        """Returns None: the controller chooses. Also drops ended trials."""
        forget_ended(tune_controller)
        return None

    def on_trial_result(
        self, tune_controller: TuneController, trial: TuneTrial, result: dict[str, Any]
    ) -> str:
        """Decides whether a trial that has trained some more goes on."""
        stops = self._conductor.reported(key_of(trial), result["points"])
        return TrialScheduler.STOP if stops else TrialScheduler.CONTINUE


class Events(_NotRestored, Callback):
    """Reports events of Tune's trials to the conductor, and leaves Tune when the sweep ends.

    Args:
        conductor: gets the events.
        fleet: says what is waited for while nothing runs.
        trial_time_s: seconds after which a trial fails; None for never.
    """

    def __init__(self, conductor: Conductor, fleet: Fleet, trial_time_s: float | None) -> None:
        self._conductor = conductor
        self._fleet = fleet
        self._trial_time_s = trial_time_s
        self._running: dict[Key, TuneTrial] = {}
        self._late: Counter[Key] = Counter()  # how often a trial was seen to be over its time
        self._heard = False  # something since the last look, so that more may be waiting
        self._looked = time.monotonic()
        self._places: dict[Any, Place] = {}  # by actor
        self._starts = MissedStarts(conductor.bar.say)

    def on_step_begin(self, iteration: int, trials: list[TuneTrial], **info: Any) -> None:
        """Shows progress, ends trials that take too long, and carries out a stop."""
        waiting_for = self._fleet.waiting_for(bool(self._running))
        if waiting_for is not None:
            self._conductor.bar.say(waiting_for)
        if self._trial_time_s is not None:
            self._end_slow_ones(self._trial_time_s)
        if self._conductor.step() is not None:
            for trial in self._running.values():
                _kill(trial)
            raise LeaveTuneError
        if self._conductor.core.is_over:
            raise LeaveTuneError

    def _end_slow_ones(self, limit_s: float) -> None:
        """Ends trials that take too long, unless their end may be waiting to be heard: Tune tells
        one thing at a time, and meanwhile this process may have been busy.
        """
        now = time.monotonic()
        may_wait = self._heard or now - self._looked > _BUSY_S
        self._heard, self._looked = False, now
        most = 2 * len(self._running) + 1
        for key, trial in list(self._running.items()):
            if self._conductor.runs_for_s(key) <= limit_s:
                continue
            self._late[key] += 1
            if not may_wait or self._late[key] > most:
                self._conductor.gave_up(key, time_over(limit_s), None)
                self._forget(key)
                try_no_more(trial)
                _kill(trial)

    def _forget(self, key: Key) -> TuneTrial | None:
        """Notes that a trial doesn't run any more; returns Tune's trial if it did."""
        del self._late[key]
        return self._running.pop(key, None)

    def on_trial_start(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any
    ) -> None:
        """Reports that a trial begins, and where; asks a new worker for its names."""
        key = key_of(trial)
        self._heard = True
        self._running[key] = trial
        actor = actor_of(trial)
        if actor is not None and actor not in self._places:
            # Done before its first trial, so that the names of a worker that dies are known.
            try:
                names: Any = ray.get(actor.names.remote(), timeout=10)
                self._places[actor] = Place(**names)
            except (RayError, TimeoutError):
                self._places[actor] = Place()
        self._starts.went_well()
        self._conductor.started(key, self._places.get(actor, Place()))

    def on_trial_result(
        self,
        iteration: int,
        trials: list[TuneTrial],
        trial: TuneTrial,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        """Reports the end of a trial; its other results went to the scheduler."""
        key = key_of(trial)
        self._heard = True
        if result["ended"] is not None and self._copied_folder(key, result):
            self._conductor.ended(key, Ended(points=result["points"], **result["ended"]))
            self._conductor.trial_folders.left(key)
        if result["done"]:
            self._forget(key)
        if result["printed"]:
            place = self._places.get(actor_of(trial), Place())
            self._conductor.keep_output(place, result["printed"])

    def _copied_folder(self, key: Key, result: dict[str, Any]) -> bool:
        """Copies what the trial left on a node that doesn't share the sweep's folder.

        Returns False if it can't be written here: then the sweep ends, and the trial runs again on
        resume.
        """
        place = trial_folder(self._conductor.folder, key)
        for reference in result["folder"]:
            if self._conductor.trial_folders.wants(result["ended"]["status"]):
                try:
                    packed = ray.get(reference, timeout=_COPY_S)
                except (RayError, TimeoutError) as error:
                    self._conductor.bar.say(f"The folder of trial {key.trial} is lost: {error}")
                    continue
                try:
                    unpack(packed, place)
                except BadZipFile as error:
                    self._conductor.bar.say(f"The folder of trial {key.trial} is lost: {error}")
                except OSError as error:
                    self._conductor.unwritable(place, error)
                    return False
        return True

    def on_trial_error(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any
    ) -> None:
        """Reports failures that Tune sees: a process that died, or could not be set up.

        A trial that did not start is handed out again, since that is its worker's or node's fault.
        """
        key = key_of(trial)
        told = last_failure(trial.error_file)
        if self._forget(key) is not None:
            self._conductor.gave_up(key, describe_failure(told), told)
        elif key in self._conductor.core.running:  # it did not start
            self._miss_start(told)
            self._conductor.core.not_started(Trial(**_set_apart(trial.config)))
        self._conductor.trial_folders.left(key)

    def on_trial_recover(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any
    ) -> None:
        """Notes that Tune will start the trial again, since its process died or did not start."""
        key = key_of(trial)
        if self._forget(key) is None:
            self._miss_start(last_failure(trial.error_file))
        else:
            self._conductor.died(key)

    def _miss_start(self, told: str) -> None:
        hopeless = self._starts.missed(told)
        if hopeless and not self._running:
            self._conductor.stops.stop(hopeless)


def key_of(trial: TuneTrial) -> Key:
    """Returns the key of the sweep's trial that one of Tune's is."""
    return Key(trial.config["trial"], trial.config["replicate"])


def _set_apart(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the part of what Tune is handed that makes the trial."""
    return {name: config[name] for name in ("trial", "replicate", "seed", "config")}


def _kill(trial: TuneTrial) -> None:
    actor = actor_of(trial)
    if actor is not None:
        ray.kill(actor)
