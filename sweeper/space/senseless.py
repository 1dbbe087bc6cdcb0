"""Finds constraints that no configuration can fulfil, since they can never be computed."""

import ast
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from sweeper.space.conditions import laws
from sweeper.space.distributions import describe, is_distribution
from sweeper.space.expressions import compiled

_DIVISIONS = (ast.Div, ast.FloorDiv, ast.Mod)
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def senseless(text: str, entries: Mapping[str, Any]) -> str | None:
    """Says why a constraint fails for every configuration; None if no reason is seen.

    It finds constants that can't be computed (`1 / 0`), division by a constant 0, arithmetic with
    values that are never numbers, and comparisons of numbers with such values.

    Args:
        text: a constraint that can be read.
        entries: of the space, checked.
    """
    tree = ast.parse(text, mode="eval").body
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and (fault := _not_computable(node, entries)):
            return fault
    for node in _parts(tree):
        if isinstance(node, ast.Compare) and (fault := _not_comparable(node, entries)):
            return fault
    return None


def _parts(tree: ast.expr) -> Iterator[ast.expr]:
    """Yields the parts that must all be true for the whole to be true."""
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        for value in tree.values:
            yield from _parts(value)
    else:
        yield tree


def _not_computable(node: ast.BinOp, entries: Mapping[str, Any]) -> str | None:
    whole = ast.unparse(node)
    for side in (node.left, node.right):
        if _is_number(side, entries) is False:
            return f"{whole} can't be computed: {_never_a_number(side, entries)}."
    if isinstance(node.op, _DIVISIONS) and _constant(node.right) == 0:
        return f"{whole} can't be computed: it divides by 0."
    if not _names(node):
        try:
            compiled(node, True, {})({})
        except ArithmeticError as error:
            return f"{whole} can't be computed: {error}."
    return None


def _not_comparable(node: ast.Compare, entries: Mapping[str, Any]) -> str | None:
    sides = [node.left, *node.comparators]
    for (one, other), order in zip(itertools.pairwise(sides), node.ops, strict=True):
        kinds = [_is_number(side, entries) for side in (one, other)]
        if isinstance(order, _ORDERS) and True in kinds and False in kinds:
            number, none = (one, other) if kinds[0] else (other, one)
            return (
                f"{ast.unparse(node)} holds for no configuration: {ast.unparse(number)} is a "
                f"number, and {_never_a_number(none, entries)}."
            )
    return None


def _constant(node: ast.expr) -> Any:
    """Returns the value of an expression without hyperparameters; None if it has no value."""
    try:
        return None if _names(node) else compiled(node, True, {})({})
    except ArithmeticError:
        return None


def _names(node: ast.expr) -> list[str]:
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]


def _is_number(node: ast.expr, entries: Mapping[str, Any]) -> bool | None:
    """Returns True if it is always a number, False if never; None if sometimes, or if not known."""
    match node:
        case ast.BinOp() | ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return True
        case ast.Constant(value=value):
            return isinstance(value, int | float)
        case ast.List() | ast.Tuple():
            return False
        case ast.Name(id=name):
            kinds = {kind for law in laws(entries[name]) for kind in _kinds(law)}
            return kinds.pop() if len(kinds) == 1 else None
    return None


def _kinds(law: Any) -> set[bool]:
    """Returns which of True and False the law's values give when asked if they are numbers."""
    if is_distribution(law):
        return {True}
    values = law if isinstance(law, list | tuple) else [law]
    return {isinstance(value, int | float) for value in values}


def _never_a_number(node: ast.expr, entries: Mapping[str, Any]) -> str:
    if not isinstance(node, ast.Name):
        return f"{ast.unparse(node)} is not a number"
    return f"{node.id} is never a number, but {describe(next(iter(laws(entries[node.id]))))}"
