"""The user's objective as a Ray Tune trainable that runs one trial after another, warm."""

import copy
import os
import secrets
import shutil
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray import tune

import sweeper.training.fashion_mnist
from sweeper.files import private_folder
from sweeper.search.asha import ASHA
from sweeper.search.metric import Metric
from sweeper.training.trial import (
    CurrentTrial,
    checkpoint_folder,
    storage_not_shared,
    trial_folder,
)
from sweeper.worker.fresh_server import FreshTask
from sweeper.worker.fresh_trial import FreshProcesses, FreshTrial
from sweeper.worker.memory import Memory
from sweeper.worker.nested_ray import refuse_hopeless_tasks
from sweeper.worker.objective import Objective
from sweeper.worker.output import OutputFile
from sweeper.worker.packed_folder import pack
from sweeper.worker.packed_objective import PackedObjective
from sweeper.worker.plain_process import IN_A_TRIAL, become_plain
from sweeper.worker.process_state import ProcessState, directory
from sweeper.worker.reports import Ended, never
from sweeper.worker.running_trial import RunningTrial
from sweeper.worker.shared_data import NodeCopy, PackedData
from sweeper.worker.versions import differences, versions


@dataclass(frozen=True)
class Task:
    """The settings that every worker of a sweep is given once."""

    objective: PackedObjective
    data: PackedData | None
    cpus: float
    gpus: float
    driver_node: str  # Ray's id of the node that the sweep's folder is on
    folder: str  # the sweep's folder on that node
    no_checkpoints: str | None  # why trials can't keep checkpoints there
    directory: str  # the user's working directory
    sys_path: list[str] = field(default_factory=lambda: list(sys.path))
    versions: dict[str, str | None] = field(default_factory=versions)
    fashion_mnist: dict[str, np.ndarray] | None = None  # images for nodes that lack the files
    scheduler: ASHA | None = None  # its rungs are reported at once
    metric: str = Metric.name
    fresh: bool = False  # a new process for each trial
    max_failures: int = 0  # how often such a process is started again after it died
    keep: str = "best"  # which of the folders that trials made stay


