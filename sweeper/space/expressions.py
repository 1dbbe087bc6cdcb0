"""Conditions and constraints: Python's grammar, read through `ast` and never evaluated as Python.

    optimizer == "sgd" and num_layers in (1, 2)
    depth * width <= 4096

Names are hyperparameters. Each piece becomes a small function of a configuration, so that only what
this file allows can happen: no calls, no attributes, no astronomically large powers.
"""

import ast
import functools
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_LENGTH = 10_000  # characters of one expression
_MOST_DEPTH = 100  # levels of nesting, a + b + c + … included
_MOST_BITS = 4096  # of a whole number that an expression computes

_Function = Callable[[Mapping[str, Any]], Any]

_COMPARISONS: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.In: ("in", lambda one, other: one in other),
    ast.NotIn: ("not in", lambda one, other: one not in other),
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: lambda base, exponent: _power(base, exponent),
}
_GRAMMAR = "names of hyperparameters, literals, comparisons, in, and, or, not"


class InactiveError(LookupError):
    """An expression looked at a hyperparameter that the configuration does not have."""


@dataclass(frozen=True)
class Expression:
    """A condition or constraint as a function of a configuration.

    Attributes:
        text: the expression in normal form, whatever its spaces and quotes were.
        names: the hyperparameters that it looks at, in order of appearance.
        function: returns its value for a configuration; raises InactiveError for a name that is
            absent, and ArithmeticError where the result is no number.
    """

    text: str
    names: tuple[str, ...]
    function: _Function

    def holds(self, config: Mapping[str, Any]) -> bool:
        """Checks that it is true; false where it looks at an absent name or divides by 0."""
        try:
            return bool(self.function(config))
        except (InactiveError, ArithmeticError):
            return False


