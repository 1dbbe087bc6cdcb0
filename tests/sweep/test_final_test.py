"""The look at the test set."""

import json

import pytest
from scipy import stats

import sweeper

SPACE = {"x": stats.uniform(0, 1)}


@pytest.fixture
def run(run_inline):
    return run_inline


def test_the_test_set_is_looked_at_once_and_noted(run):
    def train(config):
        trainer = sweeper.HPOTrainer(max_epochs=1)
        trainer.fit(sweeper.SoftmaxRegression(lr=config["x"]), sweeper.Digits())
        return trainer.validation_error()

    results = run(train, SPACE, sweeper.RandomSearch(2))
    error = sweeper.test(results, train)
    assert 0 < error < 1
    assert error != results.best_error
    assert error == sweeper.test(results, train)
    looks = (results.folder / "test_looks.jsonl").read_text().splitlines()
    assert [json.loads(look)["test_error"] for look in looks] == [error, error]


def test_an_objective_with_data_of_its_own_takes_test(run):
    def own(config, test=False):
        return 0.75 if test else config["x"]

    results = run(own, SPACE, sweeper.RandomSearch(2))
    assert sweeper.test(results, own) == 0.75
    with pytest.raises(ValueError, match="argument `test=False`"):
        sweeper.test(results, lambda config: config["x"])


def test_with_validation_trains_on_both_sets(run):
    seen = []

    def train(config):
        data = sweeper.Digits(batch_size=2000)
        seen.append(sum(len(y) for _, y in data.train_dataloader()))
        trainer = sweeper.HPOTrainer(max_epochs=1)
        trainer.fit(sweeper.SoftmaxRegression(lr=config["x"]), data)
        return trainer.validation_error()

    results = run(lambda config: 0.5, SPACE, sweeper.RandomSearch(1))
    sweeper.test(results, train)
    sweeper.test(results, train, with_validation=True)
    validation = sum(len(y) for _, y in sweeper.Digits().val_dataloader())
    assert seen[1] == seen[0] + validation
    assert [look["with_validation"] for look in results.test_looks] == [False, True]
    assert sweeper.load(results.folder).frame.attrs["test_looks"] == 2


def test_with_validation_is_refused_where_it_changes_nothing(run):
    results = run(lambda config: 0.5, SPACE, sweeper.RandomSearch(1))
    with pytest.raises(ValueError, match="Add `with_validation=False` to it"):
        sweeper.test(results, lambda config, test=False: 0.5, with_validation=True)
    own = lambda config, test=False, with_validation=False: 0.25 * with_validation  # noqa: E731
    assert sweeper.test(results, own, with_validation=True) == 0.25

    class Own(sweeper.DataModule):
        def get_dataloader(self, train):
            return sweeper.Digits().get_dataloader(train)

        def test_dataloader(self):
            return sweeper.Digits().test_dataloader()

    def train(config):
        trainer = sweeper.HPOTrainer(max_epochs=1)
        trainer.fit(
            sweeper.SoftmaxRegression(),
            (list(Own().get_dataloader(False)), [*Own().val_dataloader()]),
        )
        return trainer.validation_error()

    with pytest.raises(ValueError, match=r"hands out no validation data|own test set"):
        sweeper.test(results, train, with_validation=True)
