import numpy as np
import pandas as pd
import pytest

from sweeper.search.metric import Metric, read_metric


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_lowest_loss_is_the_best_value_and_losses_turn_back(mode):
    values = np.random.default_rng(0).random(20)
    metric = Metric("accuracy", mode)
    best = {"min": values.min, "max": values.max}[mode]()
    assert metric.loss(metric.loss(values).min()) == best
    assert metric.loss(metric.loss(pd.Series(values))).tolist() == values.tolist()


def test_all_faults_at_once():
    assert Metric().faults() == Metric("accuracy", "max").faults(("epoch",)) == []
    assert len(Metric(3, "lowest").faults()) == 2
    for name in ("", " ", "a\nb", None, b"x"):
        (fault,) = Metric(name).faults()
        assert repr(name) in fault
    (fault,) = Metric("epoch").faults(("epoch",))
    assert "'my_epoch'" in fault


def test_an_older_record_has_validation_errors():
    assert read_metric({}) == Metric("validation_error", "min")
    assert read_metric({"metric": "f1", "mode": "max"}) == Metric("f1", "max")
    with pytest.raises(ValueError, match="mode must be 'min' or 'max', but got 3"):
        read_metric({"metric": "f1", "mode": 3})
