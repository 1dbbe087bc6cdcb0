import gc
import weakref
from collections.abc import Iterator

import pytest

from sweeper.worker.memory import Memory


@pytest.fixture(autouse=True)
def nothing_set_aside() -> Iterator[None]:
    """Begins with no frozen objects, which the tests' own process has."""
    gc.unfreeze()
    yield
    gc.freeze()


class Cycle:
    def __init__(self):
        self.itself = self


def cycle() -> weakref.ref:
    return weakref.ref(Cycle())


@pytest.mark.slow
def test_what_each_trial_leaves_is_freed_and_what_outlives_one_is_after_twice_as_many():
    memory, held = Memory(), []
    try:
        for trial in range(1, 10):
            left = cycle()
            memory.free()
            assert left() is None
            if trial == 5:  # lives on beyond the next time that everything is looked through
                held = [Cycle()]
                outlived = weakref.ref(held[0])
            if trial == 8:
                assert outlived() is held[0]
                held = []
        for _ in range(10, 17):
            memory.free()
        assert outlived() is None
    finally:
        memory.close()
    assert gc.get_freeze_count() == 0


def test_what_a_program_has_set_aside_itself_stays_so():
    gc.freeze()
    memory = Memory()
    before = gc.get_freeze_count()
    left = cycle()
    memory.free()
    memory.close()
    assert left() is None
    assert gc.get_freeze_count() == before
