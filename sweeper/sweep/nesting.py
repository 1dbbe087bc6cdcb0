"""Refuses a sweep that is started inside of another one's trial."""

import os

from sweeper.sweep.execution import INLINE
from sweeper.worker.plain_process import IN_A_TRIAL


def refuse_in_a_trial(address: str | None) -> None:
    """Refuses a sweep that would wait for CPUs held by the trials of the sweep around it.

    Raises:
        RuntimeError: this process, or one that has started it, runs a trial on a Ray that the sweep
            would join.
    """
    worker = os.environ.get(IN_A_TRIAL)
    joins = worker == str(os.getpid()) or address != "local"
    if worker is None or address == INLINE or not joins:
        return
    raise RuntimeError(
        "sweeper.run inside of a trial would wait forever, since the outer sweep's trials hold "
        "all CPUs. Give the inner one address='inline', which runs its trials in this one; "
        "or run one sweep over both spaces."
    )
