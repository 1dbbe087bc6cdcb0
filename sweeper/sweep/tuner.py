"""The part of a sweep that Ray Tune runs: trials in, calls of the recorder out."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray import tune

from sweeper.cluster.connection import quiet, wants_logs
from sweeper.sweep.recorder import Recorder
from sweeper.sweep.schedulers import HandOver, ToTheEnd
from sweeper.worker.trainable import Task, Worker

_TUNE_SETTINGS = {
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # it would end `fit` as if all were well
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # five files a trial
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",  # the journal is the record
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the new one prints although told to be silent
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "1e9",
    "TUNE_MAX_PENDING_TRIALS_PG": "1000000",  # how many wait is for the searcher to say
}


def run_trials(
    task: Task,
    trials: Sequence[dict[str, Any]],
    limit: Callable[[], int],
    max_failures: int,
    recorder: Recorder,
) -> None:
    """Runs trials on Tune; its own files go to a folder that is removed.

    Args:
        task: what all trials share.
        trials: what sets each apart: `trial`, `replicate`, `seed`, `config`.
        limit: how many may run or wait for a place, at each moment.
        max_failures: how often a trial is tried again after its process died.
        recorder: is told of each start and end.
    """
    hand_over = HandOver(trials, limit)
    recorder.try_again = hand_over.again
    trainable = tune.with_resources(Worker, {"cpu": task.cpus, "gpu": task.gpus})
    with (
        _environment(_TUNE_SETTINGS),
        quiet(),
        tempfile.TemporaryDirectory(prefix="sweeper-tune-") as scratch,
    ):
        tune.Tuner(
            trainable,
            param_space={"task": ray.put(task)},
            tune_config=tune.TuneConfig(
                search_alg=hand_over,
                scheduler=ToTheEnd(),
                num_samples=-1,  # as many as are handed over
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=scratch,
                callbacks=[recorder],
                failure_config=tune.FailureConfig(max_failures=max_failures),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=1 if wants_logs() else 0,
            ),
        ).fit()


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
