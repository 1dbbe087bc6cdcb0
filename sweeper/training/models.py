"""Models of *Dive into Deep Learning* to try sweeps on, with arguments that can be tuned.

The layers are lazy: the first batch decides on the size of the images. Sources:
https://d2l.ai/chapter_linear-classification/softmax-regression-concise.html,
https://d2l.ai/chapter_multilayer-perceptrons/dropout.html,
https://d2l.ai/chapter_convolutional-neural-networks/lenet.html.
"""

from collections.abc import Sequence

import torch
from torch import nn

from sweeper.faults import choice_fault, float_fault, int_fault, refuse
from sweeper.training.modules import Module, optimizer_faults

_ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}


def init_cnn(module: nn.Module) -> None:
    """Draws the weights of linear and convolutional layers by Xavier's rule, for `apply_init`.

    Example:
        >>> model, data = sweeper.LeNet(), sweeper.Digits(resize=(28, 28))
        >>> model.apply_init([next(iter(data.train_dataloader()))[0]], sweeper.init_cnn)
    """
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)


class SoftmaxRegression(Module):
    """One linear layer. Raises a ValueError that lists all unusable arguments.

    Args:
        num_outputs: number of classes, >= 1.
        lr: learning rate, >= 0.
        optimizer: "sgd", "adam", "adamw" or "rmsprop".
        momentum: in [0, 1], for "sgd" and "rmsprop".
        weight_decay: of all parameters, >= 0.

    Example:
        >>> import torch
        >>> sweeper.SoftmaxRegression(lr=0.1)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        num_outputs: int = 10,
        lr: float = 0.1,
        optimizer: str = "sgd",
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        refuse(
            int_fault("num_outputs", num_outputs, 1),
            *optimizer_faults(optimizer, lr, momentum, weight_decay),
        )
        self.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(num_outputs))


class MLP(Module):
    """A multilayer perceptron. Raises a ValueError that lists all unusable arguments.

    Args:
        num_outputs: number of classes, >= 1.
        num_hiddens: units of the hidden layers, one int >= 1 for each, or one for all of them.
        lr: learning rate, >= 0.
        num_layers: number of hidden layers, >= 0, where `num_hiddens` is one int.
        dropout: probability with which a hidden unit is dropped, in [0, 1].
        optimizer: "sgd", "adam", "adamw" or "rmsprop".
        momentum: in [0, 1], for "sgd" and "rmsprop".
        weight_decay: of all parameters, >= 0.

    Example:
        >>> import torch
        >>> sweeper.MLP(num_hiddens=[64, 32], lr=0.1)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        num_outputs: int = 10,
        num_hiddens: int | Sequence[int] = 256,
        lr: float = 0.1,
        num_layers: int = 1,
        dropout: float = 0.0,
        optimizer: str = "sgd",
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        refuse(
            int_fault("num_outputs", num_outputs, 1),
            *(int_fault("num_hiddens", units, 1) for units in _as_list(num_hiddens)),
            _layers_fault(num_hiddens, num_layers),
            float_fault("dropout", dropout, high=1),
            *optimizer_faults(optimizer, lr, momentum, weight_decay),
        )
        layers: list[nn.Module] = [nn.Flatten()]
        for units in _as_list(num_hiddens) * num_layers:
            layers += _hidden_layer(units, dropout)
        self.net = nn.Sequential(*layers, nn.LazyLinear(num_outputs))


class DropoutMLP(Module):
    """A perceptron with two hidden layers. Raises a ValueError that lists unusable arguments.

    Args:
        num_outputs: number of classes, >= 1.
        num_hiddens_1: units of the first hidden layer, >= 1.
        num_hiddens_2: units of the second one, >= 1.
        dropout_1: probability with which a unit of the first is dropped, in [0, 1].
        dropout_2: the same of the second.
        lr: learning rate, >= 0.
        optimizer: "sgd", "adam", "adamw" or "rmsprop".
        momentum: in [0, 1], for "sgd" and "rmsprop".
        weight_decay: of all parameters, >= 0.

    Example:
        >>> import torch
        >>> sweeper.DropoutMLP(dropout_1=0.2, lr=0.1)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        num_outputs: int = 10,
        num_hiddens_1: int = 256,
        num_hiddens_2: int = 256,
        dropout_1: float = 0.5,
        dropout_2: float = 0.5,
        lr: float = 0.1,
        optimizer: str = "sgd",
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        refuse(
            int_fault("num_outputs", num_outputs, 1),
            int_fault("num_hiddens_1", num_hiddens_1, 1),
            int_fault("num_hiddens_2", num_hiddens_2, 1),
            float_fault("dropout_1", dropout_1, high=1),
            float_fault("dropout_2", dropout_2, high=1),
            *optimizer_faults(optimizer, lr, momentum, weight_decay),
        )
        self.net = nn.Sequential(
            nn.Flatten(),
            *_hidden_layer(num_hiddens_1, dropout_1),
            *_hidden_layer(num_hiddens_2, dropout_2),
            nn.LazyLinear(num_outputs),
        )


class LeNet(Module):
    """LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998), for images of at least 12 × 12 pixels.

    Raises a ValueError that lists all unusable arguments. Sigmoids need `init_cnn` and a large
    learning rate to learn at all; "relu" learns soon.

    Args:
        lr: learning rate, >= 0.
        num_classes: number of classes, >= 1.
        activation: "sigmoid", "relu" or "tanh".
        optimizer: "sgd", "adam", "adamw" or "rmsprop".
        momentum: in [0, 1], for "sgd" and "rmsprop".
        weight_decay: of all parameters, >= 0.

    Example:
        >>> import torch
        >>> sweeper.LeNet(lr=0.1, activation="relu")(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        lr: float = 0.1,
        num_classes: int = 10,
        activation: str = "sigmoid",
        optimizer: str = "sgd",
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        refuse(
            int_fault("num_classes", num_classes, 1),
            choice_fault("activation", activation, _ACTIVATIONS),
            *optimizer_faults(optimizer, lr, momentum, weight_decay),
        )
        activate = _ACTIVATIONS[activation]
        self.net = nn.Sequential(
            *(nn.LazyConv2d(6, kernel_size=5, padding=2), activate(), nn.AvgPool2d(2)),
            *(nn.LazyConv2d(16, kernel_size=5), activate(), nn.AvgPool2d(2)),
            nn.Flatten(),
            *(nn.LazyLinear(120), activate()),
            *(nn.LazyLinear(84), activate()),
            nn.LazyLinear(num_classes),
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """The logits, `(batch, classes)`, of images `(batch, channels, height, width)`."""
        if min(X.shape[2:]) < 12:
            raise ValueError(
                f"LeNet needs images of at least 12 × 12 pixels, but got {tuple(X.shape[2:])}. "
                "Give the data module resize=(28, 28)."
            )
        return self.net(X)


def _hidden_layer(units: int, dropout: float) -> list[nn.Module]:
    layer = [nn.LazyLinear(units), nn.ReLU()]
    return [*layer, nn.Dropout(dropout)] if dropout else layer


def _as_list(num_hiddens: int | Sequence[int]) -> list[int]:
    return list(num_hiddens) if isinstance(num_hiddens, Sequence) else [num_hiddens]


def _layers_fault(num_hiddens: int | Sequence[int], num_layers: int) -> str | None:
    if isinstance(num_hiddens, Sequence) and num_layers != 1:
        return (
            f"num_layers must be left out where num_hiddens={num_hiddens!r} lists the layers, "
            f"but got {num_layers!r}."
        )
    return int_fault("num_layers", num_layers, 0)
