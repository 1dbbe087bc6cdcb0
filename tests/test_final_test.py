"""The look at the test set, after real sweeps."""

import json

import pytest
from scipy import stats

import sweeper

pytestmark = pytest.mark.usefixtures("ray_session")
SPACE = {"x": stats.uniform(0, 1)}


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
