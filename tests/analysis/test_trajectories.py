import numpy as np
import pytest
from made_results import made, odd_sweeps, with_asha

from sweeper.analysis.trajectories import trajectory

BUDGETS = ("trials", "epochs", "seconds")


def test_epochs_are_those_of_stopped_and_failed_trials_too():
    results = with_asha(30)
    results.rows[4].status, results.rows[4].value = "failed", None
    found = trajectory(results, "one", "epochs")
    assert found.spent.tolist() == np.cumsum([row.epochs for row in results.rows]).tolist()
    assert np.isfinite(found.losses).tolist() == [r.status == "finished" for r in results.rows]


def test_replicates_are_trials_too():
    assert trajectory(made([[1, 2], [3, 4]]), "one", "trials").spent.tolist() == [2, 4]
    assert trajectory(made([[1, 2], [3, 4]]), "one", "epochs").spent.tolist() == [8, 16]


def test_the_best_is_that_within_the_budget():
    found = trajectory(made([0.5, 0.7, None, 0.1]), "one", "trials")
    assert found.best_at(np.array([0, 1, 2.9, 3, 4, 9])).tolist() == [np.inf, *[0.5] * 3, 0.1, 0.1]


def test_orders_are_of_the_same_trials():
    found = trajectory(made([0.5, 0.7, 0.1]), "one", "trials")
    orders = found.reordered(np.array([1.0, 3.0]), np.random.default_rng(0), again=False)
    assert set(orders[:, 1]) == {0.1}
    assert set(orders[:, 0]) == {0.1, 0.5, 0.7}


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_no_trouble(name, budget):
    found = trajectory(odd_sweeps()[name], "one", budget)
    assert len(found.spent) == len(found.losses)
    assert (np.diff(found.spent) >= 0).all()
