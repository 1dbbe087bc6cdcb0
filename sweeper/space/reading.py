"""A configuration space read from text: the command line, YAML files, a sweep's record.

`loguniform(1e-4, 1)` is read through Python's grammar (`ast`) and never evaluated: only
distributions of scipy.stats are called, with literals or other distributions as arguments.
"""

import ast
import difflib
import functools
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from scipy import stats

from sweeper.space.checks import subscript
from sweeper.space.conditions import ABSENT, When
from sweeper.space.distributions import describe, is_distribution, is_too_wide
from sweeper.space.expressions import from_tree
from sweeper.space.problems import TOO_WIDE
from sweeper.space.rounded import rounded

MAX_LENGTH = 10_000  # characters of one text

# What may be called besides the families of distributions: these make one of tables or of others.
_MAKERS = ("rv_discrete", "rv_histogram", "truncate", "exp", "log", "abs", "order_statistic")
_NUMBERS = {"nan": float("nan"), "inf": float("inf")}
_WORD = re.compile(r"[^\W\d][\w.:/@+-]*")  # sgd, cosine-annealing, resnet50.a1_in1k, org/model
_CALL = re.compile(r"[^\W\d][\w.]*\(")
_FULL_NAME = re.compile(r"(?:scipy\.)?stats\.(\w+)")
_QUOTE = "Put quotes around it if it is meant as a string."


