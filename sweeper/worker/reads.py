"""Finds what a function's code reads and writes beyond its own variables, without running it."""

import ast
import dis
import functools
import inspect
import linecache
import os
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from tokenize import TokenError
from types import CodeType, FunctionType
from typing import Any

_READ = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF")
_READ_FROM = ("LOAD_FROM_DICT_OR_GLOBALS", "LOAD_FROM_DICT_OR_DEREF")  # in classes, Python 3.12
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
_WRITTEN = ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF")
_BEGINNINGS = ("__init__", "__new__", "__post_init__", "__setstate__", "__init_subclass__")
# Methods of Python's containers, and of similar classes, that change their object.
_CHANGES = {
    *("append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "popleft"),
    *("remove", "discard", "clear", "sort", "reverse", "appendleft", "extendleft", "write", "put"),
    *("difference_update", "intersection_update", "symmetric_difference_update", "fill_", "copy_"),
}

CACHED = type(functools.lru_cache(lambda: None))

Chain = tuple[str, ...]  # a name and the attributes read of it: np.random.rand


@dataclass
class Reads:
    """The names that a function or class uses beyond its own variables.

    Attributes:
        chains: names with the attributes read of them, in code order.
        written: names, and names with an attribute, that are reassigned or changed; values that the
            code itself changes are not inputs of what it computes.
        attributes: attributes of any object that are set after its creation.
        imported: modules that are imported inside, with the number of dots before them.
    """

    chains: list[Chain] = field(default_factory=list)
    written: set[Chain] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    imported: list[tuple[str, int]] = field(default_factory=list)


def reads_of(code: CodeType, source: str | None) -> Reads:
    """Returns what a piece of code reads and writes; with its source more is found."""
    found = Reads()
    for part in _nested(code):
        _read_code(part, found)
    found.chains = list(dict.fromkeys(found.chains))
    if source is not None:
        names = {chain[0] for chain in found.chains}  # others are variables of its own
        seen = Reads()
        _read_source(source, seen)
        found.written |= {chain for chain in seen.written if chain[0] in names}
        found.imported = seen.imported
    return found


def source_of(named: Any) -> str | None:
    """Returns the source of a function, class or module; None if there is none, as in a prompt."""
    kind = type(named)
    with suppress(
        OSError, TypeError, SyntaxError, ValueError, IndexError, RecursionError, TokenError
    ):
        # By the code, since `inspect` would take a decorated function for the one it wraps.
        # `inspect` alone finds the same, but searches all modules for each.
        if kind is FunctionType:
            linecache.checkcache(named.__code__.co_filename)
            lines = linecache.getlines(named.__code__.co_filename)
            return "".join(inspect.getblock(lines[named.__code__.co_firstlineno - 1 :])) or None
        if issubclass(kind, type):
            file = getattr(sys.modules.get(named.__module__), "__file__", None)
            known = _classes_of(file, os.stat(file).st_mtime_ns) if file else {}
            if named.__qualname__ in known:
                return known[named.__qualname__]
        return inspect.getsource(named)
    return None


@functools.lru_cache(maxsize=256)
def _classes_of(file: str, changed: int) -> dict[str, str]:
    """Returns the sources of the classes in a file by qualified name; of two the last counts."""
    linecache.checkcache(file)
    lines = linecache.getlines(file)
    found: dict[str, str] = {}

    def look(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = prefix
            if isinstance(child, ast.ClassDef):
                first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
                found[prefix + child.name] = "".join(lines[first - 1 : child.end_lineno])
                inner = f"{prefix}{child.name}."
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = f"{prefix}{child.name}.<locals>."
            look(child, inner)

    look(ast.parse("".join(lines)), "")
    return found


def written_attributes(source: str | None) -> set[str]:
    """Returns the attributes that a class's methods change after an object's creation."""
    found = Reads()
    if source is not None:
        _read_source(source, found)
    return found.attributes


def defaults_of(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yields the arguments of a function that have a default, with it."""
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    yield from zip(names[len(names) - len(defaults) :], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()


def closed_over(function: FunctionType) -> dict[str, Any]:
    """Returns what a function closes over, as far as it has a value already."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # it has none yet
            found[name] = cell.cell_contents
    found.pop("__class__", None)  # what super() needs
    return found


def functions_in(value: Any) -> list[Any]:
    """Returns the functions in a member of a class: methods, properties, nested classes.

    Methods without a file, such as those that `dataclass` makes, are covered by the class.
    """
    kind = type(value)
    if kind is FunctionType and value.__code__.co_filename == "<string>":
        return []
    if kind in (FunctionType, staticmethod, classmethod, CACHED) or issubclass(kind, type):
        return [value]
    if kind is property:
        return [part for part in (value.fget, value.fset, value.fdel) if part is not None]
    return [value.func] if kind is functools.cached_property else []


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from _nested(constant)


def _read_code(code: CodeType, found: Reads) -> None:
    chain: Chain = ()
    for step in dis.get_instructions(code):
        if step.opname in _ATTRIBUTE and chain:
            if step.argval in _CHANGES:
                found.written.add(chain)
            chain = (*chain, step.argval)
            continue
        if chain:
            found.chains.append(chain)
        chain = (step.argval,) if step.opname in (*_READ, *_READ_FROM) else ()
        if step.opname in _WRITTEN and (step.opname != "STORE_DEREF" or _is_free(code, step)):
            found.written.add((step.argval,))
    if chain:
        found.chains.append(chain)


def _is_free(code: CodeType, step: dis.Instruction) -> bool:
    return step.argval in code.co_freevars


def _read_source(source: str, found: Reads) -> None:
    try:
        tree = ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError, RecursionError):  # part of a statement, as around a lambda
        return
    for node, in_making in _walk(tree, False):
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                _write(node, found, in_making)
            case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
                _write(value, found, in_making)
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _CHANGES:
                _write(value, found, in_making)
            case ast.Import(names=names):
                found.imported += [(name.name, 0) for name in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                prefix = f"{module}." if module else ""
                found.imported += [(module, level)] if module else []
                found.imported += [(prefix + name.name, level) for name in names]


def _walk(node: ast.AST, in_making: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yields each node, and whether it is in a method that creates an object."""
    yield node, in_making
    making = in_making or (isinstance(node, ast.FunctionDef) and node.name in _BEGINNINGS)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, making)


def _write(node: ast.expr, found: Reads, in_making: bool) -> None:
    """Notes that the target of a node is changed: `x`, `x.y`, `x[…].y`."""
    chain: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute):
            chain.insert(0, node.attr)
        node = node.value
    if chain and not in_making:
        found.attributes.add(chain[0])
    if isinstance(node, ast.Name):
        found.written.add((node.id, *chain[:1]))
