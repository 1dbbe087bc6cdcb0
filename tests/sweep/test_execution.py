import pytest

from sweeper.sweep.execution import Execution


@pytest.mark.parametrize(
    "name", ["resume", "retry_failed", "keep_checkpoints", "debug", "progress"]
)
@pytest.mark.parametrize("value", ["no", 1, None])
def test_a_switch_is_true_or_false(name, value):
    faults = Execution(**{name: value}).faults()
    assert f"{name} must be True or False, but got {value!r} ({type(value).__name__})." in faults


def test_all_faults_at_once():
    faults = Execution(folder=3, address=7, num_workers=0, progress="x").faults()
    for text in ("folder must be a path", "address must be a string", "num_workers", "progress"):
        assert any(fault.startswith(text) for fault in faults), text


def test_retry_failed_needs_a_sweep_on_record():
    (fault,) = Execution(retry_failed=True).faults()
    assert "needs resume=True" in fault
    assert Execution(name="s", resume=True, retry_failed=True).faults() == []


def test_nothing_wrong():
    assert Execution().faults() == []
