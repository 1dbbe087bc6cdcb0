import os

import pytest

from sweeper.sweep.nesting import refuse_in_a_trial
from sweeper.worker.plain_process import IN_A_TRIAL


@pytest.mark.parametrize(
    ("worker", "address", "refused"),
    [
        (None, None, False),
        (None, "local", False),
        ("this", None, True),
        ("this", "auto", True),
        ("this", "local", True),  # a process joins one Ray at a time
        ("this", "inline", False),
        ("another", None, True),
        ("another", "local", False),
        ("another", "inline", False),
    ],
)
def test_what_would_wait_for_ever_is_refused(monkeypatch, worker, address, refused):
    monkeypatch.delenv(IN_A_TRIAL, raising=False)
    if worker is not None:
        process = os.getpid() if worker == "this" else os.getppid()
        monkeypatch.setenv(IN_A_TRIAL, str(process))
    if refused:
        with pytest.raises(RuntimeError, match="inside of a trial would wait forever"):
            refuse_in_a_trial(address)
    else:
        refuse_in_a_trial(address)
