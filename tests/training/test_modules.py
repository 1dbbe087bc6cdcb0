import pytest
import torch
from linear import Linear, make_batches
from torch.nn import functional as F  # noqa: N812

import sweeper
from sweeper.training.modules import OPTIMIZERS, DataModule, Module

pytestmark = pytest.mark.usefixtures("one_thread")


def test_apply_init_runs_on_the_net_and_keeps_the_mode():
    model = Linear().eval()
    model.apply_init([torch.zeros(1, 1, 2, 2)], sweeper.init_cnn)
    bound = (6 / (4 + 3)) ** 0.5
    assert model.net[1].weight.abs().max() <= bound
    assert not model.training


def test_accuracy_is_counted_on_the_cpu_for_each_label():
    y_hat = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    y = torch.tensor([1, 1, 1])
    module = Module()
    assert module.accuracy(y_hat, y, averaged=False).tolist() == [1, 0, 1]
    assert module.accuracy(y_hat, y) == pytest.approx(2 / 3)
    assert module.accuracy(y_hat, y[:, None], averaged=False).tolist() == [1, 0, 1]
    assert module.accuracy(y_hat, y).device.type == "cpu"


def test_loss_takes_sequences_of_labels():
    y_hat, y = torch.randn(2, 5, 3), torch.randint(0, 3, (2, 5))
    each = Module().loss(y_hat, y, averaged=False)
    expected = [F.cross_entropy(y_hat[i, j], y[i, j]) for i in range(2) for j in range(5)]
    torch.testing.assert_close(each, torch.stack(expected))
    torch.testing.assert_close(Module().loss(y_hat, y), each.mean())


def test_validation_step_is_the_loss():
    X, y = make_batches()[0]
    model = Linear()
    torch.testing.assert_close(model.validation_step((X, y)), F.cross_entropy(model(X), y))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "sdg"}, r"one of \['sgd', 'adam', 'adamw', 'rmsprop'\], but got 'sdg'"),
        ({"optimizer": "adam", "momentum": 0.9}, r"momentum must be 0 for optimizer='adam'"),
        ({"momentum": 1.1}, "momentum must be a number from 0 to 1, but got 1.1"),
        ({"lr": -1, "weight_decay": -2}, r"(?s)lr must be finite and >= 0.*\nweight_decay"),
        ({"lr": None}, r"lr must be .* got None \(NoneType\)"),
    ],
)
def test_arguments_of_the_optimizer_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Linear(**options).configure_optimizers()


def test_all_optimizers_can_be_made():
    for name, kind in OPTIMIZERS.items():
        model = Linear(optimizer=name)
        model.apply_init([torch.zeros(1, 4)])
        assert type(model.configure_optimizers()) is kind


def test_a_data_module_without_its_method_says_so():
    with pytest.raises(NotImplementedError, match=r"DataModule needs a method get_dataloader"):
        DataModule().train_dataloader()
