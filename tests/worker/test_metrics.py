import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from sweeper.worker.metrics import as_metrics


@pytest.mark.parametrize(
    "number",
    [
        *(3, 0.5, np.float32(0.5), np.array(2), Fraction(1, 4)),
        *(torch.tensor(0.25), torch.tensor(0.5, dtype=torch.bfloat16)),
    ],
)
def test_numbers_of_all_kinds_alone_and_by_name(number):
    assert as_metrics(number, "f1") == (float(number), {})
    given = {"loss": number, "f1": number, "lr": 1}
    assert as_metrics(given, "f1") == (float(number), {"loss": float(number), "lr": 1.0})
    assert isinstance(as_metrics(given, "f1")[1]["lr"], float)


def test_nan_is_a_number():
    value, others = as_metrics({"f1": math.inf, "loss": math.nan}, "f1")
    assert value == math.inf
    assert math.isnan(others["loss"])


@pytest.mark.parametrize(
    "wrong",
    [
        *(None, "0.5", True, b"1", [0.5], np.zeros(2), {"a": 1}, 1j),
        *(np.complex128(1), np.str_("0.5"), np.array("0.5"), np.bool_(True), np.array(True)),
        *(torch.tensor(True), torch.tensor(1j), torch.tensor([0.5])),
    ],
)
def test_what_is_no_number_is_refused_by_its_name(wrong):
    with pytest.raises(TypeError, match="The objective must give loss"):
        as_metrics({"f1": 1, "loss": wrong}, "f1")
    if not isinstance(wrong, dict):
        with pytest.raises(TypeError, match="The objective must give f1"):
            as_metrics(wrong, "f1")


def test_a_metric_that_is_missing_is_named():
    with pytest.raises(ValueError, match=r"gave \['loss'\], but not 'f1', which is optimised"):
        as_metrics({"loss": 1}, "f1")
    with pytest.raises(ValueError, match=r"gave \[\], but not 'f1'"):
        as_metrics({}, "f1")
    with pytest.raises(TypeError, match=r"names of type str, but got 1 \(int\)"):
        as_metrics({"f1": 1, 1: 2}, "f1")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({f"m{i}": i for i in range(1_001)}, "gave 1,001, with up to 5"),
        ({"m0": 1, "x" * 201: 2}, "gave 2, with up to 201"),
    ],
)
def test_more_than_a_record_holds_is_refused(given, told):
    with pytest.raises(ValueError, match=f"may give 1,000 metrics, .* {told}"):
        as_metrics(given, "m0")


def test_a_number_that_no_float_holds_is_named():
    with pytest.raises(ValueError, match="gave loss as a number too large for a float"):
        as_metrics(10**400, "loss")
