"""Reads off a file's source, without running it, what an import is sure to define."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Definitions:
    """The functions and classes that are the same after each import of a file.

    Attributes:
        settled: names bound by one `def` or `class` at the file's top level, and changed by nothing
            else in the file.
        decorated: the `settled` names that have decorators.
        codes: the code of each function in the file, by (qualified name, first line).
        guarded: the first and last lines below `if __name__ == "__main__":`.
    """

    settled: frozenset[str]
    decorated: frozenset[str]
    codes: dict[tuple[str, int], CodeType]
    guarded: list[tuple[int, int]]

    def has(self, code: CodeType) -> bool:
        """Checks whether a function's code is in this source."""
        return self.codes.get((code.co_qualname, code.co_firstlineno)) == code

    def is_guarded(self, line: int) -> bool:
        """Checks whether this line of the top level is skipped by an import."""
        return any(first <= line <= last for first, last in self.guarded)


def read_definitions(source: str, path: str) -> Definitions:
    """Reads the definitions of a file.

    Raises:
        SyntaxError, ValueError: the source is not Python.
    """
    tree = ast.parse(source, path)
    compiled = compile(source, path, "exec", dont_inherit=True)
    bound: Counter[str] = Counter(_bound(tree))
    changed = set(_changed(tree))
    definitions = {node.name: node for node in tree.body if isinstance(node, _DEFINITIONS)}
    settled = {
        name: node
        for name, node in definitions.items()
        if bound[name] == 1 and name not in changed and not _changes_itself(node)
    }
    return Definitions(
        frozenset(settled),
        frozenset(name for name, node in settled.items() if node.decorator_list),
        {(code.co_qualname, code.co_firstlineno): code for code in _codes(compiled)},
        [(node.lineno, node.end_lineno or 0) for node in tree.body if _is_guard(node)],
    )


def _bound(node: ast.AST) -> Iterator[str]:
    """Yields names that the module's own scope binds, once per binding, `global` ones included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _DEFINITIONS):
            yield child.name
            yield from _bound_from_inside(child)
            continue
        if isinstance(child, ast.Lambda):
            continue
        if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
            yield child.id
        elif isinstance(child, ast.alias):
            yield (child.asname or child.name).partition(".")[0]
        elif isinstance(child, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and child.name:
            yield child.name
        elif isinstance(child, ast.MatchMapping) and child.rest:
            yield child.rest
        yield from _bound(child)


def _bound_from_inside(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global):
            yield from inner.names


def _changed(tree: ast.AST) -> Iterator[str]:
    """Yields names that have an attribute set or deleted somewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            if isinstance(node.value, ast.Name):
                yield node.value.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = node.args[0] if node.args else None
            if node.func.id in ("setattr", "delattr") and isinstance(first, ast.Name):
                yield first.id


def _changes_itself(node: _Definition) -> bool:
    """Checks whether a class sets its own attributes: `cls.x = …`, `type(self).x = …`."""
    if not isinstance(node, ast.ClassDef):
        return False
    if "cls" in _changed(node):
        return True
    return any(
        isinstance(inner, ast.Attribute)
        and not isinstance(inner.ctx, ast.Load)
        and ast.unparse(inner.value) in ("type(self)", "self.__class__")
        for inner in ast.walk(node)
    )


def _is_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in (
        "__name__ == '__main__'",
        "'__main__' == __name__",
    )


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
