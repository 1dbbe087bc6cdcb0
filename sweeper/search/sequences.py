"""Endless searches without the configurations that must not come: twice, or against constraints."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

from sweeper.space.checks import Config

T = TypeVar("T")


class LazyList(Generic[T]):
    """The entries of an iterable by number, each made once, when one of at least its number is."""

    def __init__(self, entries: Iterable[T]) -> None:
        self._entries = iter(entries)
        self._made: list[T] = []
        self._lock = Lock()

    def __getitem__(self, index: int) -> T:
        """The entry of a number.

        Raises:
            IndexError: there are not so many.
        """
        with self._lock:
            self._made.extend(islice(self._entries, max(0, index + 1 - len(self._made))))
            return self._made[index]


def key(config: Config) -> str:
    """The same text for equal configurations; 1, 1.0 and True differ."""
    return repr(config)


def distinct(configs: Iterable[Config], seen: Iterable[str]) -> Iterator[Config]:
    """Each configuration once, without those whose `key` was seen.

    Ends when far more old ones have come in a row than there are different ones.
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
    """The configurations that fulfil the constraints.

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
