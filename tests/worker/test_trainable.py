import os

import cloudpickle
import pytest

import sweeper
from sweeper.worker.versions import versions


def test_a_worker_refuses_a_sweep_of_other_versions_and_says_which(ray_session):
    import ray
    from ray.exceptions import RayActorError

    from sweeper.sweep.recorder import _describe_death
    from sweeper.worker.trainable import Task, Worker

    task = Task(
        objective=b"", data=None, cpus=1, gpus=0, driver_node="", folder="", no_checkpoints=None,
        directory=os.getcwd(), versions={**versions(), "torch": "9.9"},
    )  # fmt: skip
    worker = ray.remote(Worker).remote(config={"task": ray.put(task)})
    with pytest.raises(RayActorError, match=r"torch 2\..*, the driver has 9\.9") as raised:
        ray.get(worker.names.remote())
    line = _describe_death(str(raised.value))
    assert line.startswith("WorkerNotStarted: ValueError: ")
    assert line.endswith("or take it out of the cluster.")


def test_a_worker_that_does_not_see_the_sweeps_folder_keeps_no_checkpoints(ray_session, tmp_path):
    """As on a node that joins after the driver has asked the others."""
    import ray

    from sweeper.worker.trainable import Task, Worker

    def objective(config):
        trainer = sweeper.HPOTrainer(max_epochs=1, checkpoint_every=1)
        trainer.fit(sweeper.SoftmaxRegression(num_outputs=10, lr=0.1), sweeper.Digits())
        return trainer.validation_error()

    said = {}
    for folder in (tmp_path / "seen", tmp_path / "unseen"):
        task = Task(
            objective=cloudpickle.dumps(objective), data=None, cpus=1, gpus=0,
            driver_node="another", folder=str(folder), no_checkpoints=None, directory=os.getcwd(),
        )  # fmt: skip
        if folder.name == "seen":
            folder.mkdir()
            (folder / "sweep.json").touch()
        trial = {"trial": 0, "replicate": 0, "seed": 1, "config": {}}
        worker = ray.remote(Worker).remote(config={"task": ray.put(task), **trial})
        said[folder.name] = ray.get(worker.train.remote())["ended"]["exception"]
    assert said["seen"] is None
    assert "checkpoint_every needs storage that all nodes share" in said["unseen"]
