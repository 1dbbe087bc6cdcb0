import math

import numpy as np
import pytest
import torch
from torch import nn

import sweeper
from sweeper.training.models import MLP, DropoutMLP, LeNet, SoftmaxRegression, init_cnn

MODELS = [SoftmaxRegression, MLP, DropoutMLP, LeNet]


pytestmark = pytest.mark.usefixtures("one_thread")


def built(model, side=28, batch=2):
    """The model after its first look at images, and what it makes of them."""
    y_hat = model(torch.rand(batch, 1, side, side))
    return model, y_hat


def layers(model):
    return [type(layer).__name__ for layer in model.net]


def num_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("side", [12, 28, 33])
def test_any_size_of_images_gives_logits(model, side):
    _, y_hat = built(model(), side)
    assert y_hat.shape == (2, 10)
    assert y_hat.isfinite().all()


def test_softmax_regression_is_one_linear_layer():
    model, _ = built(SoftmaxRegression(num_outputs=7))
    assert layers(model) == ["Flatten", "Linear"]
    assert num_parameters(model) == 28 * 28 * 7 + 7


@pytest.mark.parametrize(
    ("arguments", "units"),
    [
        ({}, [256]),
        ({"num_hiddens": 30, "num_layers": 3}, [30, 30, 30]),
        ({"num_hiddens": [40, 20]}, [40, 20]),
        ({"num_hiddens": (np.int64(9),), "num_outputs": np.int64(10)}, [9]),
        ({"num_hiddens": 30, "num_layers": 0}, []),
    ],
)
@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_mlp_has_the_layers_and_units_asked_for(arguments, units, dropout):
    model, _ = built(MLP(**arguments, dropout=dropout))
    sides = [28 * 28, *units, 10]
    expected = sum(sides[i] * sides[i + 1] + sides[i + 1] for i in range(len(sides) - 1))
    assert num_parameters(model) == expected
    hidden = ["Linear", "ReLU", "Dropout"] if dropout else ["Linear", "ReLU"]
    assert layers(model) == ["Flatten", *hidden * len(units), "Linear"]
    assert all(layer.p == dropout for layer in model.net if isinstance(layer, nn.Dropout))


def test_dropout_mlp_has_two_hidden_layers_with_their_own_dropout():
    # In the text's order.
    model, _ = built(DropoutMLP(10, 64, 32, 0.5, 0.25, 0.1))
    hidden = ["Linear", "ReLU", "Dropout"]
    assert layers(model) == ["Flatten", *hidden, *hidden, "Linear"]
    assert [model.net[1].out_features, model.net[4].out_features] == [64, 32]
    assert [model.net[3].p, model.net[6].p] == [0.5, 0.25]
    assert model.lr == 0.1


def test_lenet_is_the_one_of_the_book():
    model, _ = built(LeNet(num_classes=10))
    # 5 × 5 convolutions to 6 and 16 channels, then 16 × 5 × 5 → 120 → 84 → 10.
    sides = [16 * 5 * 5, 120, 84, 10]
    dense = sum(sides[i] * sides[i + 1] + sides[i + 1] for i in range(3))
    assert num_parameters(model) == (25 + 1) * 6 + (25 * 6 + 1) * 16 + dense
    assert layers(model).count("Sigmoid") == 4
    assert layers(model).count("AvgPool2d") == 2
    assert layers(LeNet(activation="tanh")).count("Tanh") == 4


def test_init_cnn_draws_from_the_interval_of_xavier():
    torch.manual_seed(0)
    data = sweeper.FashionMNIST(batch_size=8)
    model = LeNet()
    model.apply_init([next(iter(data.get_dataloader(True)))[0]], init_cnn)
    for layer in model.net:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            area = layer.weight[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1
            out_units, in_units = layer.weight.shape[:2]
            bound = math.sqrt(6 / (area * (in_units + out_units)))
            assert 0.95 * bound < layer.weight.abs().max() <= bound


@pytest.mark.parametrize("model", MODELS)
def test_the_optimizer_is_an_argument_of_every_model(model):
    model, _ = built(model(lr=0.2, optimizer="rmsprop", momentum=0.3, weight_decay=0.01))
    optimizer = model.configure_optimizers()
    assert isinstance(optimizer, torch.optim.RMSprop)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.2, 0.3, 0.01)
    assert len(group["params"]) == len(list(model.parameters()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "arguments", "target"),
    [
        (SoftmaxRegression, {}, 0.1),
        (MLP, {"num_hiddens": [64, 32]}, 0.1),
        (DropoutMLP, {"dropout_1": 0.2, "dropout_2": 0.1}, 0.1),
        (LeNet, {"activation": "relu", "optimizer": "adam", "lr": 2e-3}, 0.1),
    ],
)
def test_every_model_learns_the_digits(model, arguments, target):
    torch.manual_seed(0)
    resize = (16, 16) if model is LeNet else (8, 8)
    trainer = sweeper.HPOTrainer(max_epochs=12)
    trainer.fit(model(**arguments), sweeper.Digits(batch_size=16, resize=resize))
    assert trainer.validation_error() < target


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (
            SoftmaxRegression,
            {"num_outputs": 0},
            r"num_outputs must be an int of at least 1, but got 0",
        ),
        (SoftmaxRegression, {"lr": "0.1"}, r"lr must be .* got '0.1' \(str\)"),
        (SoftmaxRegression, {"optimizer": "sdg"}, r"optimizer must be one of \['sgd'"),
        (
            MLP,
            {"num_hiddens": 2.5},
            r"num_hiddens must be an int of at least 1, but got 2.5 \(float\)",
        ),
        (MLP, {"num_hiddens": [8, 0]}, "num_hiddens must be an int of at least 1, but got 0"),
        (MLP, {"num_hiddens": None}, "num_hiddens must be an int of at least 1, but got None"),
        (MLP, {"num_hiddens": [8, 8], "num_layers": 3}, "num_layers must be left out"),
        (MLP, {"num_layers": -1}, "num_layers must be an int of at least 0"),
        (MLP, {"dropout": 1.5}, "dropout must be a number from 0 to 1, but got 1.5"),
        (MLP, {"optimizer": "adam", "momentum": 0.5}, "momentum must be 0 for optimizer='adam'"),
        (
            DropoutMLP,
            {"num_hiddens_1": 0, "num_hiddens_2": "2", "dropout_1": -1, "dropout_2": 2, "lr": -1},
            r"(?s)num_hiddens_1.*\nnum_hiddens_2.*\ndropout_1.*\ndropout_2.*\nlr",
        ),
        (LeNet, {"activation": "gelu"}, r"one of \['sigmoid', 'relu', 'tanh'\], but got 'gelu'"),
        (LeNet, {"num_classes": 0}, "num_classes must be an int of at least 1"),
    ],
)
def test_arguments_are_checked(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        model(**arguments)


def test_lenet_says_which_images_are_too_small():
    with pytest.raises(ValueError, match=r"at least 12 × 12 pixels, but got \(8, 8\)"):
        sweeper.Trainer(max_epochs=1).fit(LeNet(), sweeper.Digits())
