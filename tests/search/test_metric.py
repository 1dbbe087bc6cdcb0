import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.search.metric import MODES, Metric, read_metric


@given(st.floats(allow_nan=False), st.sampled_from(MODES))
def test_a_loss_turned_back_is_the_value(value, mode):
    metric = Metric("a", mode)
    assert metric.loss(metric.loss(value)) == value
    assert abs(metric.loss(value)) == abs(value)


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.sampled_from(MODES))
def test_the_lowest_loss_is_that_of_the_best_value(values, mode):
    metric = Metric("a", mode)
    assert metric.loss(min(map(metric.loss, values))) == (min if mode == "min" else max)(values)
    assert (metric.loss(np.array(values)) == [metric.loss(value) for value in values]).all()
    assert metric.loss(pd.Series(values)).tolist() == [metric.loss(value) for value in values]


def test_no_loss_is_minus_zero():
    assert math.copysign(1, Metric("a", "max").loss(0.0)) == 1


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.sampled_from(MODES))
def test_intervals_stay_in_order_and_come_back(low, width, mode):
    metric, high = Metric("a", mode), low + width
    turned = metric.interval(low, high)
    assert turned[0] <= turned[1]
    assert metric.interval(*turned) == (low, high)


def test_an_error_is_called_one_and_other_metrics_by_their_name():
    error, accuracy = Metric(), Metric("accuracy", "max")
    assert (error.text, error.one, error.noun) == (
        "validation error",
        "a validation error",
        "error",
    )
    assert (accuracy.text, accuracy.one) == ("accuracy", "a value of accuracy")
    assert (error.best_word, accuracy.best_word) == ("lowest", "highest")
    assert (error.best(0.123456), accuracy.best(0.9)) == ("best 0.1235", "best accuracy 0.9")
    assert len(Metric("x" * 500).text) == 60


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
