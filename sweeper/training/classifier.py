"""The ready-made objective of the command line: trains a classifier on images."""

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from sweeper.faults import int_fault
from sweeper.training.data import Digits, FashionMNIST
from sweeper.training.models import MLP, DropoutMLP, LeNet, SoftmaxRegression
from sweeper.training.modules import Module
from sweeper.training.trainer import HPOTrainer

MODELS: dict[str, type[Module]] = {
    "softmax": SoftmaxRegression,
    "mlp": MLP,
    "dropout_mlp": DropoutMLP,
    "lenet": LeNet,
}
DATA: dict[str, Any] = {"fashion_mnist": FashionMNIST, "digits": Digits}


@dataclass(frozen=True)
class Classifier:
    """An objective that yields the validation error of a classifier after each epoch.

    A configuration may set any argument of the model, with `learning_rate` for `lr`, and
    `batch_size` and `max_epochs`, which then replace the values given here. `checkpoint_every` is
    that of `HPOTrainer`.
    """

    model: str = "softmax"
    data: str = "fashion_mnist"
    max_epochs: int = 8
    batch_size: int = 16
    checkpoint_every: int | None = None

    @property
    def hyperparameters(self) -> list[str]:
        """Returns the names that a configuration may have."""
        arguments = list(inspect.signature(MODELS[self.model]).parameters)
        return ["learning_rate", "batch_size", "max_epochs", *arguments]

    def faults(self, names: Iterable[str], metric: str = "validation_error") -> list[str]:
        """Lists the faults of these choices for hyperparameters and metric, a sentence each."""
        faults = []
        if metric != "validation_error":
            faults.append(
                f"metric={metric!r}: sweeper's own classifier gives its validation_error only. "
                "Leave it out."
            )
        faults += [
            f"{what}={chosen!r}: there is no such one; choose from {list(there)}."
            for what, chosen, there in (("model", self.model, MODELS), ("data", self.data, DATA))
            if chosen not in there
        ]
        counts = {"max_epochs": self.max_epochs, "batch_size": self.batch_size}
        if self.checkpoint_every is not None:
            counts["checkpoint_every"] = self.checkpoint_every
        wrong = (int_fault(name, value, 1) for name, value in counts.items())
        faults += [fault for fault in wrong if fault]
        if not faults:
            faults += [
                f"config_space[{name!r}]: {self.model} has no such hyperparameter; "
                f"it has {self.hyperparameters}."
                for name in names
                if name not in self.hyperparameters
            ]
        return faults

    def __call__(self, config: dict[str, Any]) -> Iterator[torch.Tensor]:
        """Yields the validation error, a 0-d tensor, after each epoch."""
        arguments = dict(config)
        max_epochs = arguments.pop("max_epochs", self.max_epochs)
        data = DATA[self.data](batch_size=arguments.pop("batch_size", self.batch_size))
        if "learning_rate" in arguments:
            arguments["lr"] = arguments.pop("learning_rate")
        trainer = HPOTrainer(max_epochs=1, checkpoint_every=self.checkpoint_every)
        trainer.fit(MODELS[self.model](**arguments), data)
        yield trainer.validation_error()
        for _ in range(max_epochs - 1):
            trainer.fit_epoch()
            yield trainer.validation_error()
