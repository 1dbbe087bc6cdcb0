"""What a name and attributes of it stand for, as far as looking runs nothing."""

import argparse
import types
from dataclasses import dataclass
from typing import Any

from sweeper.worker.own_modules import is_own, label_of
from sweeper.worker.reads import Chain

_HOLDERS = (argparse.Namespace, types.SimpleNamespace)


@dataclass
class Found:
    """What was found.

    Attributes:
        value: itself.
        space: the label of the module or function that has it.
        chain: its name there, with the attributes that were followed.
        file: of the module; None for a function.
    """

    value: Any
    space: str
    chain: Chain
    file: Any

    @property
    def name(self) -> str:
        """As it is written in its module or function."""
        return ".".join(self.chain)


def look_up(chain: Chain, value: Any, space: str, file: Any) -> Found | None:
    """What a chain leads to through modules and parsed arguments; None where that is none of the
    user's own modules.

    Args:
        chain: a name and attributes, `near.SCALE`.
        value: what the name alone stands for.
        space: the label of the module or function that has the name.
        file: of the module; None for a function.
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
