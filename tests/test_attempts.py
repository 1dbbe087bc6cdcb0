import pytest
from ray.tune.experiment import Trial

from sweeper.attempts import SPARE_STARTS, Attempts

# What happens to a trial: it begins, its worker dies while it runs, or dies before it began.
BEGINS, DIES, STARTS_NOT = "begins", "dies", "starts not"


@pytest.mark.parametrize(
    ("max_failures", "story", "given_up"),
    [
        (0, [BEGINS, DIES], True),
        (0, [STARTS_NOT, BEGINS, DIES], True),
        (0, [STARTS_NOT] * SPARE_STARTS + [BEGINS], False),
        (0, [STARTS_NOT] * (SPARE_STARTS + 1), True),
        (1, [BEGINS, DIES, STARTS_NOT, BEGINS], False),
        (1, [BEGINS, DIES, STARTS_NOT, BEGINS, DIES], True),
        (2, [STARTS_NOT, BEGINS, DIES, STARTS_NOT, STARTS_NOT, BEGINS, DIES, BEGINS], False),
    ],
)
def test_only_deaths_after_the_beginning_use_up_the_limit(max_failures, story, given_up):
    trial = Trial("any", max_failures=max_failures + SPARE_STARTS, stub=True)
    attempts = Attempts(max_failures)
    for number, event in enumerate(story):
        if event == BEGINS:
            attempts.on_trial_start(0, [], trial)
            continue
        trial.run_metadata.num_failures += 1  # as Tune does, of either kind
        if not trial.should_recover():
            assert number == len(story) - 1
            assert given_up
            return
        attempts.on_trial_recover(0, [], trial)
    assert not given_up
