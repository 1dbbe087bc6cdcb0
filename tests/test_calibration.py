"""What sweeper says of how sure it is, beside what is true: `scripts/calibration.py` in short."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
import calibration

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def judged():
    return calibration.judge(350)


def test_the_best_with_probability_p_is_it_with_probability_p(judged):
    assert judged["said"].mean() == pytest.approx(judged["true"].mean(), abs=0.04)
    for low, high in ((0, 0.4), (0.4, 0.7), (0.7, 0.97), (0.97, 1.01)):
        group = judged[judged["said"].between(low, high)]
        assert len(group) > 50
        assert group["said"].mean() == pytest.approx(group["true"].mean(), abs=0.08)


def test_the_set_holds_the_best_and_is_about_as_small_as_if_the_noise_were_known(judged):
    assert judged["holds"].mean() >= 0.97
    assert judged["size"].sum() <= 1.2 * judged["oracle"].sum()
    assert judged["size"].sum() <= judged["Hsu"].sum()


def test_intervals_and_gains_hold(judged):
    assert judged["in interval"].mean() >= 0.93
    assert judged["none better by more"].mean() >= 0.94


def test_trainings_are_saved_by_going_where_they_tell_most():
    table = calibration.savings(9)
    total = table.groupby("replicates go")["trainings"].sum()
    assert total["top two"] < 0.95 * total["equal shares"]
    assert table["none is better by more than half the noise"].mean() > 0.9
