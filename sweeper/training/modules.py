"""The base classes for a user's model and data, as in *Dive into Deep Learning* (d2l).

The classes follow https://d2l.ai/chapter_linear-regression/oo-design.html.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from sweeper.faults import choice_fault, float_fault, refuse

Batch = Sequence[torch.Tensor]  # the inputs, then the labels
Loader = Iterable[Batch]

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
_WITH_MOMENTUM = ("sgd", "rmsprop")


def optimizer_faults(optimizer: str, lr: float, momentum: float, weight_decay: float) -> list[str]:
    """Lists the faults in the arguments of an optimiser, one sentence each."""
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


# A model and its data


class HyperParameters:
    """Keeps the arguments of `__init__` as attributes."""

    hparams: dict[str, Any]

    def save_hyperparameters(self, ignore: Iterable[str] = ()) -> None:
        """Stores the caller's arguments and local variables as attributes, as d2l does."""
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
    """A classifier that knows its loss and its optimiser. Subclasses set `self.net`.

    Example:
        >>> import torch
        >>> class Linear(sweeper.Module):
        ...     def __init__(self, lr):
        ...         super().__init__()
        ...         self.save_hyperparameters()
        ...         self.net = torch.nn.Linear(4, 2)
        >>> Linear(lr=0.1)(torch.zeros(3, 4)).shape
        torch.Size([3, 2])
    """

    net: nn.Module

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Returns the logits, `(batch, classes)`."""
        return self.net(X)

    def loss(self, y_hat: torch.Tensor, y: torch.Tensor, averaged: bool = True) -> torch.Tensor:
        """Returns the cross entropy of logits `(…, classes)` and labels `(…)`, or one per label."""
        if y.dim() > 1:  # a sequence of labels for each example
            y_hat, y = y_hat.reshape(-1, y_hat.shape[-1]), y.reshape(-1)
        return F.cross_entropy(y_hat, y, reduction="mean" if averaged else "none")

    def training_step(self, batch: Batch) -> torch.Tensor:
        """Returns the loss of a batch, to be differentiated."""
        return self.loss(self(*batch[:-1]), batch[-1])

    def validation_step(self, batch: Batch) -> torch.Tensor:
        """Returns the loss of a batch of validation examples; for users' own training loops."""
        return self.loss(self(*batch[:-1]), batch[-1])

    def accuracy(self, y_hat: torch.Tensor, y: torch.Tensor, averaged: bool = True) -> torch.Tensor:
        """Returns the fraction of labels `(…)` that `y_hat` hits, or 1 or 0 each; on the CPU."""
        predicted = y_hat.reshape(-1, y_hat.shape[-1]).argmax(dim=1)
        hits = (predicted == y.reshape(-1)).float().cpu()
        return hits.mean() if averaged else hits

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Returns the optimiser that `optimizer`, `lr`, `momentum` and `weight_decay` describe.

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
        self.eval()  # neither draws dropout masks nor changes running statistics
        with torch.no_grad():
            self(*inputs)
        self.train(was_training)
        if init is not None:
            self.net.apply(init)


class DataModule(HyperParameters):
    """Training, validation and test data. Subclasses override `get_dataloader`.

    Example:
        >>> class Numbers(sweeper.DataModule):
        ...     def get_dataloader(self, train):
        ...         return [1, 2, 3] if train else [4]
        >>> Numbers().val_dataloader()
        [4]
    """

    def get_dataloader(self, train: bool) -> Loader:
        """Returns the training batches if `train`, else the validation batches."""
        raise NotImplementedError(f"{type(self).__name__} needs a method get_dataloader(train).")

    def train_dataloader(self) -> Loader:
        """Returns the training batches."""
        return self.get_dataloader(train=True)

    def val_dataloader(self) -> Loader:
        """Returns the validation batches."""
        return self.get_dataloader(train=False)

    def test_dataloader(self) -> Loader:
        """Returns the test batches, which are not asked for while a sweep runs."""
        raise NotImplementedError(no_test_set(self))


def no_test_set(data: Any) -> str:
    """Returns the message for data without a test set."""
    return (
        f"{type(data).__name__} has no test set. Give it a method test_dataloader() that returns "
        "batches which neither its training nor its validation data contain."
    )
