import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.search.known import Known
from sweeper.search.outlook import outlook, tempered

CURVE = ((1, 0.9), (2, 0.5), (3, 0.4))


def test_nothing_is_expected_of_what_shows_nothing():
    assert outlook([Known({}), Known({})]) == [None, None]
    assert outlook([]) == []


def test_a_whole_trial_has_its_final_error():
    assert outlook([Known({}, CURVE, 0.35, "finished")]) == [0.35]


@pytest.mark.parametrize("status", ["running", "stopped"])
def test_a_part_of_a_trial_has_its_last_error(status):
    assert outlook([Known({}, CURVE[:2], None, status)]) == [0.5]


@pytest.mark.parametrize(
    "bad",
    [
        Known({}, CURVE, None, "failed"),
        Known({}, (), None, "failed"),
        Known({}, CURVE, math.nan, "diverged"),
        Known({}, (), -math.inf, "diverged"),
        Known({}, (*CURVE, (4, math.nan)), None, "stopped"),
        Known({}, ((1, math.inf),)),
    ],
)
def test_what_is_bad_counts_as_the_worst_of_the_others(bad):
    good = [Known({}, (), error, "finished") for error in (0.3, 0.7, 0.2)]
    assert outlook([*good, bad, Known({})]) == [0.3, 0.7, 0.2, 0.7, None]
    assert outlook([bad, bad]) == [0.0, 0.0]


def test_what_is_above_the_median_is_pressed_together():
    found = tempered([5.0, 1.0, 3.0, 100.0, 2.0])
    assert found == pytest.approx([math.log(2), -1, 0, math.log(49.5), -0.5])
    assert tempered([0.5, 0.5]) == [0, 0]
    assert tempered([]) == []


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1))
def test_tempering_keeps_the_order_and_does_not_mind_the_unit(errors):
    found = tempered(errors)
    assert all(map(math.isfinite, found))
    assert (np.diff(np.array(found)[np.argsort(errors, stable=True)]) >= 0).all()
    assert tempered([4 * error for error in errors]) == pytest.approx(found)
