"""Training in the words of *Dive into Deep Learning* (d2l): `Module`, `DataModule`, `Trainer`.

The classes follow https://d2l.ai/chapter_linear-regression/oo-design.html, `HPOTrainer` follows
https://d2l.ai/chapter_hyperparameter-optimization/hyperopt-intro.html. A sweep and the trainers
inside of an objective meet in the `TrialContext`; there is no Ray in here.
"""

import inspect
import math
import numbers
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)
from torch.nn.parameter import is_lazy

Batch = Sequence[torch.Tensor]  # the inputs, then the labels
Loader = Iterable[Batch]

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
_WITH_MOMENTUM = ("sgd", "rmsprop")


# The trial that runs in this process


@dataclass
class TrialContext:
    """What a sweep's worker and the trainers inside of the objective tell each other."""

    gpus: float | None = None  # None: outside of a sweep, where a GPU is used if there is one
    test: bool = False  # data modules hand out the test set for evaluation
    record_curve: bool = True  # False: the objective tells the learning curve itself
    test_set_read: bool = False
    epochs: int = 0
    fits: int = 0
    curve: list[tuple[float, float]] = field(default_factory=list)  # validation error, seconds
    start: float = field(default_factory=time.perf_counter)


_OUTSIDE = TrialContext()
_current = _OUTSIDE


def current_trial() -> TrialContext:
    """The context of the trial that this process runs; outside of a sweep a general one."""
    return _current


@contextmanager
def trial_context(**fields: Any) -> Iterator[TrialContext]:
    """A new context with these fields, which is the current one until the block ends."""
    global _current
    before, _current = _current, TrialContext(**fields)
    try:
        yield _current
    finally:
        _current = before


def open_test_set() -> None:
    """Notes that the test set is read.

    Raises:
        RuntimeError: a trial of a sweep asks, for which the test set is sealed.
    """
    if not (_current.test or _current is _OUTSIDE):
        raise RuntimeError(
            "The test set is sealed while a sweep runs. Take val_dataloader(), and call "
            "sweeper.test(results, objective) after the sweep."
        )
    _current.test_set_read = True


# Checks of arguments


def int_fault(name: str, value: Any, low: int) -> str | None:
    """What is wrong with an argument that must be an int >= `low`; None if it is one."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= low:
        return None
    return f"{name} must be an int >= {low}, but got {value!r} ({type(value).__name__})."


def float_fault(name: str, value: Any, high: float = math.inf) -> str | None:
    """What is wrong with an argument that must be finite and in [0, `high`]; None if it is."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and 0 <= value <= high:
        return None
    rule = "finite and >= 0" if high == math.inf else f"a number from 0 to {high:g}"
    return f"{name} must be {rule}, but got {value!r} ({type(value).__name__})."


def choice_fault(name: str, value: Any, choices: Collection[str]) -> str | None:
    """What is wrong with an argument that must be one of a few words; None if it is one."""
    if isinstance(value, str) and value in choices:
        return None
    return f"{name} must be one of {list(choices)}, but got {value!r} ({type(value).__name__})."


def optimizer_faults(optimizer: str, lr: float, momentum: float, weight_decay: float) -> list[str]:
    """What is wrong with the arguments of an optimiser, one sentence a fault."""
    faults = [
        choice_fault("optimizer", optimizer, OPTIMIZERS),
        float_fault("lr", lr),
        float_fault("momentum", momentum, high=1),
        float_fault("weight_decay", weight_decay),
    ]
    if not any(faults) and momentum and optimizer not in _WITH_MOMENTUM:
        faults = [
            f"momentum must be 0 for optimizer={optimizer!r}, but got {momentum!r}. "
            f"Leave it out, or choose from {list(_WITH_MOMENTUM)}."
        ]
    return [fault for fault in faults if fault]


def refuse(*faults: str | None) -> None:
    """Raises a ValueError with one fault a line if there are any."""
    lines = [fault for fault in faults if fault]
    if lines:
        raise ValueError("\n".join(lines))


# What a user writes: a model and its data


class HyperParameters:
    """Keeps the arguments of `__init__` as attributes."""

    hparams: dict[str, Any]

    def save_hyperparameters(self, ignore: Iterable[str] = ()) -> None:
        """Makes attributes of the caller's arguments and local variables, as d2l does."""
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        self.hparams = {
            name: value
            for name, value in frame.f_back.f_locals.items()
            if value is not self and not name.startswith("_") and name not in set(ignore)
        }
        for name, value in self.hparams.items():
            setattr(self, name, value)


