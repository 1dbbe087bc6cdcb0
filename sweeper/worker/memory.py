"""Frees the memory that a trial leaves in its process before the next one begins."""

import gc
import sys

_MANY = 1_024  # trials: going through their rows takes no time


class Memory:
    """Frees what ended trials held: reference cycles, and torch's cached GPU memory.

    A full garbage collection takes 30 ms, and longer as a sweep's rows grow. So objects that
    outlive a trial are set aside (`gc.freeze`), and collected again only after 2, 4, 8, …, 1,024
    trials, then after each 1,024.
    """

    def __init__(self) -> None:
        self._trials = 0
        self._ours = not gc.get_freeze_count()  # else the user has set objects aside

    def free(self) -> None:
        """Frees memory once a trial has ended and nothing uses it any more."""
        self._trials += 1
        due = self._trials & (self._trials - 1) == 0 or self._trials % _MANY == 0
        all_of_it = self._ours and due
        if all_of_it:
            gc.unfreeze()
        gc.collect()
        if all_of_it:
            gc.freeze()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    def close(self) -> None:
        """Puts back all objects that were set aside."""
        if self._ours:
            gc.unfreeze()
