import os
import pickle
import random
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from linear import Linear, make_batches
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import sweeper
from sweeper.training.modules import Module
from sweeper.training.random_states import random_states
from sweeper.training.trainer import HPOTrainer, Trainer
from sweeper.training.trial import current_context, trial_context
from sweeper.worker.objective import seed_everything

pytestmark = pytest.mark.usefixtures("one_thread")


class Killed(BaseException):
    pass


class Clock:
    """Counts the moments at which a process can die, and dies at one of them."""

    def __init__(self):
        self.now, self.death = 0, None

    def tick(self):
        self.now += 1
        if self.now == self.death:
            raise Killed


@pytest.fixture
def clock(monkeypatch):
    """Ticks before each batch, each validation, and twice while a file is written."""
    clock = Clock()

    def with_tick(owner, name):
        real = getattr(owner, name)

        def ticking(*args, **kwargs):
            clock.tick()
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, ticking)

    with_tick(Module, "training_step")
    with_tick(HPOTrainer, "validation_error")
    with_tick(os, "fsync")
    with_tick(Path, "rename")
    return clock


def run(objective, folder=None, **context):
    """What is left of a trial: all that must be the same to the last bit."""
    seed_everything(1)
    models = []
    with trial_context(gpus=0, checkpoints=folder, **context) as trial:
        returned = objective(models)
        if not isinstance(returned, torch.Tensor):
            trial.record_curve = False
            returned = list(returned)
        seconds = [second for _, second in trial.curve]
        assert seconds == sorted(seconds)
        return SimpleNamespace(
            errors=[float(error) for error in np.ravel(returned)],
            curve=[error for error, _ in trial.curve],
            counts=(trial.epochs, trial.fits),
            tensors=[t.clone() for model in models for t in model.state_dict().values()],
            modes=[module.training for model in models for module in model.modules()],
            random=str({**random_states(), "torch": torch.get_rng_state().tolist()}),
        )


def assert_same(these, those):
    assert (these.errors, these.curve, these.counts) == (those.errors, those.curve, those.counts)
    assert these.modes == those.modes
    assert len(these.tensors) == len(those.tensors) > 0
    for this, that in zip(these.tensors, those.tensors, strict=True):
        assert torch.equal(this, that)
    assert these.random == those.random


# Objectives

EPOCHS = 4


class Normed(Module):
    def __init__(self, **hyperparameters):
        super().__init__()
        self.lr, self.optimizer = 0.01, "rmsprop"
        for name, value in hyperparameters.items():
            setattr(self, name, value)
        self.net = nn.Sequential(
            *(nn.Flatten(), nn.LazyLinear(8), nn.BatchNorm1d(8), nn.ReLU()),
            *(nn.Dropout(0.3), nn.LazyLinear(10)),
        )


class With(sweeper.SoftmaxRegression):
    """A model with any of torch's optimisers."""

    def __init__(self, make, **options):
        super().__init__()
        self.make = lambda parameters: make(parameters, **options)

    def configure_optimizers(self):
        return self.make(self.parameters())


def simple(make_model, every, make_data=lambda: sweeper.Digits(batch_size=600)):
    def objective(models):
        models.append(make_model())
        trainer = HPOTrainer(max_epochs=EPOCHS, checkpoint_every=every)
        trainer.fit(models[-1], make_data())
        return trainer.validation_error()

    return objective


def digits():
    """Images and labels as tensors."""
    X, y = zip(*sweeper.Digits().val_dataloader(), strict=True)
    return torch.cat(X), torch.cat(y)


def own_generator():
    data, generator = TensorDataset(*digits()), torch.Generator().manual_seed(4)
    loader = DataLoader(data, batch_size=200, shuffle=True, generator=generator)
    return loader, loader


def generator_of_a_sampler():
    data = TensorDataset(*digits())
    sampler = torch.utils.data.RandomSampler(data, generator=torch.Generator().manual_seed(4))
    batches = torch.utils.data.BatchSampler(sampler, 150, drop_last=True)
    return DataLoader(data, batch_sampler=batches), DataLoader(data, batch_size=200)


class Augmented(Dataset):
    """Draws from all there is; of few images, each of which is one call."""

    def __init__(self):
        self.X, self.y = (tensor[:120] for tensor in digits())
        self.rng = np.random.default_rng(3)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        noise = random.random() + np.random.rand() + self.rng.random() + torch.rand(())
        return self.X[i] + 0.1 * float(noise), self.y[i]