class Module(nn.Module, HyperParameters):
    """A classifier that knows its loss and its optimiser. Subclasses set `self.net`."""

    net: nn.Module

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """The logits, `(batch, classes)`."""
        return self.net(X)

    def loss(self, y_hat: torch.Tensor, y: torch.Tensor, averaged: bool = True) -> torch.Tensor:
        """The cross entropy of logits `(…, classes)` and labels `(…)`, or one for each label."""
        if y.dim() > 1:  # a sequence of labels for each example
            y_hat, y = y_hat.reshape(-1, y_hat.shape[-1]), y.reshape(-1)
        return F.cross_entropy(y_hat, y, reduction="mean" if averaged else "none")

    def training_step(self, batch: Batch) -> torch.Tensor:
        """The loss of a batch, to be differentiated."""
        return self.loss(self(*batch[:-1]), batch[-1])

    def validation_step(self, batch: Batch) -> torch.Tensor:
        """The loss of a batch of validation examples; for training loops of a user's own."""
        return self.loss(self(*batch[:-1]), batch[-1])

    def accuracy(self, y_hat: torch.Tensor, y: torch.Tensor, averaged: bool = True) -> torch.Tensor:
        """The fraction of labels `(…)` that `y_hat` hits, or 1 or 0 for each; on the CPU."""
        predicted = y_hat.reshape(-1, y_hat.shape[-1]).argmax(dim=1)
        hits = (predicted == y.reshape(-1)).float().cpu()
        return hits.mean() if averaged else hits

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimiser that `optimizer`, `lr`, `momentum` and `weight_decay` describe.

        These are attributes of the model; all but `lr` may be missing.

        Raises:
            ValueError: one of them is unusable; lists all faults.
        """
        optimizer: Any = getattr(self, "optimizer", "sgd")
        lr: Any = getattr(self, "lr", None)
        momentum: Any = getattr(self, "momentum", 0.0)
        weight_decay: Any = getattr(self, "weight_decay", 0.0)
        refuse(*optimizer_faults(optimizer, lr, momentum, weight_decay))
        options = {"lr": lr, "weight_decay": weight_decay}
        if momentum:  # Adam has no such argument
            options["momentum"] = momentum
        return OPTIMIZERS[optimizer](self.parameters(), **options)

    def apply_init(
        self, inputs: Sequence[torch.Tensor], init: Callable[[nn.Module], None] | None = None
    ) -> None:
        """Gives lazy layers the shapes that `inputs` need, then applies `init` to `self.net`."""
        was_training = self.training
        self.eval()  # neither draws dropout masks nor touches running statistics
        with torch.no_grad():
            self(*inputs)
        self.train(was_training)
        if init is not None:
            self.net.apply(init)


class DataModule(HyperParameters):
    """Training, validation and test data. Subclasses override `get_dataloader`."""

    def get_dataloader(self, train: bool) -> Loader:
        """The training batches if `train`, else the validation batches."""
        raise NotImplementedError(f"{type(self).__name__} needs a method get_dataloader(train).")

    def train_dataloader(self) -> Loader:
        """The training batches."""
        return self.get_dataloader(train=True)

    def val_dataloader(self) -> Loader:
        """The validation batches."""
        return self.get_dataloader(train=False)

    def test_dataloader(self) -> Loader:
        """The test batches, which nothing asks for while a sweep runs."""
        raise NotImplementedError(_no_test_set(self))


# What trains


class Trainer:
    """Trains a model for some epochs.

    After `fit` it has `model`, `optim`, `train_dataloader`, `val_dataloader`, and `epoch`, the
    number of epochs trained so far.

    Args:
        max_epochs: epochs that `fit` trains; 0 only prepares.
        num_gpus: 0 stays on the CPU; otherwise the trial's GPU is used if it was given one.
        gradient_clip_val: longest gradient, in the Euclidean norm; 0 doesn't clip.
    """

    model: Module
    optim: torch.optim.Optimizer
    train_dataloader: Loader
    val_dataloader: Loader

    def __init__(
        self, max_epochs: int, num_gpus: int | None = None, gradient_clip_val: float = 0
    ) -> None:
        refuse(
            int_fault("max_epochs", max_epochs, 0),
            None if num_gpus is None else int_fault("num_gpus", num_gpus, 0),
            float_fault("gradient_clip_val", gradient_clip_val),
        )
        self.max_epochs = max_epochs
        self.gradient_clip_val = gradient_clip_val
        self.epoch = 0
        self.device = _device(num_gpus)

    def fit(self, model: Module, data: Any) -> None:
        """Trains `model` for `max_epochs` epochs.

        Args:
            model: what to train, in place.
            data: a `DataModule`, any object with its methods, or a pair (training, validation) of
                iterables of batches `(X, y)` that can be gone through again and again.

        Raises:
            TypeError: `model` or `data` is something else.
            NotImplementedError: the test set is asked for, and `data` has none.
        """
        self.prepare_data(data)
        self.prepare_model(model)
        self.optim = model.configure_optimizers()
        self.epoch = 0
        current_trial().fits += 1
        for _ in range(self.max_epochs):
            self.fit_epoch()

    def fit_epoch(self) -> None:
        """Trains one more epoch."""
        self.model.train()
        batch = None
        for batch in self.train_dataloader:
            loss = self.model.training_step(self.prepare_batch(batch))
            _forget_gradients(self.optim)
            loss.backward()
            with torch.no_grad():  # d2l's optimisers from scratch rely on it
                if self.gradient_clip_val:
                    nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_clip_val)
                self.optim.step()
        if batch is None:
            raise ValueError(_no_batches("training"))
        self.epoch += 1
        current_trial().epochs += 1

    def prepare_data(self, data: Any) -> None:
        """Takes the loaders out of `data`; in test mode the test set is the one to validate on."""
        self.train_dataloader, self.val_dataloader = _loaders(data)

    def prepare_model(self, model: Module) -> None:
        """Gives lazy layers their shapes and moves the model to the device."""
        if not isinstance(model, Module):
            raise TypeError(
                f"model must be a sweeper.Module, but got a {type(model).__name__}. "
                "Write a subclass of Module that sets self.net to it."
            )
        if any(map(is_lazy, chain(model.parameters(), model.buffers()))):
            # An early look at the data must not change in which order it is shuffled.
            with torch.random.fork_rng(devices=[]):
                batch = next(iter(self.train_dataloader), None)
            if batch is None:
                raise ValueError(_no_batches("training"))
            model.apply_init(batch[:-1])
        self.model = model.to(self.device)

    def prepare_batch(self, batch: Batch) -> Batch:
        """The batch on the device of the model."""
        if self.device.type == "cpu":
            return batch
        return [tensor.to(self.device, non_blocking=True) for tensor in batch]


class HPOTrainer(Trainer):
    """A trainer that knows the validation error, and tells the sweep after each epoch."""

    def fit_epoch(self) -> None:
        """Trains one more epoch and adds its validation error to the trial's learning curve."""
        super().fit_epoch()
        trial = current_trial()
        if trial.record_curve and not trial.test:
            error = float(self.validation_error())
            trial.curve.append((error, time.perf_counter() - trial.start))

    def validation_error(self) -> torch.Tensor:
        """The misclassified fraction of the validation examples: a 0-d float64 CPU tensor.

        It is exactly k / n, counted over examples: means of batches would depend on their size.
        Torch's random numbers go on afterwards as if it had not been called.
        """
        self.model.eval()
        hits = examples = 0
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            for batch in self.val_dataloader:
                *inputs, y = self.prepare_batch(batch)
                each = self.model.accuracy(self.model(*inputs), y, averaged=False)
                hits += int(each.sum())
                examples += each.numel()
        if not examples:
            raise ValueError(_no_batches("validation"))
        return torch.tensor((examples - hits) / examples, dtype=torch.float64)


