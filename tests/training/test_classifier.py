import pytest

from sweeper.training.classifier import DATA, MODELS, Classifier
from sweeper.training.data import Digits
from sweeper.training.models import MLP
from sweeper.training.trainer import HPOTrainer
from sweeper.worker.objective import run_here, seed_everything


def test_it_trains_as_a_script_would():
    config = {"learning_rate": 0.3, "num_hiddens": 32, "batch_size": 64, "max_epochs": 2}
    yielded = run_here(Classifier("mlp", "digits"), config, {}, 3, 1)
    seed_everything(3)
    trainer = HPOTrainer(max_epochs=2)
    trainer.fit(MLP(num_hiddens=32, lr=0.3), Digits(batch_size=64))
    assert yielded == float(trainer.validation_error())


def test_a_model_that_needs_larger_images_says_so():
    with pytest.raises(ValueError, match="LeNet needs images of at least 12 × 12 pixels"):
        list(Classifier("lenet", "digits")({}))


@pytest.mark.parametrize("model", ["softmax", "mlp", "dropout_mlp"])
def test_models_train(model):
    errors = list(Classifier(model, "digits", max_epochs=2, batch_size=64)({}))
    assert len(errors) == 2
    assert all(0 <= float(error) <= 1 for error in errors)


def test_all_faults_at_once():
    faults = Classifier("resnet", "cifar", 0, 1.5).faults([])
    assert len(faults) == 4
    assert str(list(MODELS)) in faults[0]
    assert str(list(DATA)) in faults[1]
    assert "max_epochs must be an int of at least 1, but got 0 (int)" in faults[2]
    assert "batch_size must be an int of at least 1, but got 1.5 (float)" in faults[3]


def test_it_knows_its_own_metric_only():
    (fault,) = Classifier().faults([], "accuracy")
    assert "metric='accuracy': sweeper's own classifier gives its validation_error only" in fault


def test_unknown_hyperparameters_are_named_beside_the_known():
    (fault,) = Classifier("mlp").faults(["learning_rate", "num_hidden"])
    assert "config_space['num_hidden']: mlp has no such hyperparameter" in fault
    assert "'num_hiddens'" in fault
