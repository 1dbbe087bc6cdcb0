import random
import time
from fractions import Fraction

import numpy as np
import pytest
import torch
from linear import Linear, make_batches
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import DataLoader, TensorDataset

import sweeper
from sweeper.training.modules import DataModule, Module
from sweeper.training.random_states import random_states
from sweeper.training.trainer import HPOTrainer, Trainer
from sweeper.training.trial import current_context, trial_context

pytestmark = pytest.mark.usefixtures("one_thread", "no_gpu")


class OnlyTraining(DataModule):
    def __init__(self, batches):
        self.batches = batches

    def get_dataloader(self, train):
        return self.batches


def weights(model):
    return [parameter.detach().clone() for parameter in model.parameters()]


def assert_same(these, those):
    assert len(these) == len(those) > 0
    assert all(torch.equal(this, that) for this, that in zip(these, those, strict=True))


def bare_loop(model, loader, make_optimizer, epochs, clip=0.0):
    """The oracle: nothing of sweeper's."""
    optimizer = make_optimizer(model.parameters())
    for _ in range(epochs):
        model.train()
        for X, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(X), y).backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
    return weights(model)


# Training


@pytest.mark.parametrize("clip", [0, 0.1])
@pytest.mark.parametrize(
    ("options", "make_optimizer"),
    [
        ({}, lambda p: torch.optim.SGD(p, lr=0.1)),
        (
            {"momentum": 0.9, "weight_decay": 0.01},
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
        ),
        ({"optimizer": "adam"}, lambda p: torch.optim.Adam(p, lr=0.1)),
        (
            {"optimizer": "adamw", "weight_decay": 0.0},
            lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0),
        ),
        (
            {"optimizer": "rmsprop", "momentum": 0.5},
            lambda p: torch.optim.RMSprop(p, lr=0.1, momentum=0.5),
        ),
    ],
)
def test_training_equals_a_bare_loop_to_the_last_bit(options, make_optimizer, clip):
    torch.manual_seed(1)
    data = sweeper.Digits(batch_size=50)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    expected = bare_loop(net, data.train_dataloader(), make_optimizer, epochs=2, clip=clip)

    torch.manual_seed(1)
    model = sweeper.SoftmaxRegression(lr=0.1, **options)
    trainer = HPOTrainer(max_epochs=2, gradient_clip_val=clip)
    trainer.fit(model, data)
    assert_same(weights(model), expected)


def test_a_dataloader_pair_is_shuffled_as_in_a_bare_loop_whatever_is_validated():
    (X, y), *_ = make_batches(sizes=[60])
    loader = DataLoader(TensorDataset(X, y), batch_size=8, shuffle=True)
    torch.manual_seed(2)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Dropout(0.5))
    expected = bare_loop(net, loader, lambda p: torch.optim.SGD(p, lr=0.1), epochs=3)

    for validation in ([(X, y)], loader):
        torch.manual_seed(2)
        model = Linear()
        model.net.append(nn.Dropout(0.5))
        HPOTrainer(max_epochs=3).fit(model, (loader, validation))
        assert_same(weights(model), expected)


def test_a_loader_with_its_own_generator_is_shuffled_as_in_a_bare_loop():
    (X, y), *_ = make_batches(sizes=[60])

    def shuffled():
        generator = torch.Generator().manual_seed(9)
        return DataLoader(TensorDataset(X, y), batch_size=8, shuffle=True, generator=generator)

    torch.manual_seed(2)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    expected = bare_loop(net, shuffled(), lambda p: torch.optim.SGD(p, lr=0.1), epochs=3)

    torch.manual_seed(2)
    model, loader = Linear(), shuffled()  # lazy: an early look gives the model its shapes
    HPOTrainer(max_epochs=3).fit(model, (loader, loader))
    assert_same(weights(model), expected)


def test_one_more_epoch_after_fit_equals_a_longer_fit():
    data = sweeper.Digits(batch_size=100)
    models = [sweeper.DropoutMLP(lr=0.1), sweeper.DropoutMLP(lr=0.1)]
    torch.manual_seed(3)
    HPOTrainer(max_epochs=3).fit(models[0], data)
    torch.manual_seed(3)
    trainer = HPOTrainer(max_epochs=0)
    trainer.fit(models[1], data)
    for epoch in range(3):
        assert trainer.epoch == epoch
        trainer.fit_epoch()
        trainer.validation_error()
    assert_same(weights(models[1]), weights(models[0]))


