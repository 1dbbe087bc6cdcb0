"""What only a machine with a GPU can show: sweeps whose trials train on it, alone and shared."""

import os
import signal
from functools import partial

import pytest
import torch
from scipy import stats
from waiting import meet

import sweeper
from sweeper.training.trainer import HPOTrainer, Trainer
from sweeper.training.trial import trial_context

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.usefixtures("ray_session"),
]
GIB = 2**30


@pytest.fixture
def sweep_on(run):
    """Runs an objective with a share of a GPU for each of 8 trials."""

    def sweep_on(objective, gpus, **options):
        space = {"lr": stats.loguniform(0.01, 0.5)}
        resources = sweeper.Resources(cpus=1, gpus=gpus)
        search = sweeper.RandomSearch(8)
        return run(objective, space, search, **({"resources": resources} | options))

    return sweep_on


def trained(config, marks=None):
    """Draws from the GPU's generator while it trains; each trial's process dies once with marks."""
    trainer = HPOTrainer(max_epochs=4, checkpoint_every=1)
    model = sweeper.DropoutMLP(num_hiddens_1=64, num_hiddens_2=64, lr=config["lr"])

    def die_once(*_):
        if trainer.epoch == 2 and marks is not None:
            mark = marks / str(config["lr"])
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    model.register_forward_hook(die_once)
    trainer.fit(model, sweeper.Digits(batch_size=64))
    assert trainer.device.type == next(model.parameters()).device.type == "cuda"
    return trainer.validation_error()


def learned(results):
    """What must not depend on how the trials were run."""
    assert results.statuses() == "8 finished"
    curves = results.curves.drop(columns="elapsed_s")
    return list(results.frame["validation_error"]), curves.to_dict("list")


def test_trials_that_share_a_gpu_learn_what_they_learn_alone(sweep_on, tmp_path):
    workers = 4 * torch.cuda.device_count()

    def together(config):
        meet(tmp_path / "met", workers)
        return trained(config)

    shared = sweep_on(together, 0.25, num_workers=None)
    assert len(set(shared.frame["worker"])) == workers
    alone = sweep_on(trained, 1, num_workers=1)
    assert learned(shared) == learned(alone)


def test_a_trial_whose_process_dies_goes_on_from_its_checkpoint(sweep_on, tmp_path):
    whole = sweep_on(trained, 0.5)
    marks = tmp_path / "marks"
    marks.mkdir()
    killed = sweep_on(partial(trained, marks=marks), 0.5)
    assert len(list(marks.iterdir())) == 8
    assert learned(killed) == learned(whole)


def test_a_trial_gets_the_gpu_as_it_was_before_the_last_one(sweep_on):
    def greedy(config, limit=2 * GIB):
        held = torch.cuda.memory_reserved()
        assert held == 0, f"{held} bytes are reserved"
        kept = torch.empty(limit, dtype=torch.uint8, device="cuda")
        kept.itself = [kept]  # garbage that only a collection finds
        return 0.5

    assert sweep_on(greedy, 1).statuses() == "8 finished"


def test_a_trial_that_wants_too_much_memory_fails_alone(sweep_on):
    def too_much(config):
        assert torch.cuda.memory_reserved() == 0
        held = [torch.empty(2 * GIB, dtype=torch.uint8, device="cuda")]
        while config["lr"] > 0.1:
            held.append(torch.empty(2 * GIB, dtype=torch.uint8, device="cuda"))
        return 0.5

    frame = sweep_on(too_much, 1).frame
    assert set(frame["status"]) == {"finished", "failed"}
    assert ((frame["status"] == "failed") == (frame["lr"] > 0.1)).all()
    assert frame["exception"].dropna().str.contains("OutOfMemoryError: CUDA out of memory").all()


def test_a_trial_without_a_share_sees_no_gpu(sweep_on):
    frame = sweep_on(lambda config: float(torch.cuda.is_available()), 0).frame
    assert set(frame["validation_error"]) == {0.0}


def test_more_gpus_than_there_are_is_an_error_that_says_so(sweep_on):
    with pytest.raises(ValueError, match="GPU"):
        sweep_on(trained, torch.cuda.device_count() + 1)


def test_a_trainer_uses_a_gpu_unless_its_trial_has_none():
    for given in (None, 1):
        with trial_context(gpus=given):
            for num_gpus in (None, 1):
                assert Trainer(max_epochs=1, num_gpus=num_gpus).device.type == "cuda"
            assert Trainer(max_epochs=1, num_gpus=0).device.type == "cpu"
    with trial_context(gpus=0):
        assert Trainer(max_epochs=1, num_gpus=1).device.type == "cpu"


def test_validation_draws_nothing_on_a_gpu():
    class Noisy(sweeper.SoftmaxRegression):
        def forward(self, X):
            return super().forward(X) + torch.rand((), device=X.device)

    with trial_context(gpus=1):
        trainer = HPOTrainer(max_epochs=1)
        trainer.fit(Noisy(), sweeper.Digits())
        state = torch.cuda.get_rng_state()
        assert trainer.validation_error().device.type == "cpu"
        assert torch.equal(torch.cuda.get_rng_state(), state)
