import random

import pytest
from made_records import row

from sweeper.record.settled import read_scheduler, settled
from sweeper.search.asha import ASHA


def line(trial: int, errors: list[float], **columns):
    curve = [[epoch, error, float(epoch)] for epoch, error in enumerate(errors, 1)]
    return row(trial, curve=curve, epochs=len(errors), value=errors[-1], **columns)


def test_without_a_scheduler_lines_are_rows():
    lines = [row(2), row(0), row(1)]
    assert [one.trial for one in settled(lines, None)] == [0, 1, 2]


def test_what_was_trained_in_vain_is_cut_off_whatever_became_of_it():
    lines = [line(0, [0.1, 0.1]), line(1, [0.2, 0.1]), line(2, [0.9, 0.0])]
    lines.append(line(3, [0.8], status="failed", exception="ValueError: no"))
    rows = settled(random.Random(0).sample(lines, 4), ASHA())
    assert [one.status for one in rows] == ["finished", "finished", "stopped", "stopped"]
    assert [one.epochs for one in rows] == [2, 2, 1, 1]
    assert [one.value for one in rows] == [0.1, 0.1, 0.9, 0.8]
    assert rows[2].curve == [[1, 0.9, 1.0]]
    assert rows[3].exception is None


def test_a_verdict_that_is_open_makes_no_winner():
    """Trials 0 and 1 have not got to the first rung, so nobody knows if trial 2 goes on."""
    rows = settled([line(2, [0.9, 0.0]), line(3, [0.1, 0.1])], ASHA())
    assert [one.status for one in rows] == ["interrupted", "interrupted"]


@pytest.mark.parametrize(
    "scheduler",
    ["ASHA", 3, [], {}, {"kind": "Hyperband"}, {"kind": "ASHA", "grace_epochs": 0},
     {"kind": "ASHA", "rungs": 3}],
)  # fmt: skip
def test_a_damaged_scheduler_is_an_error_with_its_text(scheduler):
    with pytest.raises(ValueError, match=r"scheduler .* can't be used: this version has ASHA"):
        read_scheduler({"scheduler": scheduler})


def test_older_records_have_none():
    assert read_scheduler({}) is None
    described = {"kind": "ASHA", "grace_epochs": 3, "reduction_factor": 2}
    assert read_scheduler({"scheduler": described}) == ASHA(3, 2)
