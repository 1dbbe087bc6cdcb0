"""Interprets Tune's notes on processes that died or did not start, and decides when to give up."""

import time
from collections.abc import Callable
from pathlib import Path

_MISSED = 10  # so many in a row, over this time, end a sweep of which no trial runs:
_MISSED_FOR_S = 60.0  # the workers of other nodes may be slower to start


class MissedStarts:
    """Counts workers that failed to start since the last one that did.

    Args:
        say: gets each reason, once.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[str] = set()
        self._times_s: list[float] = []

    def went_well(self) -> None:
        """Notes that a worker starts: earlier failures don't matter any more."""
        self._times_s.clear()

    def missed(self, told: str) -> ChildProcessError | None:
        """Notes one more; returns why a sweep without running trials should end, if so."""
        why = describe_failure(told, at_start=True)
        if why not in self._said:
            self._said.add(why)
            self._say(f"A worker did not start, its trial is tried again: {why}")
        self._times_s.append(time.monotonic())
        for_s = self._times_s[-1] - self._times_s[0]
        if len(self._times_s) < _MISSED or for_s < _MISSED_FOR_S:
            return None
        return ChildProcessError(f"No worker starts any more. The last one: {why}")


def last_failure(error_file: str) -> str:
    """Returns Tune's note of a trial's last failure, of which it may have had several."""
    return Path(error_file).read_text().rpartition("Failure # ")[2].partition("\n")[2]


def describe_failure(told: str, at_start: bool = False) -> str:
    """Describes a dead process in a line; Ray can't tell os._exit, a signal and the kernel apart.

    Args:
        told: Tune's note.
        at_start: True if it had run no trial yet, so that none can have ended it.
    """
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    detail = next((line for line in lines if "exit detail" in line.lower()), "")
    if not detail and "ray::" in told:
        return lines[-1]  # the exception of its set-up, or one between two trials
    detail = detail[detail.lower().find("worker exit detail") :]
    detail = detail.partition("Some common causes")[0].strip()  # Ray's guesses are in the traceback
    cause = "the process ended (os._exit, a signal, or out of memory)."
    if "low on memory" in told:
        cause = "Ray has ended the process, since its node was low on memory."
    elif at_start:
        cause = "the process ended while it started, before it ran a trial."
    return f"WorkerDied: {cause} {detail}".strip()
