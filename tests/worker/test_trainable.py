import os
from pathlib import Path

import pytest

import sweeper
from sweeper.training.trial import current_context
from sweeper.worker.packed_folder import unpack
from sweeper.worker.packed_objective import pack_objective
from sweeper.worker.versions import versions


def test_a_worker_refuses_a_sweep_of_other_versions_and_says_which(ray_session):
    import ray
    from ray.exceptions import RayActorError

    from sweeper.sweep.failures import describe_failure
    from sweeper.worker.trainable import Task, Worker

    task = Task(
        objective=pack_objective(print), data=None, cpus=1, gpus=0, driver_node="",
        folder="", no_checkpoints=None,
        directory=os.getcwd(), versions={**versions(), "torch": "9.9"},
    )  # fmt: skip
    worker = ray.remote(Worker).remote(config={"task": ray.put(task)})
    with pytest.raises(RayActorError, match=r"torch 2\..*, the driver has 9\.9") as raised:
        ray.get(worker.names.remote())
    line = describe_failure(str(raised.value))
    assert line.startswith("ValueError: ")
    assert line.endswith("or take it out of the cluster.")


def fits(config):
    trainer = sweeper.HPOTrainer(max_epochs=1, checkpoint_every=1)
    trainer.fit(sweeper.SoftmaxRegression(num_outputs=10, lr=0.1), sweeper.Digits())
    return trainer.validation_error()


def asks(config):
    """What a trainer does first, without torch, which takes seconds to load."""
    raise RuntimeError(current_context().no_checkpoints)


@pytest.mark.parametrize(
    ("objective", "seen", "driver_says", "exception"),
    [
        (fits, True, None, None),
        (
            fits,
            False,
            None,
            "RuntimeError: checkpoint_every needs storage that all nodes share, but ",
        ),
        (asks, False, "Two nodes are blind.", "RuntimeError: Two nodes are blind."),
        (asks, True, "Two nodes are blind.", "RuntimeError: Two nodes are blind."),
    ],
    ids=["seen", "came later", "asked", "others asked"],
)
def test_a_worker_keeps_no_checkpoints_that_other_nodes_would_not_see(
    ray_session, tmp_path, objective, seen, driver_says, exception
):
    """A worker looks for the folder itself, as its node may have come after the driver asked."""
    import ray

    from sweeper.worker.trainable import Task, Worker

    task = Task(
        objective=pack_objective(objective), data=None, cpus=1, gpus=0, driver_node="another",
        folder=str(tmp_path), no_checkpoints=driver_says, directory=os.getcwd(),
    )  # fmt: skip
    if seen:
        (tmp_path / "sweep.json").touch()
    trial = {"trial": 0, "replicate": 0, "seed": 1, "config": {}}
    worker = ray.remote(Worker).remote(config={"task": ray.put(task), **trial})
    while not (result := ray.get(worker.train.remote()))["done"]:
        assert result["points"]
    said = result["ended"]["exception"]
    assert said is None if exception is None else said.startswith(exception)


def test_a_worker_tells_of_rungs_at_once_and_leaves_a_trial_when_it_gets_another(
    ray_session, tmp_path
):
    import ray

    from sweeper.worker.trainable import Task, Worker

    def objective(config):
        try:
            for epoch in range(1, 21):
                yield epoch / 100
        finally:
            with open(tmp_path / "closed.txt", "a") as file:
                file.write(".")

    task = Task(
        objective=pack_objective(objective), data=None, cpus=1, gpus=0, driver_node="another",
        folder=str(tmp_path), no_checkpoints=None, directory=os.getcwd(),
        scheduler=sweeper.ASHA(3, 2),
    )  # fmt: skip
    trial = {"trial": 0, "replicate": 0, "seed": 1, "config": {}}
    worker = ray.remote(Worker).remote(config={"task": ray.put(task), **trial})
    ends = []
    while not ends or ends[-1] < 6:
        ends.append(ray.get(worker.train.remote())["points"][-1][0])
    assert {3, 6} <= set(ends)
    assert ray.get(worker.reset.remote({**trial, "trial": 1}))
    assert (tmp_path / "closed.txt").read_text() == "."
    results = [ray.get(worker.train.remote())]
    while not results[-1]["done"]:
        results.append(ray.get(worker.train.remote()))
    points = [point for result in results for point in result["points"]]
    assert [(epoch, error) for epoch, error, _ in points] == [(i, i / 100) for i in range(1, 21)]
    assert {3, 6, 12} <= {result["points"][-1][0] for result in results if result["points"]}
    assert results[-1]["ended"]["epochs"] == 20
    assert (tmp_path / "closed.txt").read_text() == ".."


@pytest.mark.parametrize("seen", [True, False])
def test_the_folder_of_a_trial_is_sent_where_the_sweeps_is_not_seen(ray_session, tmp_path, seen):
    import ray

    from sweeper.worker.trainable import Task, Worker

    def objective(config):
        (sweeper.current_trial().folder / "model.pt").write_bytes(b"weights")
        return 0.5

    there = tmp_path / "there"
    there.mkdir()
    if seen:
        (there / "sweep.json").touch()
    task = Task(
        objective=pack_objective(objective), data=None, cpus=1, gpus=0, driver_node="another",
        folder=str(there), no_checkpoints=None, directory=os.getcwd(),
    )  # fmt: skip
    trial = {"trial": 7, "replicate": 1, "seed": 1, "config": {}}
    worker = ray.remote(Worker).remote(config={"task": ray.put(task), **trial})
    result = ray.get(worker.train.remote())
    for reference in result["folder"]:
        unpack(ray.get(reference), there / "trials" / "7-1")
    assert len(result["folder"]) == (not seen)
    assert (there / "trials" / "7-1" / "model.pt").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("seen", "keep", "stays"), [(True, "best", False), (True, "all", True), (False, "all", False)]
)
def test_the_folder_of_a_stopped_trial_goes_after_its_last_words(
    ray_session, tmp_path, seen, keep, stays
):
    import ray

    from sweeper.worker.trainable import Task, Worker

    def objective(config):
        folder = sweeper.current_trial().folder
        (tmp_path / "where.txt").write_text(str(folder))
        try:
            while True:
                yield 0.5
        finally:
            (folder / "last.pt").touch()
            (sweeper.current_trial().folder / "log.txt").touch()

    if seen:
        (tmp_path / "sweep.json").touch()
    task = Task(
        objective=pack_objective(objective), data=None, cpus=1, gpus=0, driver_node="another",
        folder=str(tmp_path), no_checkpoints=None, directory=os.getcwd(), keep=keep,
    )  # fmt: skip
    trial = {"trial": 7, "replicate": 1, "seed": 1, "config": {}}
    worker = ray.remote(Worker).remote(config={"task": ray.put(task), **trial})
    assert ray.get(worker.train.remote())["points"]
    folder = Path((tmp_path / "where.txt").read_text())
    assert folder.is_dir()
    assert (folder == tmp_path / "trials" / "7-1") == seen
    assert ray.get(worker.reset.remote({**trial, "trial": 8}))
    assert (folder / "log.txt").exists() == folder.exists() == stays
