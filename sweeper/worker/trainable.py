"""The user's objective as a Ray Tune trainable that runs one trial after another, warm."""

import gc
import math
import os
import socket
import sys
import time
import traceback
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import ray
import wrapt
from ray import tune

import sweeper.training.fashion_mnist
from sweeper.training.trial import TrialContext, storage_not_shared, trial_context
from sweeper.worker.objective import (
    Objective,
    as_validation_error,
    describe_exception,
    num_threads,
    seed_everything,
)
from sweeper.worker.output import OutputFile
from sweeper.worker.shared_data import NodeCopy, PackedData
from sweeper.worker.versions import differences, versions


@dataclass(frozen=True)
class Task:
    """What every worker of a sweep is given once."""

    objective: bytes  # cloudpickle
    data: PackedData | None
    cpus: float
    gpus: float
    driver_node: str  # Ray's id of the node that the sweep's folder is on
    folder: str  # the sweep's folder on that node
    no_checkpoints: str | None  # why trials can't keep any there
    directory: str  # where the user is
    sys_path: list[str] = field(default_factory=lambda: list(sys.path))
    versions: dict[str, str | None] = field(default_factory=versions)
    fashion_mnist: dict[str, np.ndarray] | None = None  # for nodes that lack the files


class Worker(tune.Trainable):
    """Runs trials one after another in one process. `step` never raises."""

    def _setup_logdir(self) -> None:
        os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"  # relative paths mean the user's directory
        super()._setup_logdir()

    def setup(self, config: dict[str, Any]) -> None:
        """Does once what all trials of this worker share: imports, threads, the objective."""
        self.config.pop("task", None)  # Tune sends `self.config` back with every result
        task: Task = ray.get(config["task"])
        self._task = task
        self._node = _node_name()
        self._check_versions()
        self._worker = f"{socket.gethostname()}-{os.getpid()}"
        local = ray.get_runtime_context().get_node_id() == task.driver_node
        blind = not local and not Path(task.folder, "sweep.json").exists()
        # The driver has asked the nodes that were there, and names all of them; others came later.
        self._no_checkpoints = task.no_checkpoints or (
            storage_not_shared(Path(task.folder), [self._node]) if blind else None
        )
        self._output = OutputFile(self._worker, Path(task.folder) if local else None)
        if not task.gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray would let it see those of others
        sys.path.extend(path for path in task.sys_path if path not in sys.path)
        if os.path.isdir(task.directory) and not _has_own_directory():
            os.chdir(task.directory)
        self._trial: dict[str, Any] = {}
        wrapt.when_imported("torch")(self._prepare_torch)
        if task.fashion_mnist is not None:
            arrays = task.fashion_mnist
            sweeper.training.fashion_mnist.arrays_from_driver = lambda: arrays
        self._objective: Objective | None = None
        self._unloadable: BaseException | None = None
        with self._output:
            try:
                self._objective = cloudpickle.loads(task.objective)
            except BaseException as exception:  # reported by each trial; the worker lives on
                self._unloadable = exception
        self._data = None if task.data is None else NodeCopy(task.data)
        self._warm = False
        self.reset_config(config)

    def _check_versions(self) -> None:
        """For a node that joined after those that were there had been compared."""
        faults = differences(versions(), self._task.versions)
        if faults:
            raise ValueError(
                f"{self._node} has other versions than the sweep: {'; '.join(faults)}. Install the "
                "driver's versions there and start its Ray again, or take it out of the cluster."
            )

    def _prepare_torch(self, torch: Any) -> None:
        """Torch takes seconds to load, so the worker leaves it to the objective to import it."""
        torch.set_num_threads(num_threads(self._task.cpus))
        if self._trial:
            torch.manual_seed(self._trial["seed"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Gets ready for another trial; the last one is closed and its memory freed."""
        with self._output:
            self._close()
        if self._trial and not self._warm:
            self._warm = True
            gc.freeze()  # what the first trial loaded stays: later collections skip it
        self.config.pop("task", None)
        self._trial = {k: v for k, v in new_config.items() if k != "task"}
        return True

    def step(self) -> dict[str, Any]:
        """One epoch of an objective that yields, the whole of one that returns."""
        with self._output:
            try:
                result = self._begin() if self._context is None else self._next()
            except BaseException as exception:  # SystemExit too: the worker lives on
                result = self._end(exception=exception)
        result["printed"] = self._output.unread()
        return result

    def get_auto_filled_metrics(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Nothing: Tune would add a dozen entries to each result and keep statistics of them."""
        return {}

    def names(self) -> dict[str, str]:
        """The names of this worker and of its node."""
        return {"worker": self._worker, "node": self._node}

    def cleanup(self) -> None:
        """Closes the last trial and lets go of the data."""
        with self._output:
            self._close()
        if self._data is not None:
            self._data.close()

    _context: TrialContext | None = None
    _epochs: Iterator[Any] | None = None
    _stack: ExitStack | None = None

    def _begin(self) -> dict[str, Any]:
        self._num_yields = 0
        self._start = time.perf_counter()
        self._stack = ExitStack()
        key = self._trial["trial"], self._trial["replicate"]
        self._context = self._stack.enter_context(
            trial_context(
                gpus=self._task.gpus,
                checkpoints=checkpoint_folder(Path(self._task.folder), key),
                no_checkpoints=self._no_checkpoints,
            )
        )
        self._output.title(f"trial {self._trial['trial']}")
        arguments = {} if self._data is None else {"data": self._data.open()}
        if self._objective is None:
            assert self._unloadable is not None
            raise self._unloadable.with_traceback(None)
        seed_everything(self._trial["seed"])
        returned = self._objective(self._trial["config"], **arguments)
        if isinstance(returned, Iterator):
            self._epochs = returned
            self._context.record_curve = False  # what it yields is the curve
            return self._next()
        return self._end(error=as_validation_error(returned))

    def _next(self) -> dict[str, Any]:
        assert self._epochs is not None
        try:
            self._last_error = as_validation_error(next(self._epochs))
        except StopIteration:
            if not self._num_yields:
                raise ValueError(
                    "The objective is a generator that ended without a yield. "
                    "Yield the validation error after each epoch."
                ) from None
            return self._end(error=self._last_error)
        self._num_yields += 1
        return {
            "validation_error": self._last_error,
            "epoch": self._num_yields,
            "elapsed_s": time.perf_counter() - self._start,
        }

    def _end(
        self, error: float | None = None, exception: BaseException | None = None
    ) -> dict[str, Any]:
        """The result that ends a trial, whatever became of it."""
        runtime_s = time.perf_counter() - self._start
        assert self._context is not None
        curve = [] if self._num_yields else self._context.curve
        ended = {
            "status": "failed" if error is None else _status(error),
            "validation_error": error,
            "epochs": self._num_yields or self._context.epochs or None,
            "runtime_s": runtime_s,
            "curve": [[i, e, s] for i, (e, s) in enumerate(curve, start=1)],
            **describe_exception(exception),
        }
        self._close()
        return {
            "done": True,
            "ended": ended,
            "validation_error": math.nan if error is None else error,
        }

    def _close(self) -> None:
        """Closes the generator and frees what the trial held."""
        if isinstance(self._epochs, Generator):
            try:
                self._epochs.close()
            except BaseException:
                traceback.print_exc()
        self._epochs = None
        if self._stack is not None:
            self._stack.close()
        self._stack = self._context = None
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()


def checkpoint_folder(sweep: Path, key: tuple[int, int]) -> Path:
    """Where a trial and replicate of a sweep keeps its checkpoints."""
    trial, replicate = key
    return sweep / "checkpoints" / f"{trial}-{replicate}"


def _status(error: float) -> str:
    return "finished" if math.isfinite(error) else "diverged"


def _node_name() -> str:
    """Host name and the start of Ray's node id, since several nodes can share a host."""
    return f"{socket.gethostname()}-{ray.get_runtime_context().get_node_id()[:6]}"


def _has_own_directory() -> bool:
    """Whether Ray was told to run this worker in a directory that it ships."""
    environment = ray.get_runtime_context().runtime_env
    return bool(environment.get("working_dir"))
