"""Parses a command with placeholders, and fills in the values of one configuration."""

import itertools
import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_QUOTED = re.compile(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_OPERATORS = re.compile("[;<>|&]+")  # of shells


SCRIPT = re.compile(r"\.(py|sh|bash|r|jl|pl|rb|lua|m)$", re.IGNORECASE)
_INTERPRETER = re.compile(r"python[\d.]*|bash|sh|Rscript|julia|perl|ruby|lua")


@dataclass(frozen=True)
class Placeholder:
    """A placeholder for a value; with a `flag`, for the flag where the value is True."""

    name: str
    flag: str | None = None


Word = list[str | Placeholder]  # the parts of one argument


def split(command: str) -> tuple[list[Word], list[str]]:
    """Splits a command into words as a shell does, and nothing more; also returns the faults,
    one sentence each.
    """
    try:
        texts = shlex.split(command)
    except ValueError as error:
        return [], [f"{error}. Close it, or write \\ before it."]
    words, faults = [], []
    if operators := _OPERATORS.findall(_QUOTED.sub("", command)):
        faults.append(
            f"{' '.join(operators)} {'has' if len(operators) == 1 else 'have'} a meaning only in a "
            "shell, and no shell runs the command. Quote what is meant literally; to use a shell, "
            "write bash -c '…'."
        )
    if not texts:
        faults.append("there is no program in it. Write 'python train.py --lr {lr}'.")
    for text in texts:
        try:
            words.append(_parts(text))
        except ValueError as error:
            faults.append(f"{text!r}: {error}")
    return words, faults


def placeholders(words: list[Word]) -> list[str]:
    """Returns the names that a command uses, in order."""
    parts = itertools.chain.from_iterable(words)
    return list(dict.fromkeys(part.name for part in parts if isinstance(part, Placeholder)))


def fill(words: list[Word], values: Mapping[str, Any]) -> list[str]:
    """Returns the arguments: the words with values in place of names.

    A word with a name that has no value is left out, and so is the option before it if none of its
    values is left: `--momentum {momentum}` disappears as a whole.

    Raises:
        TypeError: a flag's value is neither True nor False.
    """
    arguments: list[str] = []
    after_option = False
    for are_values, group in itertools.groupby(words, key=_is_value):
        texts = [_filled(word, values) for word in group]
        kept = [text for text in texts if text is not None]
        if are_values and not kept and after_option:
            del arguments[-1]
        arguments += kept
        after_option = re.match("--?[^-0-9.]", texts[-1] or "") is not None
    return arguments


def script_of(words: list[Word]) -> str | None:
    """Returns the script that an interpreter is given, such as train.py; None if unseen."""
    texts = [word[0] if len(word) == 1 and isinstance(word[0], str) else None for word in words]
    if len(texts) < 2 or texts[0] is None or not _INTERPRETER.fullmatch(os.path.basename(texts[0])):
        return None
    second = texts[1]
    return second if second and SCRIPT.search(second) else None


def as_argument(value: Any) -> str:
    """Formats a value as one argument.

    Text stays as it is; numbers, True, False and None as Python writes them (floats to the last
    digit); lists, tuples and dicts as JSON.
    """
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, list | tuple | dict) else repr(value)


def _parts(text: str) -> Word:
    parts: Word = []
    end = 0
    for brace in _BRACES.finditer(text):
        parts.append(text[end : brace.start()])
        end = brace.end()
        if brace[1] is not None:
            parts.append(_placeholder(brace[1], alone=brace[0] == text))
        elif len(brace[0]) == 2:
            parts.append(brace[0][0])
        else:
            raise ValueError(f"a lone {brace[0]}; write {2 * brace[0]} for one that is meant.")
    return [part for part in [*parts, text[end:]] if part] or [""]


def _placeholder(inside: str, alone: bool) -> Placeholder:
    name, colon, flag = inside.partition(":")
    if not inside or (colon and not name):
        raise ValueError("a name is missing between the braces.")
    if not flag.startswith("-"):
        return Placeholder(inside)
    if not alone:
        raise ValueError("a flag must be a word of its own.")
    return Placeholder(name, flag)


def _is_value(word: Word) -> bool:
    """Checks for a value of the option before it, as in `--lr {lr}`, unlike `--lr={lr}`."""
    first = word[0]
    is_option = isinstance(first, str) and first.startswith("-")
    holes = [part for part in word if isinstance(part, Placeholder)]
    return bool(holes) and not is_option and holes[0].flag is None


def _filled(word: Word, values: Mapping[str, Any]) -> str | None:
    texts: list[str] = []
    for part in word:
        if isinstance(part, str):
            texts.append(part)
            continue
        if part.name not in values:
            return None
        value = values[part.name]
        if part.flag is None:
            texts.append(as_argument(value))
            continue
        if not isinstance(value, bool):
            raise TypeError(
                f"{{{part.name}:{part.flag}}}: a flag needs True or False, but got {value!r} "
                f"({type(value).__name__}). Write {part.flag} {{{part.name}}}."
            )
        return part.flag if value else None
    return "".join(texts)