def test_the_seed_decides_on_the_model():
    def train(seed):
        torch.manual_seed(seed)
        model = sweeper.MLP(dropout=0.3)
        Trainer(max_epochs=1).fit(model, sweeper.Digits())
        return weights(model)

    assert_same(train(5), train(5))
    assert not torch.equal(train(5)[0], train(6)[0])


def test_lazy_layers_get_their_shapes_without_a_trace():
    batches = make_batches()
    model = Linear()
    model.net.append(nn.LazyBatchNorm1d())
    model.train()
    Trainer(max_epochs=0).fit(model, (batches, batches))
    assert model.net[1].weight.shape == (3, 4)
    assert model.net[2].num_batches_tracked == 0
    assert model.training


def test_fit_starts_anew_with_another_optimizer():
    batches = make_batches()
    trainer = Trainer(max_epochs=2)
    trainer.fit(Linear(), (batches, batches))
    first = trainer.optim
    trainer.fit(Linear(), (batches, batches))
    assert trainer.epoch == 2
    assert trainer.optim is not first


# Validation


def test_validation_error_is_the_exact_fraction_of_examples():
    batches = make_batches(sizes=(7, 7, 7, 7, 1), seed=4)
    trainer = HPOTrainer(max_epochs=0)
    trainer.fit(Linear(), (batches, batches))
    wrong = total = 0
    for X, y in batches:
        for x, label in zip(X, y, strict=True):
            wrong += int(trainer.model(x[None]).argmax()) != int(label)
            total += 1
    error = trainer.validation_error()
    assert error.dtype == torch.float64
    assert error.shape == ()
    assert error.detach().numpy() == float(Fraction(wrong, total))
    assert 0 < wrong < total == 29


def test_validation_error_sees_every_change_of_the_model():
    batches = make_batches()
    trainer = HPOTrainer(max_epochs=1)
    trainer.fit(Linear(), (batches, batches))
    for label in range(3):
        layer = trainer.model.net[1]
        layer.weight.data.zero_()
        layer.bias.data.copy_(F.one_hot(torch.tensor(label), 3))
        wrong = sum(int((y != label).sum()) for _, y in batches)
        assert trainer.validation_error() == wrong / 13


def test_validation_switches_dropout_off_and_draws_nothing():
    batches = make_batches()
    trainer = HPOTrainer(max_epochs=1)
    model = Linear()
    model.net.append(nn.Dropout(0.5))
    trainer.fit(model, (batches, batches))

    class Noisy(TensorDataset):
        def __getitem__(self, i):
            X, y = super().__getitem__(i)
            return X + random.random() + np.random.rand(), y

    trainer.val_dataloader = DataLoader(Noisy(*batches[0]), batch_size=2, shuffle=True)
    state = str({**random_states(), "torch": torch.get_rng_state().tolist()})
    assert trainer.validation_error() == trainer.validation_error()
    assert str({**random_states(), "torch": torch.get_rng_state().tolist()}) == state


# Code written for d2l


def test_the_objective_of_the_text_runs_word_for_word():
    d2l = sweeper

    def hpo_objective_softmax_classification(config, max_epochs=8):
        learning_rate = config["learning_rate"]
        trainer = d2l.HPOTrainer(max_epochs=max_epochs)
        data = d2l.FashionMNIST(batch_size=16)
        model = d2l.SoftmaxRegression(num_outputs=10, lr=learning_rate)
        trainer.fit(model=model, data=data)
        return trainer.validation_error().detach().numpy()

    error = hpo_objective_softmax_classification({"learning_rate": 0.1}, max_epochs=1)
    assert isinstance(error, np.ndarray)
    assert 0.1 < error < 0.25


def test_the_trainer_of_the_text_runs_word_for_word():
    class HPOTrainer(sweeper.Trainer):
        def validation_error(self):
            self.model.eval()
            accuracy = 0
            val_batch_idx = 0
            for batch in self.val_dataloader:
                with torch.no_grad():
                    x, y = self.prepare_batch(batch)
                    y_hat = self.model(x)
                    accuracy += self.model.accuracy(y_hat, y)
                val_batch_idx += 1
            return 1 - accuracy / val_batch_idx

    batches = make_batches(sizes=(6, 6))  # of one size, so that both ways of counting agree
    trainers = [HPOTrainer(max_epochs=2), sweeper.HPOTrainer(max_epochs=2)]
    for trainer in trainers:
        torch.manual_seed(7)
        trainer.fit(Linear(), (batches, batches))
    errors = [float(trainer.validation_error()) for trainer in trainers]
    assert errors[0] == pytest.approx(errors[1], abs=1e-6)