def read_value(text: str) -> Any:
    """The distribution or plain value that a text stands for.

    A call of a distribution of scipy.stats (`loguniform(1e-4, 1)`, `stats.norm(scale=2)`,
    `truncate(Normal(mu=0, sigma=1), lb=0)`) gives the distribution; a Python literal, `nan` and
    `inf` too, its value; a word (`sgd`) or what is no Python at all (`./data/x.csv`) the string
    itself. Words work in lists as well: `[sgd, adam]`.

    Raises:
        TypeError: `text` is no string.
        ValueError: it is Python of another kind, calls something else than a distribution or calls
            it wrongly, is longer than 10,000 characters, or nested too deeply.
    """
    if not isinstance(text, str):
        raise TypeError(f"needs a string to read, but got {describe(text)} ({type(text).__name__})")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a text has at most {MAX_LENGTH:,} characters, but got {len(text):,}.")
    if _WORD.fullmatch(text.strip()):
        _refuse_bare_distribution(text.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on doubtful Python such as '\d', which is no concern
            tree = _tree(text.strip())
        if _WORD.fullmatch(text.strip()) and not isinstance(tree, ast.Name | ast.Constant):
            return text  # Python would see a subtraction in cosine-annealing
        return _read_conditions(tree)
    except (RecursionError, MemoryError):
        raise ValueError(f"is nested too deeply: {describe(text)}. Write it out flat.") from None
    except SyntaxError as error:
        if "too many nested" in error.msg:
            raise ValueError(f"is nested too deeply: {describe(text)}. Write it flat.") from None
        if _CALL.match(text.strip()) or _left_open(error.msg):
            raise ValueError(f"can't read {describe(text)}: {error.msg}. {_QUOTE}") from None
        return text
    except UnicodeEncodeError:  # half a surrogate pair, as in the name of a file: no Python
        return text


def read_config_space(texts: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration space of a YAML file or command line, not checked yet.

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
    """The tree of a piece of Python; a condition needs no `else` here."""
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
    """The value of a piece of Python, or several under conditions."""
    branches = []
    while isinstance(tree, ast.IfExp):
        try:
            condition = from_tree(tree.test).text
        except ValueError as error:
            raise ValueError(f"the condition {_source(tree.test)}: {error} {_QUOTE}") from None
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
    """The value of a piece of Python; words are strings, but not as arguments of a call."""
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=word) if word in _NUMBERS:
            return _NUMBERS[word]
        case ast.Name(id=word) if not in_call:
            return word
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            number = _read(operand, in_call)
            if type(number) in (int, float):
                return -number if isinstance(sign, ast.USub) else number
        case ast.List(elts=entries):
            return [_read(entry, in_call) for entry in entries]
        case ast.Tuple(elts=entries):
            return tuple(_read(entry, in_call) for entry in entries)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            names = [_read(key, in_call) for key in keys if key is not None]
            if all(isinstance(name, str) for name in names):
                return dict(zip(names, (_read(value, in_call) for value in values), strict=True))
        case ast.Call():
            return _read_call(node)
    raise ValueError(
        f"a text is a distribution of scipy.stats, a literal or a word, but got {_source(node)}. "
        f"{_QUOTE}"
    )


def _read_call(node: ast.Call) -> Any:
    name = ast.unparse(node.func)
    full_name = _FULL_NAME.fullmatch(name)
    short_name = full_name[1] if full_name else name
    if short_name not in _callables():
        close = difflib.get_close_matches(short_name, _callables(), n=3)
        cure = f"Did you mean {' or '.join(close)}?" if close else _QUOTE
        if short_name in ("choice", "categorical", "grid_search"):
            cure = "Choices are a list: [1, 2]."
        raise ValueError(f"{_shorten(name)} is no distribution of scipy.stats. {cure}")
    arguments = [_read(argument, in_call=True) for argument in node.args]
    if any(keyword.arg is None for keyword in node.keywords):
        raise ValueError(f"{short_name}: ** can't be read. Write the arguments out.")
    options = {str(keyword.arg): _read(keyword.value, in_call=True) for keyword in node.keywords}
    family = _callables()[short_name]
    if isinstance(family, stats.rv_continuous | stats.rv_discrete) and any(
        is_distribution(value) for value in (*arguments, *options.values())
    ):
        raise ValueError(f"can't make {_source(node)}: its arguments are numbers.")
    try:
        if short_name == "rv_discrete" and "values" not in options:
            raise TypeError("needs values=([…], […]), numbers and their probabilities")
        distribution = family(*arguments, **options)
        too_wide = is_distribution(distribution) and is_too_wide(distribution)
    except Exception as error:  # SciPy raises nearly anything on wrong arguments
        wrong = _misfit(short_name, family, len(arguments), list(options))
        if wrong:
            raise ValueError(f"can't make {_source(node)}: {wrong}") from error
        raise ValueError(f"can't make {_source(node)}: {str(error).rstrip('.')}.") from error
    if not is_distribution(distribution):
        raise ValueError(f"{_source(node)} is no distribution.")
    if too_wide:
        raise ValueError(f"can't make {_source(node)}: {'. '.join(TOO_WIDE)}")
    return distribution


def _misfit(name: str, family: Any, given: int, named: list[str]) -> str | None:
    """What keeps arguments from being those of a family of SciPy's; None if that isn't seen."""
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
    if given > len(takes) or unknown:
        wrong = f"it takes {', '.join(takes)}, but got " + (
            f"{', '.join(unknown)}. " if unknown else f"{given} values. "
        )
    else:
        wrong = f"it lacks {' and '.join(lacking)}. " if lacking else ""
    return wrong and wrong + cure


def _left_open(reason: str) -> bool:
    """Whether a bracket was opened and not closed, so that a list or dict was meant."""
    return reason.endswith("was never closed")


@functools.cache
def _callables() -> dict[str, Callable[..., Any]]:
    """What may be called, by name: old families (norm), new ones (Normal), and the makers."""
    callables = {}
    for name in dir(stats):
        family = getattr(stats, name)
        is_old = isinstance(family, stats.rv_continuous | stats.rv_discrete)
        is_new = isinstance(family, type) and hasattr(family, "icdf")
        if is_old or is_new or name in _MAKERS:
            callables[name] = family
    return callables | {"rounded": rounded}


def _refuse_bare_distribution(word: str) -> None:
    name = _FULL_NAME.fullmatch(word)
    if name and name[1] in _callables():
        raise ValueError(f"{word} lacks its parameters. Call it: {name[1]}(…).")


def _source(node: ast.expr) -> str:
    return _shorten(ast.unparse(node))


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
