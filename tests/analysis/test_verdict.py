import pytest
from made_results import made

from sweeper.analysis.trajectories import trajectory
from sweeper.analysis.verdict import _holm, sentence
from sweeper.search.metric import Metric


def test_holms_p_values_are_those_by_hand():
    assert _holm([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]
    assert _holm([0.9, 0.8]) == [1, 1]


@pytest.mark.parametrize(("mode", "first"), [("min", "low 0.1"), ("max", "high 0.9")])
def test_the_best_label_comes_first(mode, first):
    groups = {
        label: [trajectory(made([value] * 3, metric="f1", mode=mode), label, "trials")]
        for label, value in (("middle", 0.5), ("low", 0.1), ("high", 0.9))
    }
    said = sentence(groups, 3, "trials", Metric("f1", mode))
    assert said.startswith(f"Best f1 after 3 trials: {first} (1 sweep), middle 0.5 (1 sweep), ")


def test_labels_without_anything_come_last():
    groups = {
        "none": [trajectory(made([None, None]), "none", "trials")],
        "some": [trajectory(made([0.4, 0.3]), "some", "trials")],
    }
    said = sentence(groups, 2, "trials", Metric())
    assert said.startswith(
        "Best validation error after 2 trials: some 0.3 (1 sweep), none nothing in 1 of 1. "
    )
