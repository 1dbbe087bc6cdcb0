import pytest

from sweeper.sweep import failures
from sweeper.sweep.failures import MissedStarts, describe_failure, last_failure

SET_UP = """\
The actor died because of an error raised in its creation task, ray::Worker.__init__() (pid=1)
  File "trainable.py", line 1, in setup
OSError: [Errno 28] No space left on device
"""


@pytest.fixture
def clock(monkeypatch):
    """The time, to be set by hand."""
    now = [1000.0]
    monkeypatch.setattr(failures.time, "monotonic", lambda: now[0])
    return now


def test_a_reason_is_said_once_and_only_many_misses_over_some_time_end_a_sweep(clock):
    said = []
    starts = MissedStarts(said.append)
    for _ in range(50):  # all at once: on the slots of one node, while others are slower
        assert starts.missed(SET_UP) is None
    clock[0] += 61
    with pytest.raises(ChildProcessError, match=r"No worker starts .*\[Errno 28\] No space left"):
        raise starts.missed(SET_UP)
    assert said == [
        "A worker did not start, its trial is tried again: OSError: [Errno 28] No space left on "
        "device"
    ]


def test_few_misses_over_a_long_time_end_nothing(clock):
    starts = MissedStarts(lambda reason: None)
    for _ in range(9):
        assert starts.missed(SET_UP) is None
        clock[0] += 1000
    assert starts.missed(SET_UP) is not None


def test_a_start_that_goes_well_makes_up_for_those_before(clock):
    starts = MissedStarts(lambda reason: None)
    for _ in range(9):
        starts.missed(SET_UP)
    clock[0] += 1000
    starts.went_well()
    for _ in range(20):
        assert starts.missed(SET_UP) is None


def test_the_last_of_several_failures_counts(tmp_path):
    notes = tmp_path / "error.txt"
    first = "Failure # 1 (occurred at 2026-01-31_12-00-00)\nWorker exit detail: SIGSEGV\n"
    notes.write_text(f"{first}Failure # 2 (occurred at 2026-01-31_12-00-01)\n{SET_UP}")
    assert last_failure(str(notes)) == SET_UP
    assert describe_failure(last_failure(str(notes))).startswith("OSError: ")
    notes.write_text(first)
    assert describe_failure(last_failure(str(notes))).endswith("Worker exit detail: SIGSEGV")
    notes.write_text(f"{first.strip()}. Some common causes include: (1) the process was killed\n")
    assert describe_failure(last_failure(str(notes))).endswith("Worker exit detail: SIGSEGV.")


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (SET_UP.replace("The actor died because of an error raised in its creation task, ", ""),
         "OSError: [Errno 28] No space left on device"),  # between two trials
        ("Task was killed due to the node running low on memory.",
         "WorkerDied: Ray has ended the process, since its node was low on memory."),
        ("The actor died unexpectedly",
         "WorkerDied: the process ended while it started, before it ran a trial."),
    ],
)  # fmt: skip
def test_a_worker_that_did_not_start_has_a_reason_of_its_own(told, line):
    assert describe_failure(told, at_start=True) == line
