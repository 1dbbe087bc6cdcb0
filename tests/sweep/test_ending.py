from pathlib import Path

import pytest
from made_records import row

from sweeper.record.results import Results
from sweeper.sweep.ending import how_to_go_on, outcome, say_all_on_record


def ended(*statuses, **sweep):
    exceptions = {"failed": "ValueError: no"}
    rows = [
        row(
            trial,
            value=0.5 if status == "finished" else None,
            status=status,
            exception=exceptions.get(status),
            traceback=f"Traceback of {trial}\nValueError: no" if status == "failed" else None,
        )
        for trial, status in enumerate(statuses)
    ]
    return Results(Path("runs/first"), {"config_space": {"lr": ""}, **sweep}, rows)


def said_of(made, *arguments):
    said: list[str] = []
    outcome(made, None, said.append, *arguments)
    return said


@pytest.mark.parametrize(
    ("statuses", "sweep", "told"),
    [
        (["finished"] * 3, {}, "all 3 trials are recorded."),
        (["finished", "failed", "diverged"], {}, "all 3 trials are recorded. 1 failed: "
         "retry_failed=True (--retry-failed) runs them again."),
        (["finished", "failed"], {"lag": 2}, "all 2 trials are recorded."),
        (["finished", "failed"], {"scheduler": {"kind": "ASHA"}}, "all 2 trials are recorded."),
    ],
)  # fmt: skip
def test_nothing_left_to_run_names_what_runs_failed_trials_again(statuses, sweep, told):
    said: list[str] = []
    made = ended(*statuses, **sweep)
    say_all_on_record(made, said.append)
    assert said == [f"{made.folder}: nothing left to run: {told}"]


def test_a_traceback_is_said_once():
    made = ended("failed", "failed")
    assert said_of(made) == ["All 2 trials failed. The first one:\nTraceback of 0\nValueError: no"]
    assert said_of(made, "ValueError: no") == ["All 2 trials failed."]
    assert "Traceback of 0" in said_of(made, "KeyError: 'x'")[0]
    assert said_of(ended("failed", "finished")) == []


def test_a_command_to_copy_has_no_other_command_in_it():
    """Also if the record is somebody else's."""
    searcher = {"kind": "TopTwo", "initial_configs": [{}], "first": 2, "num_trials": 9}
    foreign = {
        "searcher": {**searcher, "until": "0.9; rm -r ~"}, "replicates": 1, "data_given": False,
        "objective": "mine:objective", "objective_file": "mine.py", "fixed_arguments": {},
    }  # fmt: skip
    assert how_to_go_on(foreign, Path("runs/my first/confirm-1")) == (
        "Go on with: sweeper confirm 'runs/my first' --top 1 --replicates 2 --until '0.9; rm -r ~' "
        "--max-replicates 9"
    )