def test_a_scratch_model_with_an_optimizer_from_scratch():
    class SGD:
        def __init__(self, params, lr):
            self.params, self.lr = params, lr

        def step(self):
            for param in self.params:
                param -= self.lr * param.grad

        def zero_grad(self):
            for param in self.params:
                if param.grad is not None:
                    param.grad.zero_()

    class Scratch(sweeper.Module):
        def __init__(self, num_inputs, num_outputs, lr, sigma=0.01):
            super().__init__()
            self.save_hyperparameters(ignore=["sigma"])
            self.W = torch.normal(0, sigma, (num_inputs, num_outputs), requires_grad=True)
            self.b = torch.zeros(num_outputs, requires_grad=True)

        def parameters(self, recurse=True):
            return [self.W, self.b]

        def forward(self, X):
            return X.reshape((-1, self.W.shape[0])) @ self.W + self.b

        def loss(self, y_hat, y):
            return -(y_hat - y_hat.logsumexp(1, keepdim=True))[range(len(y)), y].mean()

        def training_step(self, batch):
            self.steps = getattr(self, "steps", 0) + 1
            return super().training_step(batch)

        def configure_optimizers(self):
            return SGD([self.W, self.b], self.lr)

    torch.manual_seed(8)
    model = Scratch(64, 10, lr=0.5)
    data = sweeper.Digits(batch_size=32)
    trainer = HPOTrainer(max_epochs=3)
    trainer.fit(model, data)
    assert model.hparams == {"num_inputs": 64, "num_outputs": 10, "lr": 0.5}
    assert not hasattr(model, "sigma")
    assert model.steps == 3 * len(data.train_dataloader())
    assert trainer.validation_error() < 0.2


def test_several_inputs_and_other_objects_with_loaders():
    class Sum(Module):
        def __init__(self, lr):
            super().__init__()
            self.save_hyperparameters()
            self.net = nn.LazyLinear(2)

        def forward(self, left, right):
            return self.net(left + right)

    class Loaders:
        def train_dataloader(self):
            return [[torch.ones(4, 3), torch.ones(4, 3), torch.ones(4, dtype=torch.int64)]]

        val_dataloader = train_dataloader

    trainer = HPOTrainer(max_epochs=5)
    trainer.fit(Sum(lr=1.0), Loaders())
    assert trainer.validation_error() == 0


# The trial


def test_a_trial_learns_its_curve_epochs_and_fits():
    batches = make_batches()
    with trial_context(gpus=0) as trial:
        assert current_context() is trial
        trainer = HPOTrainer(max_epochs=3)
        trainer.fit(Linear(), (batches, batches))
        assert (trial.epochs, trial.fits, len(trial.curve)) == (3, 1, 3)
        assert trial.curve[-1][0] == trainer.validation_error()
        seconds = [0, *(second for _, second in trial.curve), time.perf_counter() - trial.start]
        assert seconds == sorted(seconds)
        Trainer(max_epochs=1).fit(Linear(), (batches, batches))
        assert (trial.epochs, trial.fits, len(trial.curve)) == (4, 2, 3)
        with trial_context() as inner:
            assert current_context() is inner
        assert current_context() is trial
    assert current_context() is not trial


def test_no_curve_where_the_objective_tells_it_or_the_test_set_is_used():
    batches = make_batches()
    for fields in ({"record_curve": False}, {"test": True}):
        with trial_context(gpus=0, **fields) as trial:
            HPOTrainer(max_epochs=2).fit(Linear(), (batches, batches))
            assert (trial.epochs, trial.curve) == (2, [])


def test_test_mode_evaluates_on_the_test_set_of_a_data_module():
    train, test = make_batches(sizes=[4]), make_batches(sizes=[9])

    class WithTest(OnlyTraining):
        def test_dataloader(self):
            return test

    trainer = HPOTrainer(max_epochs=0)
    for is_test, expected in ((False, train), (True, test)):
        with trial_context(gpus=0, test=is_test) as trial:
            trainer.fit(Linear(), WithTest(train))
            assert trainer.val_dataloader is expected
            assert trial.test_set_read == is_test