def augmented():
    return DataLoader(Augmented(), batch_size=60, shuffle=True), DataLoader(Augmented(), 60)


class Stateful:
    """An order that only its own state tells, which it puts off to load, as torchdata's does."""

    def __init__(self):
        self.X, self.y = digits()
        self.epoch, self.state = 0, None

    def __iter__(self):
        self.load()
        self.epoch += 1
        order = (torch.arange(len(self.X)) * (2 * self.epoch + 1)) % len(self.X)
        yield from zip(self.X[order].split(200), self.y[order].split(200), strict=True)

    def load(self):
        if self.state is not None:
            assert self.state["order"].tolist() == [0, 1, 2]
            self.epoch, self.state = int(self.state["epoch"] + torch.rand(1) // 1), None

    def state_dict(self):
        self.load()
        torch.rand(1)
        return {"epoch": np.int64(self.epoch), "order": np.arange(3.0)}

    def load_state_dict(self, state):
        self.state = state


def two_fits(models):
    for make_model in (Normed, lambda: sweeper.DropoutMLP(num_hiddens_1=16)):
        models.append(make_model())
        trainer = HPOTrainer(max_epochs=2, checkpoint_every=3)
        trainer.fit(models[-1], sweeper.Digits(batch_size=random.choice([600, 700])))
        with torch.no_grad():
            next(models[-1].parameters()).mul_(np.random.rand() + torch.rand(()))
    return trainer.validation_error()


def untouched_fits_between(models):
    models += [Normed(), sweeper.DropoutMLP(num_hiddens_1=16)]
    Trainer(max_epochs=1).fit(models[0], sweeper.Digits(batch_size=600))
    trainer = HPOTrainer(max_epochs=2, checkpoint_every=1)
    trainer.fit(models[0], sweeper.Digits(batch_size=600))
    HPOTrainer(max_epochs=1).fit(models[1], sweeper.Digits(batch_size=600))
    trainer.fit(models[1], sweeper.Digits(batch_size=600))
    return trainer.validation_error()


def yields(every, max_epochs=1):
    def objective(models):
        models.append(Normed())
        trainer = HPOTrainer(max_epochs=max_epochs, checkpoint_every=every)
        trainer.fit(models[-1], sweeper.Digits(batch_size=600))
        yield trainer.validation_error()
        noise = 0
        for _ in range(EPOCHS):
            trainer.fit_epoch()
            noise += random.random() + np.random.rand() + torch.rand(8)
            models[-1].net[1].bias.data += 0.01 * noise
            yield trainer.validation_error()

    return objective


def schedules(models):
    models.append(Normed(optimizer="adam"))
    trainer = HPOTrainer(max_epochs=1, checkpoint_every=2)
    trainer.fit(models[-1], sweeper.Digits(batch_size=600))
    scheduler = torch.optim.lr_scheduler.ExponentialLR(trainer.optim, 0.5)
    yield trainer.validation_error()
    for _ in range(EPOCHS):
        scheduler.step()
        trainer.fit_epoch()
        yield trainer.validation_error()


def takes_turns(models):
    """Two fits by turns, and one between them that isn't saved."""
    trainers = [HPOTrainer(max_epochs=1, checkpoint_every=3) for _ in range(2)]
    for trainer in trainers:
        models.append(Normed())
        trainer.fit(models[-1], sweeper.Digits(batch_size=600))
        yield trainer.validation_error()
    for _ in range(3):
        for trainer in trainers:
            trainer.fit_epoch()
            yield trainer.validation_error()
        models.append(Normed())
        Trainer(max_epochs=1).fit(models[-1], sweeper.Digits(batch_size=600))


OBJECTIVES = {
    "momentum": simple(lambda: sweeper.MLP(num_hiddens=16, momentum=0.9, dropout=0.2), 1),
    "adam": simple(lambda: sweeper.DropoutMLP(num_hiddens_1=16, optimizer="adam", lr=0.01), 1),
    "batch norm": simple(Normed, 2),
    "numpy's numbers": simple(
        lambda: Normed(optimizer="adamw", lr=np.float32(0.1), weight_decay=np.float32(0.1)), 1
    ),
    "rarely": simple(Normed, 3),
    "once": simple(Normed, 100),
    "own generator": simple(Normed, 1, own_generator),
    "generator of a sampler": simple(Normed, 1, generator_of_a_sampler),
    "augmented": simple(Normed, 1, augmented),
    "stateful": simple(Normed, 1, lambda: (Stateful(), Stateful())),
    "two fits": two_fits,
    "not all fits": untouched_fits_between,
    "yields": yields(1),
    "yields, saved rarely": yields(3),
    "yields from the start": yields(2, max_epochs=0),
    "yields, fits more at first": yields(2, max_epochs=3),
    "schedules": schedules,
    "takes turns": takes_turns,
}


# Going on


# Torch warns where epochs are not trained again: their schedule goes on without a step.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize("name", OBJECTIVES)
def test_killed_at_any_moment_a_trial_ends_as_if_left_alone(name, clock, tmp_path):
    objective = OBJECTIVES[name]
    expected = run(objective)  # which saves nothing
    clock.now = 0
    assert_same(run(objective, tmp_path / "undisturbed"), expected)
    moments, fewer = clock.now, 0
    for death in range(1, moments + 1):
        folder = tmp_path / str(death)
        clock.now, clock.death = 0, death
        with pytest.raises(Killed):
            run(objective, folder)
        clock.now, clock.death = 0, None
        assert_same(run(objective, folder), expected)
        fewer += clock.now < moments
        fits = sorted(path.name for path in folder.iterdir())
        assert fits == sorted(path.name for path in (tmp_path / "undisturbed").iterdir())
        assert all(fit.startswith("fit-") and fit.endswith(".pt") for fit in fits)
    assert fewer, "nothing was spared"


@pytest.mark.parametrize("name", ["adam", "two fits", "yields, saved rarely", "takes turns"])
def test_killed_again_and_again_a_trial_ends_as_if_left_alone(name, clock, tmp_path):
    expected = run(OBJECTIVES[name])
    deaths = random.Random(name)
    for attempt in range(100):
        clock.now, clock.death = 0, deaths.randrange(5, 15 + attempt)
        try:
            assert_same(run(OBJECTIVES[name], tmp_path), expected)
            return
        except Killed:
            pass
    pytest.fail("never came to an end")


def assert_goes_on(objective, clock, folder):
    """Killed at its ninth step and run again, it ends as if left alone."""
    expected = run(objective)
    clock.now, clock.death = 0, 9
    with pytest.raises(Killed):
        run(objective, folder)
    clock.death = None
    assert_same(run(objective, folder), expected)


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        *(("Adam", {"amsgrad": True}), ("AdamW", {"lr": torch.tensor(0.01)}), ("Adagrad", {})),
        *(("Adadelta", {}), ("Adamax", {}), ("NAdam", {}), ("RAdam", {}), ("Rprop", {})),
        *(("ASGD", {"t0": 3, "lambd": 0.1}), ("Adafactor", {})),
        ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.5}),
    ],
)
def test_every_optimizer_goes_on(optimizer, options, clock, tmp_path):
    objective = simple(lambda: With(getattr(torch.optim, optimizer), **options), 1)
    assert_goes_on(objective, clock, tmp_path)


