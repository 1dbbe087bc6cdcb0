import os

import pytest

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