def test_test_mode_leaves_pairs_alone_and_refuses_data_without_a_test_set():
    batches = make_batches()

    class Loaders:
        def train_dataloader(self):
            return batches

        val_dataloader = train_dataloader

    with trial_context(gpus=0, test=True) as trial:
        Trainer(max_epochs=0).fit(Linear(), (batches, batches))
        with pytest.raises(NotImplementedError, match=r"OnlyTraining has no test set.*test_data"):
            Trainer(max_epochs=0).fit(Linear(), OnlyTraining(batches))
        with pytest.raises(NotImplementedError, match="Loaders has no test set"):
            Trainer(max_epochs=0).fit(Linear(), Loaders())
        assert not trial.test_set_read


def test_the_cpu_is_used_where_there_is_no_gpu():
    for num_gpus in (None, 0, 1):
        assert Trainer(max_epochs=1, num_gpus=num_gpus).device.type == "cpu"


def test_a_gpu_that_torch_does_not_see_is_refused():
    with (
        trial_context(gpus=1),
        pytest.raises(RuntimeError, match=r"gpus=1, but torch .* sees none"),
    ):
        Trainer(max_epochs=1)


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_epochs": 1.5}, r"max_epochs must be an int of at least 0, but got 1\.5 \(float\)"),
        ({"max_epochs": -1}, "max_epochs must be an int of at least 0, but got -1"),
        ({"max_epochs": True}, r"max_epochs .* got True \(bool\)"),
        ({"max_epochs": 1, "num_gpus": -1}, "num_gpus must be an int of at least 0"),
        ({"max_epochs": 1, "gradient_clip_val": float("nan")}, "gradient_clip_val .* finite"),
        ({"max_epochs": "1", "num_gpus": "1"}, r"(?s)max_epochs.*\n.*num_gpus"),
    ],
)
def test_arguments_of_a_trainer_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        Trainer(**arguments)


def test_numbers_of_numpy_are_numbers():
    batches = make_batches()
    trainer = Trainer(max_epochs=np.int64(2), gradient_clip_val=np.float32(1))
    trainer.fit(Linear(lr=np.float64(0.1), momentum=np.float32(0)), (batches, batches))
    assert trainer.epoch == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda b: ((batch for batch in b), b), r"training data again, but got a generator"),
        (lambda b: (b, iter(b)), r"validation data again, but got a list_iterator"),
        (lambda b: (b, None), r"validation data again, but got a NoneType"),
        (lambda b: (b, b, b), r"DataModule or a pair .* got a tuple"),
        (lambda b: DataLoader(b), r"DataModule or a pair .* got a DataLoader"),
        (lambda b: OnlyTraining(iter(b)), "training data again"),
    ],
)
def test_data_that_serves_one_epoch_only_or_none_is_refused(data, message):
    with pytest.raises(TypeError, match=message):
        Trainer(max_epochs=1).fit(Linear(), data(make_batches()))


def test_empty_data_is_refused():
    batches = make_batches()
    for epochs in (0, 1):  # lazy layers look at the data already before the first epoch
        with pytest.raises(ValueError, match="training data has no batches"):
            Trainer(max_epochs=epochs).fit(Linear(), ([], batches))
    model = Linear()
    model.apply_init(batches[0][:1])
    with pytest.raises(ValueError, match="training data has no batches"):
        Trainer(max_epochs=1).fit(model, ([], batches))
    with pytest.raises(ValueError, match="validation data has no batches"):
        HPOTrainer(max_epochs=1).fit(Linear(), (batches, []))


def test_what_is_no_module_is_refused():
    with pytest.raises(TypeError, match=r"model must be a sweeper.Module, but got a Linear"):
        Trainer(max_epochs=1).fit(nn.Linear(2, 2), (make_batches(), make_batches()))


def test_training_draws_nothing_from_python_and_numpy():
    random.seed(0)
    np.random.seed(0)
    states = random.getstate(), np.random.get_state()[1].copy()
    HPOTrainer(max_epochs=1).fit(sweeper.MLP(), sweeper.Digits())
    assert random.getstate() == states[0]
    assert (np.random.get_state()[1] == states[1]).all()