@functools.lru_cache(maxsize=4096)
def parse(text: str, arithmetic: bool = False) -> Expression:
    """Returns the expression that a text stands for.

    Args:
        text: Python of the kind above.
        arithmetic: whether it may compute: + - * / // % **.

    Raises:
        ValueError: it is anything else, longer than 10,000 characters, nested too deeply, or looks
            at no hyperparameter; says which part and the cure.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"has at most {MAX_LENGTH:,} characters, but got {len(text):,}. Split it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on doubtful Python, which is refused below
            tree = ast.parse(text.strip(), mode="eval").body
    except RecursionError:
        raise ValueError("is nested too deeply. Split it.") from None
    except (SyntaxError, UnicodeEncodeError, MemoryError) as error:
        reason = getattr(error, "msg", None) or "it is not Python"
        raise ValueError(f"can't be read: {reason}. Allowed are {_GRAMMAR}.") from None
    return from_tree(tree, arithmetic)


def from_tree(tree: ast.expr, arithmetic: bool = False) -> Expression:
    """Returns the expression of a piece of Python. Raises ValueError as `parse` does."""
    names: dict[str, None] = {}
    try:
        function = compiled(tree, arithmetic, names)
        text = ast.unparse(tree)
        ast.parse(text, mode="eval")
    except RecursionError:
        raise ValueError("is nested too deeply. Split it.") from None
    if not names:
        cure = "Name one, as in optimizer == 'sgd'."
        raise ValueError(f"looks at no hyperparameter. {cure}")
    return Expression(text, tuple(names), function)


def compiled(node: ast.expr, arithmetic: bool, names: dict[str, None], depth: int = 0) -> _Function:
    """Returns a function of the configuration; adds its names to `names`. Raises as `parse`."""
    if depth > _MOST_DEPTH:
        raise ValueError("is nested too deeply. Split it.")
    part = functools.partial(compiled, arithmetic=arithmetic, names=names, depth=depth + 1)
    match node:
        case ast.Name(id=name):
            names[name] = None
            return lambda config: _look(config, name)
        case ast.Constant() | ast.List() | ast.Tuple():
            value = _literal(node)
            return lambda config: value
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=ast.Constant()):
            number = _literal(node)
            return lambda config: number
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = part(operand)
            return lambda config: not inner(config)
        case ast.BoolOp(op=op, values=values):
            parts, stop = [part(value) for value in values], isinstance(op, ast.Or)
            return lambda config: _first(parts, config, stop)
        case ast.Compare(left=left, ops=ops, comparators=others) if not any(
            isinstance(op, ast.Is | ast.IsNot) for op in ops
        ):
            sides = [part(side) for side in (left, *others)]
            tests = [_COMPARISONS[type(op)][1] for op in ops]
            return lambda config: _compare(sides, tests, config)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand) if arithmetic:
            inner, factor = part(operand), -1 if isinstance(sign, ast.USub) else 1
            return lambda config: factor * _number(inner(config))
        case ast.BinOp(left=left, op=op, right=right) if arithmetic and type(op) in _ARITHMETIC:
            return _computed(_ARITHMETIC[type(op)], part(left), part(right))
    raise ValueError(_refusal(node, arithmetic))


def _refusal(node: ast.expr, arithmetic: bool) -> str:
    text = ast.unparse(node)
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    allowed = _GRAMMAR + (", + - * / // % **" if arithmetic else "")
    cure = ""
    if isinstance(node, ast.Compare):
        cure = " Write == in place of is."
    elif isinstance(node, ast.BinOp) and not arithmetic and type(node.op) in _ARITHMETIC:
        cure = " Only constraints may compute."
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        cure = " Write and, or in place of &, |."
    return f"{shown} is not allowed here. Allowed are {allowed}.{cure}"


def _literal(node: ast.expr) -> Any:
    """Returns None, a bool, number, string, or list of these (also for tuples)."""
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=sign, operand=ast.Constant(value=int() | float() as number)) if (
            isinstance(sign, ast.UAdd | ast.USub) and not isinstance(number, bool)
        ):
            return -number if isinstance(sign, ast.USub) else number
        case ast.List(elts=entries) | ast.Tuple(elts=entries):
            return [_literal(entry) for entry in entries]
    raise ValueError(
        f"{ast.unparse(node)[:60]} is not allowed here: a literal is None, True, a number, a "
        "string, or a list of these. Put strings in quotes."
    )


# Evaluating


def _look(config: Mapping[str, Any], name: str) -> Any:
    try:
        return _comparable(config[name])
    except KeyError:
        raise InactiveError(name) from None


def _comparable(value: Any) -> Any:
    return [_comparable(entry) for entry in value] if isinstance(value, list | tuple) else value


def _first(parts: list[_Function], config: Mapping[str, Any], stop: bool) -> Any:
    """Evaluates `or` (`stop` is True) or `and`; returns the deciding part, as Python does."""
    value = None
    for part in parts:
        value = part(config)
        if bool(value) is stop:
            break
    return value


def _compare(
    sides: list[_Function], tests: list[Callable[[Any, Any], Any]], config: Mapping[str, Any]
) -> bool:
    """Evaluates a chain of comparisons; those of unlike types are false."""
    left = sides[0](config)
    for side, test in zip(sides[1:], tests, strict=True):
        right = side(config)
        try:
            if not test(left, right):
                return False
        except TypeError:
            return False
        left = right
    return True


def _computed(operate: Callable[[Any, Any], Any], left: _Function, right: _Function) -> _Function:
    return lambda config: _finite(operate(_number(left(config)), _number(right(config))))


def _number(value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    raise ArithmeticError(f"{type(value).__name__} is not a number")


def _finite(value: Any) -> Any:
    if isinstance(value, complex) or value != value:  # (-8) ** 0.5, inf - inf
        raise ArithmeticError("not a number")
    return value


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int):
        size = abs(base).bit_length() * abs(exponent)
        if size > _MOST_BITS and abs(base) > 1:
            raise OverflowError("too large a power")
    elif math.isinf(base) or math.isinf(exponent):
        return math.pow(base, exponent)
    return base**exponent
