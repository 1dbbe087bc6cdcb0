"""Endless sequences of configurations without repeated ones, or ones that break constraints."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

from sweeper.space.checks import Config

T = TypeVar("T")


class LazyList(Generic[T]):
    """The entries of an iterable by number, made once, when first asked for."""

    def __init__(self, entries: Iterable[T]) -> None:
        self._entries = iter(entries)
        self._made: list[T] = []
        self._lock = Lock()

    def __getitem__(self, index: int) -> T:
        """Returns the entry of a number.

        Raises:
            IndexError: there are fewer entries.
        """
        with self._lock:
            self._made.extend(islice(self._entries, max(0, index + 1 - len(self._made))))
            return self._made[index]


def key(config: Config) -> str:
    """Returns the same text for equal configurations; 1, 1.0 and True differ."""
    return repr(config)


def distinct(configs: Iterable[Config], seen: Iterable[str]) -> Iterator[Config]:
    """Yields each configuration once, without those whose `key` was seen.

    Ends when far more repeated ones have come in a row than there are different ones.
    """
    keys, misses = set(seen), 0
    for config in configs:
        if key(config) not in keys:
            keys.add(key(config))
            misses = 0
            yield config
        elif (misses := misses + 1) > 10 * (len(keys) + 10):
            return


def fulfilling(configs: Iterable[Config], fulfils: Callable[[Config], bool]) -> Iterator[Config]:
    """Yields the configurations that fulfil the constraints.

    Raises:
        ValueError: fewer than about 1 in 1,000 do.
    """
    misses = 0
    for config in configs:
        misses = 0 if fulfils(config) else misses + 1
        if misses == 0:
            yield config
        elif misses > 10_000:
            raise ValueError(
                f"constraints: none of {misses:,} configurations in a row fulfils them. Loosen "
                "them, or narrow the distributions to where they hold."
            )