class Worker(tune.Trainable):
    """Runs trials one after another in one process. `step` never raises."""

    def _setup_logdir(self) -> None:
        os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"  # relative paths mean the user's directory
        if directory() is None:  # a trial, or somebody else, has removed it
            os.chdir(tempfile.gettempdir())
        super()._setup_logdir()

    def setup(self, config: dict[str, Any]) -> None:
        """Does once what all trials of this worker share: imports, threads, the objective."""
        self.config.pop("task", None)  # Tune sends `self.config` back with every result
        task: Task = ray.get(config["task"])
        self._task = task
        become_plain(task.objective.arguments)
        os.environ[IN_A_TRIAL] = str(os.getpid())
        refuse_hopeless_tasks()
        self._node = _node_name()
        self._check_versions()
        self._worker = f"{socket.gethostname()}-{os.getpid()}"
        local = ray.get_runtime_context().get_node_id() == task.driver_node
        self._blind = not local and not Path(task.folder, "sweep.json").exists()
        self._apart = private_folder("sweeper-trials") if self._blind else None
        # The driver has checked the nodes that were there, and lists all; others came later.
        self._no_checkpoints = task.no_checkpoints or (
            storage_not_shared(Path(task.folder), [self._node]) if self._blind else None
        )
        self._output = OutputFile(self._worker, Path(task.folder) if local else None)
        if not task.gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray would let it see those of others
        sys.path.extend(path for path in task.sys_path if path not in sys.path)
        if os.path.isdir(task.directory) and not _has_own_directory():
            os.chdir(task.directory)
        self._trial: dict[str, Any] = {}
        self._running: RunningTrial | FreshTrial | None = None
        self._pause_at = never if task.scheduler is None else task.scheduler.is_rung
        if task.fashion_mnist is not None:
            arrays = task.fashion_mnist
            sweeper.training.fashion_mnist.arrays_from_driver = lambda: arrays
        self._data = None if task.data is None else NodeCopy(task.data)
        self._fresh = self._fresh_processes() if task.fresh else None
        if not task.fresh:
            self._load_objective()
        self._state = ProcessState()
        self._memory = Memory()
        self.reset_config(config)

    def _load_objective(self) -> None:
        self._objective: Objective | None = None
        self._unloadable: BaseException | None = None
        with self._output:
            try:
                self._objective = self._task.objective.load()
            except BaseException as exception:  # each trial reports it; the worker lives on
                self._unloadable = exception

    def _fresh_processes(self) -> FreshProcesses:
        task = self._task
        options = self._options()
        shared = FreshTask(task.objective, self._data, self._pause_at, options, task.fashion_mnist)
        return FreshProcesses(shared, self._output.file)

    def _options(self) -> dict[str, Any]:
        """Returns the options that all trials of this worker share."""
        return {
            "cpus": self._task.cpus,
            "gpus": self._task.gpus,
            "metric": self._task.metric,
            "no_checkpoints": self._no_checkpoints,
        }

    def _check_versions(self) -> None:
        """Checks versions on a node that joined after the others had been compared."""
        faults = differences(versions(), self._task.versions)
        if faults:
            raise ValueError(
                f"{self._node} has other versions than the sweep: {'; '.join(faults)}. Install the "
                "driver's versions there and start its Ray again, or take it out of the cluster."
            )

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Prepares for another trial; leaves the last one, if that was stopped."""
        self._close(is_stopped=True)
        self.config.pop("task", None)
        self._trial = {k: v for k, v in new_config.items() if k != "task"}
        return True

    def step(self) -> dict[str, Any]:
        """Returns what the trial reports: new `points` of its curve, and `ended` at its end."""
        with self._output:
            if self._running is None:
                self._running = self._begin()
            told = self._running.advance(self._pause_at)
        ended = asdict(told) if isinstance(told, Ended) else None
        folder = []  # Ray's reference to the one that the trial made, if it must be copied
        if ended is not None:
            del ended["points"]
            if self._blind and self._place.is_dir():
                folder = [ray.put(pack(self._place))]
            self._close()
        return {
            "points": told.points,
            "done": ended is not None,
            "ended": ended,
            "printed": self._output.unread(),
            "folder": folder,
        }

    def get_auto_filled_metrics(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Returns nothing: Tune would add a dozen entries to each result, and keep statistics."""
        return {}

    def names(self) -> dict[str, str]:
        """Returns the names of this worker and of its node."""
        return {"worker": self._worker, "node": self._node}

    def cleanup(self) -> None:
        """Leaves the last trial and lets go of the data."""
        self._close()
        if self._fresh is not None:
            self._fresh.close()
        if self._data is not None:
            self._data.close()

    def _begin(self) -> RunningTrial | FreshTrial:
        self._state.restore()
        key = self._trial["trial"], self._trial["replicate"]
        self._place = trial_folder(Path(self._task.folder), key)
        if self._apart is not None:
            self._place = self._apart / secrets.token_hex(8)
        self._output.title(f"trial {key[0]}, replicate {key[1]}")
        config = copy.deepcopy(self._trial["config"])
        given = {
            "config": self._trial["config"],
            "seed": self._trial["seed"],
            "trial": CurrentTrial(*key, self._trial["seed"], config, self._place),
            "checkpoints": checkpoint_folder(Path(self._task.folder), key),
        }
        if self._fresh is not None:
            return FreshTrial(self._fresh, given, self._task.max_failures)
        return RunningTrial(self._call, arguments={}, **self._options(), **given)

    def _call(self, config: dict[str, Any]) -> Any:
        """Calls the objective inside of the trial, which fails if it can't be called."""
        if self._objective is None:
            assert self._unloadable is not None
            raise self._unloadable.with_traceback(None)
        arguments = {} if self._data is None else {"data": self._data.open()}
        return self._objective(config, **arguments)

    def _close(self, is_stopped: bool = False) -> None:
        """Leaves the trial; removes its folder if that is temporary, or isn't kept."""
        if self._running is None:
            return
        with self._output:
            self._running.stop()
        if self._blind or (is_stopped and self._task.keep != "all"):
            shutil.rmtree(self._place, ignore_errors=True)
        self._running = None
        if self._fresh is None:
            self._memory.free()


def _node_name() -> str:
    """Returns host name and start of Ray's node id, since several nodes can share a host."""
    return f"{socket.gethostname()}-{ray.get_runtime_context().get_node_id()[:6]}"


def _has_own_directory() -> bool:
    """Checks whether Ray was told to run this worker in a directory that it ships."""
    environment = ray.get_runtime_context().runtime_env
    return bool(environment.get("working_dir"))
