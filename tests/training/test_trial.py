import pytest

from sweeper.training.trial import current_context, open_test_set, trial_context


def test_a_trial_that_raises_ends():
    before = current_context()

    def fail():
        with trial_context(gpus=0):
            raise KeyError("inner")

    with pytest.raises(KeyError, match="inner"):
        fail()
    assert current_context() is before


def test_trials_nest():
    outside = current_context()
    with trial_context(gpus=0) as trial:
        assert current_context() is trial
        with trial_context(test=True) as inner:
            assert current_context() is inner
        assert current_context() is trial
    assert current_context() is outside


def test_the_test_set_opens_in_test_mode_and_outside_of_a_sweep_only():
    open_test_set()
    with trial_context(test=True) as trial:
        assert not trial.test_set_read
        open_test_set()
        assert trial.test_set_read
    with trial_context() as trial:
        with pytest.raises(RuntimeError, match=r"sealed while a sweep runs.*sweeper\.test\("):
            open_test_set()
        assert not trial.test_set_read
