"""Runs trials on Ray Tune, on warm workers of this machine or of a cluster."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import ray
from ray import tune

from sweeper.cluster.connection import quiet, wants_logs
from sweeper.cluster.fleet import Fleet
from sweeper.cluster.nodes import fashion_mnist_for_other_nodes, no_checkpoints
from sweeper.cluster.ray_internals import known_trainables, uncounted_callbacks
from sweeper.record.sweep_definition import Sweep
from sweeper.sweep.conductor import Conductor
from sweeper.sweep.limits import Limits
from sweeper.sweep.tune_hooks import Events, HandOver, InOrder, LeaveTuneError
from sweeper.worker.packed_objective import PackedObjective
from sweeper.worker.process_state import directory
from sweeper.worker.shared_data import PackedData
from sweeper.worker.trainable import Task, Worker

_TUNE_SETTINGS = {
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # it would end `fit` as if all were well
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # five files per trial
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",  # the journal is the record
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the new one prints although told to be silent
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "1e9",
    "TUNE_MAX_PENDING_TRIALS_PG": "1000000",  # the searcher decides how many wait
}


def run_on_ray(task: Task, conductor: Conductor, fleet: Fleet, limits: Limits) -> None:
    """Runs trials on Tune, whose own files go to a folder that is removed.

    Args:
        task: the settings that all trials share.
        conductor: hands out trials, and takes their reports.
        fleet: how many may run or wait for a place, at each moment.
        limits: how often a trial is tried again after its process died, and how long it may take.
    """
    trainable = tune.with_resources(Worker, {"cpu": task.cpus, "gpu": task.gpus})
    with (
        _environment(_TUNE_SETTINGS),
        quiet(),
        known_trainables(),
        uncounted_callbacks(),
        suppress(LeaveTuneError),
        tempfile.TemporaryDirectory(prefix="sweeper-tune-") as scratch,
    ):
        tuner = tune.Tuner(
            trainable,
            param_space={"task": ray.put(task)},
            tune_config=tune.TuneConfig(
                search_alg=HandOver(conductor, fleet.limit),
                scheduler=InOrder(conductor),
                num_samples=-1,  # as many as are handed out
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=scratch,
                callbacks=[Events(conductor, fleet, limits.trial_time_s)],
                failure_config=tune.FailureConfig(max_failures=limits.max_failures),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=1 if wants_logs() else 0,
                # Tune's own reporter for notebooks would clear earlier output.
                progress_reporter=tune.CLIReporter(),
            ),
        )
        try:
            tuner.fit()
        except FileNotFoundError:
            # In the end Tune looks at the working directory, which may have been removed.
            if directory() is not None or not conductor.core.is_over:
                raise


def make_task(
    sweep: Sweep,
    objective: PackedObjective,
    data: PackedData | None,
    folder: Path,
    directory: str,
    limits: Limits,
    keep: str,
) -> Task:
    """Returns the settings that every worker is given once.

    Args:
        sweep: the sweep to run.
        objective: the sweep's objective, packed.
        data: the objective's data.
        folder: the sweep's own folder.
        directory: the user's working directory.
        limits: how often a trial in a new process is tried again after that died.
        keep: which of the folders that trials made stay.
    """
    return Task(
        objective=objective,
        data=data,
        cpus=sweep.resources.cpus,
        gpus=sweep.resources.gpus,
        driver_node=ray.get_runtime_context().get_node_id(),
        folder=str(folder.absolute()),
        no_checkpoints=no_checkpoints(folder),
        directory=directory,
        fashion_mnist=fashion_mnist_for_other_nodes(),
        scheduler=sweep.scheduler,
        fresh=sweep.fresh,
        max_failures=limits.max_failures,
        metric=sweep.metric.name,
        keep=keep,
    )


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
