import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import STATUSES, made, made_stopped, odd_sweeps, with_asha

from sweeper.analysis import epochs
from sweeper.record.results import Results


@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.none() | st.integers(0, 99)), max_size=20))
def test_epochs_are_those_of_the_table(ends):
    results = made([0.5] * len(ends))
    for row, (status, trained) in zip(results.rows, ends, strict=True):
        row.status, row.epochs = status, trained
    found = epochs(results)
    frame = results.frame
    assert found.spent == frame["epochs"].sum()
    assert found.trials == (frame["status"] != "interrupted").sum()
    assert found.finished == (frame["status"] == "finished").sum()
    stopped = frame[frame["status"] == "stopped"]["epochs"]
    assert found.stopped == len(stopped)
    assert found.by_rung == stopped.dropna().value_counts().sort_index().to_dict()
    whole = max((row.epochs or 0 for row in results.rows if row.status == "finished"), default=0)
    if found.whole is None:
        assert not whole
        assert found.saved == 0
    else:
        assert found.whole == whole
        assert found.saved == (whole - stopped.fillna(0)).clip(lower=0).sum()
    assert bool(found.sentence) == bool(len(stopped))


def test_what_was_spent_and_saved_is_all_that_whole_trials_would_take():
    found = epochs(with_asha(60))
    assert found.spent + found.saved == 60 * 9
    assert set(found.by_rung) <= {1, 3, 9}
    assert sum(found.by_rung.values()) == found.stopped == 60 - found.finished


def test_the_sentence_says_all_of_it():
    results = made([0.5] * 1_300)
    for row in results.rows:
        row.status, row.epochs = ("finished", 52) if row.trial < 12 else ("stopped", 3)
    for row, rung in zip(results.rows[-2:], (9, 27), strict=True):
        row.epochs = rung
    assert epochs(results).sentence == (
        "12 of 1,300 trials were trained to the end; 1,288 were stopped after 3, 9 or 27 epochs: "
        "4,518 epochs instead of 67,600."
    )


@pytest.mark.parametrize(
    ("finished", "rungs", "told"),
    [
        (2, [1] * 4 + [3] * 3, " If 1 epoch tells too little, judge later: grace_epochs=3 (--grac"),
        (
            0,
            [2] * 6,
            " If 2 epochs tell too little, judge later: grace_epochs=6 (--grace-epochs 6).",
        ),
        (3, [1] * 9, ""),
        (2, [1] * 5, ""),
        (2, [1] * 4 + [3] * 4, ""),
    ],
)
def test_where_nearly_all_are_stopped_at_once_it_says_how_to_judge_later(finished, rungs, told):
    results = made([0.5] * (finished + len(rungs)))
    for row in results.rows:
        row.status, row.epochs = "finished", 9
    for row, rung in zip(results.rows[finished:], rungs, strict=True):
        row.status, row.epochs = "stopped", rung
    assert epochs(results).sentence.partition(".")[2].startswith(told)
    assert ("judge later" in epochs(results).sentence) == bool(told)


@pytest.mark.parametrize(("mode", "ahead"), [("min", 2), ("max", 3)])
def test_a_stopped_trial_that_was_better_is_explained(mode, ahead):
    results = made([0.5, 0.6, 0.1, 0.9, math.nan], mode=mode)
    for row, status in zip(results.rows, ["finished", "finished", *["stopped"] * 3], strict=True):
        row.status = status
    value = results.rows[ahead].value
    assert epochs(results).sentence.endswith(
        f" Trial {ahead} was better, {value}, when it was stopped; only trials trained to the end "
        "can be the best."
    )
    results.rows[ahead].value = 0.55
    changed = Results(results.folder, results.sweep, results.rows)
    assert "was better" not in epochs(changed).sentence


@pytest.mark.parametrize(
    ("rungs", "expected"),
    [
        ([1], "None of 1 trials were trained to the end; 1 was stopped after 1 epoch: 1 epochs."),
        ([None], "None of 1 trials were trained to the end; 1 was stopped."),
        ([*range(1, 9)], "None of 8 trials were trained to the end; 8 were stopped after 1 to 8 "
         "epochs: 36 epochs."),
    ],
)  # fmt: skip
def test_few_many_and_unknown_rungs(rungs, expected):
    results = made_stopped(made([0.5] * len(rungs)))
    for row, rung in zip(results.rows, rungs, strict=True):
        row.epochs = rung
    assert epochs(results).sentence == expected


@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_no_trouble(name):
    assert epochs(odd_sweeps()[name]).spent >= 0
