"""Keeps an objective's changes to process state apart from the code that runs it."""

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import wrapt


@dataclass
class Surroundings:
    """The state of the process that an objective may change for itself.

    Args:
        streams: standard output and error, which the objective may redirect.
        threads: torch's number of threads; None keeps the present one.
        modes: if torch records gradients, and if it lowers the precision (autocast) on CPUs and on
            GPUs.
        seed: seeds torch if only the objective imports it; importing it here takes seconds.
    """

    streams: tuple[TextIO, TextIO]
    threads: int | None = None
    modes: tuple[bool, bool, bool] = (True, False, False)
    seed: int | None = None

    def put(self) -> None:
        """Sets the process to this state."""
        sys.stdout, sys.stderr = self.streams
        torch = sys.modules.get("torch")
        if torch is None or self.threads is None:
            return
        if _modes(torch) != self.modes:
            torch.set_grad_enabled(self.modes[0])
            torch.set_autocast_enabled("cpu", self.modes[1])
            torch.set_autocast_enabled("cuda", self.modes[2])
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)

    def note(self) -> None:
        """Takes over the state of the process."""
        self.streams = sys.stdout, sys.stderr
        torch = sys.modules.get("torch")
        if torch is not None:
            self.modes, self.threads = _modes(torch), torch.get_num_threads()


def _modes(torch: Any) -> tuple[bool, bool, bool]:
    casts = torch.is_autocast_enabled
    return torch.is_grad_enabled(), casts("cpu"), casts("cuda")


def surroundings() -> Surroundings:
    """Returns the state of the calling code."""
    made = Surroundings((sys.stdout, sys.stderr))
    made.note()
    return made


@contextmanager
def within(inside: Surroundings) -> Iterator[None]:
    """Sets the process to `inside`, which notes changes; afterwards restores it."""
    global _entered
    _await_torch()
    outside = surroundings()
    before, _entered = _entered, (inside, outside)
    inside.put()
    try:
        yield
    finally:
        _entered = before
        inside.note()
        outside.put()


_entered: tuple[Surroundings, Surroundings] | None = None  # inside, outside


@functools.cache
def _await_torch() -> None:
    wrapt.when_imported("torch")(_torch_came)


def _torch_came(torch: Any) -> None:
    if _entered is None:
        return
    inside, outside = _entered
    outside.threads = outside.threads or torch.get_num_threads()
    if inside.threads is not None:
        torch.set_num_threads(inside.threads)
    if inside.seed is not None:
        torch.manual_seed(inside.seed)
