"""Reads calls in a text: distributions of scipy.stats, and calls that make lists of numbers."""

import ast
import difflib
import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from sweeper.space.distributions import is_distribution, is_too_extreme, is_too_wide
from sweeper.space.foreign_forms import foreign_call, interval_text
from sweeper.space.number_lists import makes_a_list, number_list
from sweeper.space.problems import TOO_EXTREME, TOO_WIDE
from sweeper.space.rounded import rounded
from sweeper.space.words import shortened

QUOTE = "Put quotes around it if it is meant as a string."
# Callable besides the families of distributions: these make a distribution from tables or others.
_MAKERS = ("rv_discrete", "rv_histogram", "truncate", "exp", "log", "abs", "order_statistic")
_FULL_NAME = re.compile(r"(?:scipy\.)?stats\.(\w+)")
# Distributions whose names can't mean anything else.
_ONLY_DISTRIBUTIONS = ("loguniform", "randint", "rounded", "truncnorm")
_WITHOUT_BRACKETS = re.compile(r"(?:(?:scipy\.)?stats\.)?(\w+)\s*(?:\s[-+.\d]|[:{]).*", re.DOTALL)


def read_call(node: ast.Call, read: Callable[..., list[Any]]) -> Any:
    """Returns the distribution or list that a call stands for.

    Args:
        node: the call.
        read: gives the values of arguments.

    Raises:
        ValueError: something else is called, or it is called wrongly; lists all wrong arguments.
    """
    name = ast.unparse(node.func)
    full_name = _FULL_NAME.fullmatch(name)
    short_name = full_name[1] if full_name else name
    if short_name not in _callables() and not makes_a_list(name):
        raise ValueError(
            f"{shortened(name)} is not a distribution of scipy.stats. {_cure(node, read)}"
        )
    if any(keyword.arg is None for keyword in node.keywords):
        raise ValueError(f"{short_name}: ** can't be read. Write the arguments out.")
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    words = [ast.unparse(argument) for argument in given if _is_word(argument)]
    if words and not makes_a_list(name) and not short_name.startswith("rv_"):  # which have names
        raise ValueError(
            f"can't make {source(node)}: its arguments are numbers, but got {', '.join(words)}."
        )
    values = read(given, in_call=True)
    arguments = values[: len(node.args)]
    names = [str(keyword.arg) for keyword in node.keywords]
    options = dict(zip(names, values[len(arguments) :], strict=True))
    if makes_a_list(name):
        return number_list(name, arguments, options)
    family = _callables()[short_name]
    if isinstance(family, stats.rv_continuous | stats.rv_discrete) and any(
        is_distribution(value) for value in (*arguments, *options.values())
    ):
        raise ValueError(f"can't make {source(node)}: its arguments are numbers.")
    if is_too_extreme(family, arguments, options):
        raise ValueError(f"can't make {source(node)}: {'. '.join(TOO_EXTREME)}")
    try:
        if short_name == "rv_discrete" and "values" not in options:
            raise TypeError("needs values=([…], […]), numbers and their probabilities")
        with np.errstate(all="ignore"):
            distribution = family(*arguments, **options)
            too_wide = is_distribution(distribution) and is_too_wide(distribution)
    except Exception as error:  # SciPy raises nearly any exception on wrong arguments
        wrong = _misfit(short_name, family, arguments, options)
        if wrong:
            raise ValueError(f"can't make {source(node)}: {wrong}") from error
        raise ValueError(f"can't make {source(node)}: {str(error).rstrip('.')}.") from error
    if not is_distribution(distribution):
        raise ValueError(f"{source(node)} is not a distribution.")
    if too_wide:
        raise ValueError(f"can't make {source(node)}: {'. '.join(TOO_WIDE)}")
    return distribution


def check_word(word: str) -> None:
    """Refuses the name of a distribution that isn't called.

    Raises:
        ValueError: it is `stats.norm`, or a name that means nothing else, such as `loguniform`.
    """
    name = _FULL_NAME.fullmatch(word)
    known = name[1] if name else word
    if known in (_callables() if name else _ONLY_DISTRIBUTIONS):
        raise ValueError(f"{word} lacks its parameters. Call it: {known}(…).")


def check_no_call(text: str) -> None:
    """Refuses text that begins with a distribution but is not Python: `uniform 0 1`.

    Raises:
        ValueError: `text` begins so.
    """
    found = _WITHOUT_BRACKETS.fullmatch(text)
    if found and found[1] in _callables():
        raise ValueError(
            f"can't read {shortened(text)!r}: a distribution is called with round brackets, such "
            f"as {found[1]}(…). {QUOTE}"
        )


def source(node: ast.expr) -> str:
    """Returns the text of a piece of Python, at most 80 characters of it."""
    return shortened(ast.unparse(node))


def _is_word(node: ast.expr) -> bool:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_text or (isinstance(node, ast.Name) and node.id not in ("nan", "inf"))


def _cure(node: ast.Call, read: Callable[..., list[Any]]) -> str:
    """Says what to write instead of a call of something that is not a distribution."""
    name = ast.unparse(node.func)
    arguments = [_or_none(argument, read) for argument in node.args]
    options = {str(keyword.arg): _or_none(keyword.value, read) for keyword in node.keywords}
    if foreign := foreign_call(name, arguments, options):
        return foreign
    close = difflib.get_close_matches(name.rpartition(".")[2], _callables(), n=3)
    return f"Did you mean {' or '.join(close)}?" if close else QUOTE


def _or_none(node: ast.expr, read: Callable[..., list[Any]]) -> Any:
    try:
        return read([node])[0]
    except ValueError:
        return None


def _misfit(name: str, family: Any, arguments: list[Any], options: dict[str, Any]) -> str | None:
    """Says why arguments don't fit a family of SciPy's; None if no reason is seen."""
    given, named = len(arguments), list(options)
    if isinstance(family, type) and hasattr(family, "icdf") and given:
        return "its parameters have names. Write them, as in Normal(mu=0, sigma=1)."
    if not isinstance(family, stats.rv_continuous | stats.rv_discrete):
        return None
    shapes = family.shapes.split(", ") if family.shapes else []
    scale = ["scale"] if isinstance(family, stats.rv_continuous) else []
    takes = [*shapes, "loc", *scale]
    cure = f"Write {name}({', '.join([*shapes, 'loc=0', *(f'{one}=1' for one in scale)])})."
    filled = {*takes[:given], *named}
    lacking = [shape for shape in shapes if shape not in filled]
    unknown = [option for option in named if option not in takes]
    if unknown and (interval := interval_text(name, options)):
        cure = f"Write {interval}."
    if given > len(takes) or unknown:
        wrong = f"it takes {', '.join(takes)}, but got " + (
            f"{', '.join(unknown)}. " if unknown else f"{given} values. "
        )
    else:
        wrong = f"it lacks {' and '.join(lacking)}. " if lacking else ""
    return wrong and wrong + cure


@functools.cache
def _callables() -> dict[str, Callable[..., Any]]:
    """Returns what may be called, by name: old families (norm), new ones (Normal), makers."""
    callables = {}
    for name in dir(stats):
        family = getattr(stats, name)
        is_old = isinstance(family, stats.rv_continuous | stats.rv_discrete)
        is_new = isinstance(family, type) and hasattr(family, "icdf")
        if is_old or is_new or name in _MAKERS:
            callables[name] = family
    return callables | {"rounded": rounded}