def _forget_gradients(optim: Any) -> None:
    if not isinstance(optim, torch.optim.Optimizer):  # one from scratch, as d2l writes them
        optim.zero_grad()
        return
    # The same without a record for torch's profiler, a twentieth of the time of a small model.
    for group in optim.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def _device(num_gpus: int | None) -> torch.device:
    given = current_trial().gpus
    if num_gpus == 0 or given == 0:
        return torch.device("cpu")
    if given and not torch.cuda.is_available():
        raise RuntimeError(
            f"The trial was given gpus={given}, but torch {torch.__version__} sees none. "
            "Install a torch built for this GPU, or sweep with Resources(gpus=0)."
        )
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _loaders(data: Any) -> tuple[Loader, Loader]:
    """The loaders to train and to evaluate with, each of which can be gone through again."""
    if isinstance(data, tuple | list) and len(data) == 2:
        train, evaluation = data
    elif hasattr(data, "train_dataloader") and hasattr(data, "val_dataloader"):
        train = data.train_dataloader()
        evaluation = _test_loader(data) if current_trial().test else data.val_dataloader()
    else:
        raise TypeError(
            "data must be a DataModule or a pair (training, validation) of iterables of batches, "
            f"but got a {type(data).__name__}."
        )
    for name, loader in (("training", train), ("validation", evaluation)):
        if not isinstance(loader, Iterable) or isinstance(loader, Iterator):
            raise TypeError(
                f"Each epoch must be able to go through the {name} data again, but got a "
                f"{type(loader).__name__}. Give a list of batches or a DataLoader."
            )
    return train, evaluation


def _test_loader(data: Any) -> Loader:
    if not hasattr(data, "test_dataloader"):
        raise NotImplementedError(_no_test_set(data))
    loader = data.test_dataloader()
    open_test_set()
    return loader


def _no_test_set(data: Any) -> str:
    return (
        f"{type(data).__name__} has no test set. Give it a method test_dataloader() that returns "
        "batches which neither its training nor its validation data contain."
    )


def _no_batches(name: str) -> str:
    return f"The {name} data has no batches. Give at least one batch (X, y)."
