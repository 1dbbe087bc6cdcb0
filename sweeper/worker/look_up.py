"""Looks up what a name and attributes of it stand for, running no code of the objects."""

import argparse
import types
from dataclasses import dataclass
from typing import Any

from sweeper.worker.own_modules import is_own, label_of
from sweeper.worker.reads import Chain

_HOLDERS = (argparse.Namespace, types.SimpleNamespace)


@dataclass
class Found:
    """The result of a look-up.

    Attributes:
        value: the object.
        space: the label of the module or function in which it was found.
        chain: the name there, with the attributes that were followed.
        file: the module's file; None for a function.
    """

    value: Any
    space: str
    chain: Chain
    file: Any

    @property
    def name(self) -> str:
        """The name as it is written in its module or function."""
        return ".".join(self.chain)


def look_up(chain: Chain, value: Any, space: str, file: Any) -> Found | None:
    """Follows a chain through modules and parsed arguments; returns None if the end is in none of
    the user's own modules.

    Args:
        chain: a name and attributes, such as `near.SCALE`.
        value: the object that the name alone stands for.
        space: the label of the module or function that has the name.
        file: the module's file; None for a function.
    """
    used = 1
    while type(value) in (types.ModuleType, *_HOLDERS):
        start = 0
        if type(value) is types.ModuleType:
            if not is_own(value.__name__):
                return None
            space, file = label_of(value.__name__), getattr(value, "__file__", None)
            start = used
        if used == len(chain) or chain[used] not in vars(value):
            break
        chain, used = chain[start:], used - start + 1
        value = vars(value)[chain[used - 1]]
    return Found(value, space, chain[:used], file)