def test_a_finished_fit_is_not_trained_again(clock, tmp_path):
    objective = simple(Normed, 100)
    expected = run(objective, tmp_path)
    clock.now = 0
    assert_same(run(objective, tmp_path), expected)
    assert clock.now == 1  # the validation error of the model that was read


def test_seconds_go_on_from_the_checkpoint(tmp_path):
    batches = make_batches()

    def curve(max_epochs):
        with trial_context(gpus=0, checkpoints=tmp_path) as trial:
            trial.start -= 100 * (max_epochs == 2)  # a long time, the first time
            trainer = HPOTrainer(max_epochs=max_epochs, checkpoint_every=1)
            trainer.fit(Linear(), (batches, batches))
            return [seconds for _, seconds in trial.curve]

    first, second = curve(max_epochs=2), curve(max_epochs=4)
    assert second[:2] == first
    assert 100 < second[1] <= second[2] <= second[3]


@pytest.mark.slow
def test_a_process_that_is_killed_goes_on(tmp_path):
    code = """
        import hashlib, os, random, signal, sys
        from pathlib import Path
        import torch
        import sweeper
        from sweeper.worker.objective import seed_everything
        from sweeper.training.trial import trial_context

        steps = 0

        class Mortal(sweeper.DropoutMLP):
            def training_step(self, batch):
                global steps
                steps += 1
                if steps == self.death:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().training_step(batch)

        def trial(folder, death):
            torch.set_num_threads(1)
            seed_everything(5)
            model = Mortal(optimizer="adam", lr=0.01)
            model.death = death
            with trial_context(gpus=0, checkpoints=Path(sys.argv[1]) / folder) as trial:
                trainer = sweeper.HPOTrainer(max_epochs=7, checkpoint_every=1)
                trainer.fit(model, sweeper.Digits(batch_size=200))  # 6 steps an epoch
                errors = [error for error, _ in trial.curve], float(trainer.validation_error())
            weights = b"".join(p.detach().numpy().tobytes() for p in model.parameters())
            print(errors, hashlib.sha256(weights).hexdigest(), torch.rand(1).item(), flush=True)

        torch.optim.Adam([torch.zeros(1)])  # loads much, once for all children
        # After one epoch or two, so that there are epochs left for all of them.
        deaths = [0, *(random.randrange(7, 14) for _ in range(3)), 0]
        print(deaths, file=sys.stderr)
        for i, death in enumerate(deaths):
            child = os.fork()
            if not child:
                trial("killed" if i else "undisturbed", death)
                os._exit(0)
            ended_by = os.WTERMSIG(os.waitpid(child, 0)[1])
            assert ended_by == (signal.SIGKILL if death else 0), ended_by
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    undisturbed, survivor = done.stdout.splitlines()
    assert survivor == undisturbed, done.stderr


def test_python_and_numpy_go_on_where_they_were(clock, tmp_path):
    def objective(models):
        error = simple(Normed, 1)(models)
        return error + random.gauss() + np.random.standard_normal()

    assert_goes_on(objective, clock, tmp_path)


# Where nothing is saved or read


@pytest.mark.parametrize(
    ("every", "context"), [(None, {}), (1, {"test": True}), (1, {"checkpoints": None})]
)
def test_nothing_is_saved_unless_asked_for_in_a_sweep(every, context, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    batches = make_batches()
    with trial_context(**{"gpus": 0, "checkpoints": tmp_path / "folder", **context}):
        HPOTrainer(max_epochs=2, checkpoint_every=every).fit(Linear(), (batches, batches))
    HPOTrainer(max_epochs=2, checkpoint_every=every).fit(Linear(), (batches, batches))
    assert list(tmp_path.iterdir()) == []


def test_test_mode_reads_nothing(tmp_path):
    objective = simple(Normed, 1)
    run(objective, tmp_path)
    before = (tmp_path / "fit-1.pt").read_bytes()
    assert_same(run(objective, tmp_path, test=True), run(objective, test=True))
    assert (tmp_path / "fit-1.pt").read_bytes() == before


# What a checkpoint must not do


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def zip_of_text(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("something", "else")


def changed(path, **fields):
    """Writes other values into a checkpoint."""
    torch.save({**torch.load(path, weights_only=True), **fields}, path)


FOREIGN = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "text": lambda path: path.write_text("a text\nof two lines"),
    "zip": zip_of_text,
    "weights": lambda path: torch.save(Linear().state_dict(), path),
    "number": lambda path: torch.save(7, path),
    "legacy": lambda path: torch.save({}, path, _use_new_zipfile_serialization=False),
    "pickle": lambda path: path.write_bytes(pickle.dumps(Evil(path.with_name("executed")))),
    "executable": lambda path: torch.save({"epoch": Evil(path.with_name("executed"))}, path),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "epoch": lambda path: changed(path, epoch=0),
    "text as epoch": lambda path: changed(path, epoch="2"),
    "seconds": lambda path: changed(path, seconds=float("nan")),
    "curve": lambda path: changed(path, curve={1: (0.5,)}),
    "errors": lambda path: changed(path, errors={1: "0.5"}),
    "left": lambda path: changed(path, left={1: {}}),
    "loaders": lambda path: changed(path, loaders=[{}]),
    "random": lambda path: changed(path, random={"python": (3, (1, 2), None)}),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_damaged_or_foreign_file_only_starts_the_fit_afresh(name, tmp_path, capfd):
    objective = simple(Normed, 1)
    expected = run(objective, tmp_path)
    assert capfd.readouterr().err == ""
    FOREIGN[name](tmp_path / "fit-1.pt")
    assert_same(run(objective, tmp_path), expected)
    assert not (tmp_path / "executed").exists()
    first, *others = capfd.readouterr().err.splitlines()
    assert "fit-1.pt, so the fit starts from the beginning: " in first
    # A folder in the file's place makes each attempt to save fail as well.
    assert len(others) == (EPOCHS if name == "folder" else 0)


@pytest.mark.slow
def test_a_flipped_bit_is_noticed(tmp_path, capfd):
    objective = simple(Normed, 1)
    expected = run(objective, tmp_path)
    path = tmp_path / "fit-1.pt"
    whole = path.read_bytes()
    draws = random.Random(0)
    for _ in range(40):
        flipped = bytearray(whole)
        flipped[draws.randrange(len(whole))] ^= 1 << draws.randrange(8)
        path.write_bytes(flipped)
        assert_same(run(objective, tmp_path), expected)
    assert capfd.readouterr().err.count("starts from the beginning") > 10


@pytest.mark.parametrize(
    ("make_model", "make_data"),
    [
        (lambda: sweeper.MLP(num_hiddens=4), sweeper.Digits),
        (lambda: Normed(optimizer="sgd"), sweeper.Digits),
        (lambda: Normed().double(), lambda: [[(digits()[0].double(), digits()[1])]] * 2),
        (Normed, own_generator),
        (Normed, lambda: (Stateful(), Stateful())),
    ],
)
def test_a_checkpoint_of_another_fit_starts_afresh(make_model, make_data, tmp_path, capfd):
    run(simple(Normed, 1), tmp_path)
    objective = simple(make_model, 1, make_data)
    expected = run(objective)
    capfd.readouterr()
    assert_same(run(objective, tmp_path), expected)
    assert capfd.readouterr().err.count("starts from the beginning") == 1
    assert_same(run(objective, tmp_path), expected)
    assert capfd.readouterr().err == ""


def test_where_it_cannot_be_written_the_trial_goes_on(tmp_path, capfd):
    (tmp_path / "file").touch()
    objective = simple(Normed, 2)
    assert_same(run(objective, tmp_path / "file"), run(objective))
    assert capfd.readouterr().err.count("was not written, the trial goes on without it") == 2


# What is refused


def test_a_validation_error_that_nobody_computed_is_refused(tmp_path):
    def objective(models, evaluated):
        trainer = HPOTrainer(max_epochs=0, checkpoint_every=3)
        models.append(Normed())
        trainer.fit(models[-1], sweeper.Digits(batch_size=600))
        for epoch in range(1, 4):
            trainer.fit_epoch()
            if epoch in evaluated:
                yield trainer.validation_error()

    run(lambda models: objective(models, (1, 3)), tmp_path, record_curve=False)
    run(lambda models: objective(models, (3,)), tmp_path, record_curve=False)
    with pytest.raises(
        RuntimeError, match=r"Epoch 2 .*fit-1\.pt goes on after epoch 3.*or delete that file"
    ):
        run(lambda models: objective(models, (2, 3)), tmp_path, record_curve=False)


def test_what_a_checkpoint_cannot_hold_is_refused(tmp_path):
    class Hidden(Linear):
        def parameters(self, recurse=True):
            return [torch.zeros(1, requires_grad=True)]

        def configure_optimizers(self):
            return SimpleNamespace()

    class NotPlain(Linear):
        def get_extra_state(self):
            return {"deep": [Path("somewhere")]}

        def set_extra_state(self, state):
            pass

    batches = make_batches()
    trainer = HPOTrainer(max_epochs=1, checkpoint_every=1)
    with trial_context(gpus=0, checkpoints=tmp_path):
        with pytest.raises(TypeError, match=r"SimpleNamespace\s+has none.*\n.*Hidden has param"):
            trainer.fit(Hidden(), (batches, batches))
        with pytest.raises(TypeError, match=r"save model\._extra_state\.deep\.0, a PosixPath"):
            trainer.fit(NotPlain(), (batches, batches))
    assert current_context().checkpoints is None


@pytest.mark.parametrize("every", [0, -1, 1.0, True, "1"])
def test_checkpoint_every_is_checked_with_the_other_arguments(every):
    with pytest.raises(
        ValueError, match=r"(?s)max_epochs.*\n.*checkpoint_every .* int of at least 1"
    ):
        HPOTrainer(max_epochs=-1, checkpoint_every=every)
