"""Reads a configuration space from text: the command line, YAML files, a sweep's record.

`loguniform(1e-4, 1)` is read through Python's grammar (`ast`) and never evaluated: only
distributions of scipy.stats are called, with literals or other distributions as arguments.
"""

import ast
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from sweeper.space.calls import QUOTE, check_no_call, check_word, read_call, source
from sweeper.space.checks import subscript
from sweeper.space.conditions import ABSENT, When
from sweeper.space.distributions import describe
from sweeper.space.expressions import from_tree
from sweeper.space.words import check_no_python, check_strings, check_tuple, spoken, value_of_word

MAX_LENGTH = 10_000  # characters of one text

_WORD = re.compile(r"[^\W\d][\w.:/@+-]*")  # sgd, cosine-annealing, resnet50.a1_in1k, org/model
_CALL = re.compile(r"[^\W\d][\w.]*\(")


def read_value(text: str) -> Any:
    """Returns the distribution or plain value that a text stands for.

    A call of a distribution of scipy.stats (`loguniform(1e-4, 1)`, `stats.norm(scale=2)`,
    `truncate(Normal(mu=0, sigma=1), lb=0)`) gives the distribution; a Python literal, `nan` or
    `inf` its value; a word (`sgd`) or text that is no Python at all (`./data/x.csv`) the string
    itself. Words work in lists as well: `[sgd, adam]`.

    Raises:
        TypeError: `text` is not a string.
        ValueError: it is Python of another kind, calls something else than a distribution or calls
            it wrongly, is longer than 10,000 characters, or nested too deeply.
    """
    if not isinstance(text, str):
        raise TypeError(f"needs a string to read, but got {describe(text)} ({type(text).__name__})")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a text has at most {MAX_LENGTH:,} characters, but got {len(text):,}.")
    if _WORD.fullmatch(text.strip()):
        check_word(text.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on doubtful Python such as '\d', which doesn't matter
            tree = _tree(text.strip())
        if isinstance(tree, ast.Tuple):
            check_tuple(text.strip())
        check_strings(text.strip())
        if _WORD.fullmatch(text.strip()) and not isinstance(tree, ast.Name | ast.Constant):
            return text  # Python would see a subtraction in cosine-annealing
        return _read_conditions(tree)
    except (RecursionError, MemoryError):
        raise ValueError(f"is nested too deeply: {describe(text)}. Write it out flat.") from None
    except SyntaxError as error:
        if "too many nested" in error.msg:
            raise ValueError(f"is nested too deeply: {describe(text)}. Write it flat.") from None
        if _CALL.match(text.strip()) or _left_open(error.msg):
            raise ValueError(f"can't read {describe(text)}: {spoken(error.msg)} {QUOTE}") from None
        check_no_call(text.strip())
        check_no_python(text.strip(), error.msg)
        return text
    except UnicodeEncodeError:  # half a surrogate pair, as in the name of a file: no Python
        return text


def read_config_space(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the configuration space of a YAML file or command line, not checked yet.

    Strings go through `read_value`, also those in lists and dicts (YAML leaves `1e-4` a string);
    other values stay as they are.

    Raises:
        ValueError: a text can't be read; lists all faults, one a line.
    """
    config_space, faults = {}, []
    for name, value in texts.items():
        try:
            config_space[name] = _read_strings(value)
        except ValueError as error:
            faults.append(f"config_space{subscript(name)}: {error}")
        except RecursionError:
            faults.append(
                f"config_space{subscript(name)}: is nested too deeply. Write it out flat."
            )
    if faults:
        raise ValueError("\n".join(faults))
    return config_space


def _tree(text: str) -> ast.expr:
    """Parses a piece of Python; a condition needs no `else` here."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        try:
            tree = ast.parse(f"{text} else ...", mode="eval").body
        except SyntaxError:
            tree = None
        if not isinstance(tree, ast.IfExp):
            raise
        return tree


def _read_conditions(tree: ast.expr) -> Any:
    """Returns the value of a piece of Python, or several values under conditions."""
    branches = []
    while isinstance(tree, ast.IfExp):
        try:
            condition = from_tree(tree.test).text
        except ValueError as error:
            raise ValueError(f"the condition {source(tree.test)}: {error} {QUOTE}") from None
        branches.append((condition, _read(tree.body)))
        tree = tree.orelse
    left_out = branches and isinstance(tree, ast.Constant) and tree.value is ...
    value = ABSENT if left_out else _read(tree)
    for condition, law in reversed(branches):
        value = When(condition, law, value)
    return value


def _read_strings(value: Any) -> Any:
    if isinstance(value, str):
        return read_value(value)
    if isinstance(value, list | tuple):
        return type(value)(_read_strings(entry) for entry in value)
    if isinstance(value, dict):
        return {key: _read_strings(entry) for key, entry in value.items()}
    return value


def _read(node: ast.expr, in_call: bool = False) -> Any:
    """Returns the value of a piece of Python; words are strings, except as arguments of a call."""
    match node:
        case ast.Constant(value=float() as number) if math.isinf(number):
            raise ValueError("a number is larger than any float, 1.8e308. Write inf for infinity.")
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=word) if not in_call or word in ("nan", "inf"):
            return value_of_word(word)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            number = _read(operand, in_call)
            if type(number) in (int, float):
                return -number if isinstance(sign, ast.USub) else number
        case ast.List(elts=entries):
            return _read_all(entries, in_call)
        case ast.Tuple(elts=entries):
            return tuple(_read_all(entries, in_call))
        case ast.Dict(keys=keys, values=values) if None not in keys:
            names = [_read(key, in_call) for key in keys if key is not None]
            if all(isinstance(name, str) for name in names):
                return dict(zip(names, _read_all(values, in_call), strict=True))
        case ast.Call():
            return read_call(node, _read_all)
    raise ValueError(
        f"a text is a distribution of scipy.stats, a literal or a word, but got {source(node)}. "
        f"{QUOTE}"
    )


def _read_all(nodes: Iterable[ast.expr], in_call: bool = False) -> list[Any]:
    """Returns the values of some pieces of Python, or raises a ValueError with all their faults."""
    values, faults = [], []
    for node in nodes:
        try:
            values.append(_read(node, in_call))
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise ValueError(" ".join(dict.fromkeys(faults)))
    return values


def _left_open(reason: str) -> bool:
    """Checks whether a bracket was never closed, so that a list or dict must have been meant."""
    return reason.endswith("was never closed")
