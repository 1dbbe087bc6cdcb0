import math

import pytest

from sweeper.sweep.limits import Limits


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"max_failures": -1}, ValueError, "must be at least 0"),
        ({"max_failures": 1.0}, TypeError, r"needs an int, but got 1.0 \(float\)"),
        ({"max_failures": True}, TypeError, r"needs an int, but got True \(bool\)"),
        ({"time_budget_s": 0}, ValueError, "must be a number above 0"),
        ({"time_budget_s": math.nan}, ValueError, "must be a number above 0"),
        ({"time_budget_s": "1 h"}, TypeError, r"got '1 h' \(str\)"),
    ],
)
def test_wrong_limits(fields, error, message):
    with pytest.raises(error, match=message):
        Limits(**fields)


def test_defaults():
    assert Limits() == Limits(max_failures=2, time_budget_s=None)
