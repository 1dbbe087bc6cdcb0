"""The memory that a trial leaves behind in its process: freed before the next one begins."""

import gc
import sys

_MANY = 1_024  # trials, whose rows are looked through in no time


class Memory:
    """Frees what ended trials held: cycles, and what torch keeps of the GPU's memory.

    To look through all that a process holds takes 30 ms, and longer as a sweep's rows come to it.
    So what outlives a trial is set aside, and looked through again after 2, 4, 8, …, 1,024 trials
    alone, and after each 1,024 from there on.
    """

    def __init__(self) -> None:
        self._trials = 0
        self._ours = not gc.get_freeze_count()  # else somebody has set things aside himself

    def free(self) -> None:
        """A trial has ended, and nobody holds on to it any more."""
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
        """Nothing is set aside any more."""
        if self._ours:
            gc.unfreeze()
