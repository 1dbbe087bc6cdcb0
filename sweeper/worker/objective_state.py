"""Finds what the error is computed from, as far as an objective shows it without being run.

A function reads global names, values it closes over, defaults, and the object it is bound to; it
calls other functions, which do the same. All of this that belongs to the user's own modules is
followed, so that a resume can say what has changed since the sweep began.
"""

import functools
import types
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path, PurePath
from typing import Any

from sweeper.space.text import to_text
from sweeper.worker.look_up import look_up
from sweeper.worker.object_state import attributes, class_attributes
from sweeper.worker.own_modules import comes_from_surroundings, file_of, is_own, label_of
from sweeper.worker.reads import (
    CACHED,
    Chain,
    closed_over,
    defaults_of,
    functions_in,
    reads_of,
    source_of,
)
from sweeper.worker.value_text import digest, is_told, shorten, value_text
from sweeper.worker.whole_files import whole_files

_MOST = 300  # entries of each kind
_MOST_FOLLOWED = 1_000  # functions and classes
_OF_COMMANDS = "sweeper.worker.command"  # needs definitions that come after this file


def objective_state(objective: Any) -> dict[str, dict[str, str]]:
    """Returns what an objective reaches: the same in every process with the same code and values.

    `sources` maps functions, classes and modules to a digest of their source; `values` maps
    closed-over, default and global values and the state of bound objects to texts; `surroundings`
    does so for paths and for what the time, machine or environment have set. What the code itself
    changes, such as a counter, is left out; objects of foreign classes are described by their
    class.
    """
    walk = _Walk()
    walk.follow(objective)
    return walk.found()


def held_values(objective: Any) -> list[tuple[str, Any]]:
    """Returns the values that an objective holds or reaches, with a name for each."""
    walk = _Walk()
    walk.follow(objective)
    return [(held.label, held.value) for held in walk.held]


@dataclass
class _Held:
    label: str  # such as `factor of mine.objective`
    place: tuple[str, Chain]  # a module or function, and the name with its attributes there
    value: Any
    text: str
    loose: bool  # may differ elsewhere without harm


class _Walk:
    """Follows what an objective reaches, each thing once."""

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self.held: list[_Held] = []
        self.written: set[tuple[str, Chain]] = set()
        self.waiting: deque[Callable[[], None]] = deque()
        self.seen: dict[int, tuple[Any, str]] = {}  # keeps things alive, so that no id comes again
        self.labels: set[str] = set()
        self.loose = False  # whether the value being described holds a path

    def follow(self, objective: Any) -> None:
        """Follows all that an objective reaches."""
        self._callable(objective)
        for _ in range(_MOST_FOLLOWED):
            if self.waiting:
                self.waiting.popleft()()

    def found(self) -> dict[str, dict[str, str]]:
        """Returns the result for `objective_state`."""
        values: dict[str, str] = {}
        surroundings: dict[str, str] = {}
        changed = {id(held.value) for held in self.held if self._is_written(held)}
        for held in self.held:
            # What one function changes may be known to another by another name.
            same = id(held.value) in changed and type(held.value) in (list, dict, set)
            if same or self._is_written(held):
                continue
            into = surroundings if held.loose else values
            if len(into) < _MOST:
                into[_free(held.label, into)] = held.text
        sources = dict(list(self.sources.items())[:_MOST])
        return {"sources": sources, "values": values, "surroundings": surroundings}

    def _is_written(self, held: _Held) -> bool:
        space, chain = held.place
        return any((space, chain[:n]) in self.written for n in (1, 2))

    # Code

    def _callable(self, called: Any) -> None:
        if type(called) is functools.partial:
            arguments = {str(i): value for i, value in enumerate(called.args)} | called.keywords
            for name, value in arguments.items():
                if to_text(value) is None:  # others are reported with the fixed arguments
                    self._value(f"argument {name}", ("", (name,)), value)
            self._callable(called.func)
        elif type(called) is types.MethodType:
            self._reach(called.__func__)
            if not issubclass(type(called.__self__), type):
                self._value("self", ("", ("self",)), called.__self__)
        elif type(called).__module__ == _OF_COMMANDS:
            for file in called.files():
                self.sources |= whole_files(file, Path(file))
        elif not self._reach(called):
            told = [f.name for f in fields(called)] if is_dataclass(called) else []
            self._object("self", ("", ("self",)), called, told)

    def _reach(self, thing: Any) -> str | None:
        """Returns a label for a function, class or module, to follow later; None for others."""
        kind = type(thing)
        if kind in (staticmethod, classmethod, CACHED):
            return self._reach(thing.__wrapped__)
        if kind is types.FunctionType:
            module, name = thing.__globals__.get("__name__"), thing.__code__.co_qualname
            return self._named(thing, module, name, self._function)
        if issubclass(kind, type):
            return self._named(thing, thing.__module__, thing.__qualname__, self._class)
        if kind is types.ModuleType:
            return self._named(thing, thing.__name__, "", self._module)
        return None

    def _named(self, thing: Any, module: Any, name: str, follow: Callable[[Any, str], None]) -> str:
        if id(thing) in self.seen:
            return self.seen[id(thing)][1]
        own = is_own(module)
        label = f"{label_of(module) if own else module}.{name}".rstrip(".")
        label = label.replace(".<locals>", "")
        if own:
            label = _free(label, self.labels)
            self.labels.add(label)
            self.seen[id(thing)] = thing, label
            self.waiting.append(lambda: follow(thing, label))
        return label

    def _function(self, function: types.FunctionType, label: str) -> None:
        source, code = source_of(function), function.__code__
        # For code typed into a prompt nothing else is known.
        self.sources[label] = digest(source or f"{code.co_code.hex()} {code.co_names}")
        reads, closed, known = reads_of(code, source), closed_over(function), function.__globals__
        space = label_of(known["__name__"])
        self.written |= {(label if c[0] in code.co_freevars else space, c) for c in reads.written}
        for name, value in defaults_of(function):
            self._value(f"default {name} of {label}", (label, (f"default {name}",)), value)
        for chain in reads.chains:
            if chain[0] in closed:
                self._chain(chain, closed[chain[0]], label, None)
            elif chain[0] in known and chain[0] not in code.co_freevars:
                self._chain(chain, known[chain[0]], space, known.get("__file__"))
        package = str(known.get("__package__") or "").split(".")
        for name, dots in reads.imported:  # inside the function: such modules count as a whole
            whole = ".".join([*package[: len(package) - dots + 1], name]) if dots else name
            path = file_of(whole)
            if path is not None:
                self.sources |= whole_files(whole, path)

    def _class(self, kind: type, label: str) -> None:
        if source := source_of(kind):
            self.sources[label] = digest(source)
        for base in kind.__bases__:
            self._reach(base)
        for value in vars(kind).values():
            for function in functions_in(value):
                self._reach(function)
        for name, value in class_attributes(kind):
            self._value(f"{label}.{name}", (label, (name,)), value)

    def _module(self, module: types.ModuleType, label: str) -> None:
        if source := source_of(module):
            self.sources[label] = digest(source)

    # Values

    def _chain(self, chain: Chain, value: Any, space: str, file: Any) -> None:
        """Follows what a function reads by a name, in a module with a file or in itself."""
        found = look_up(chain, value, space, file)
        if found is not None:
            of_function = found.space == space and space in self.labels
            label = f"{found.name} of {space}" if of_function else f"{found.space}.{found.name}"
            self._value(label, (found.space, found.chain), found.value, found.file)

    def _value(self, label: str, place: tuple[str, Chain], value: Any, file: Any = None) -> None:
        kind, name = type(value), self._reach(value)
        if name is not None:
            # An object that keeps the name of its definition is covered by its source.
            if place[1][-1] != name.rpartition(".")[2]:
                self._note(label, place, value, name)
        elif is_own(kind.__module__) and not is_told(kind):
            self._object(label, place, value)
        else:
            text = value_text(value, self._other)
            self._note(label, place, value, text, comes_from_surroundings(file, place[1][0]))

    def _object(
        self, label: str, place: tuple[str, Chain], value: Any, told: Collection[str] = ()
    ) -> None:
        """Describes an object, one attribute at a time, if its class is the user's own.

        Args:
            label, place, value: as for any value.
            told: attributes that are described elsewhere, if they have a text.
        """
        state = self._attributes(value)
        if state is None:
            self._note(label, place, value, self._other(value, 0))
            return
        kind = self._reach(type(value))
        if label != "self":
            self._note(label, place, value, f"a {kind}")
        for name, attribute in state:
            if name not in told or to_text(attribute) is None:
                head, of, tail = label.partition(" of ")
                text = value_text(attribute, self._other)
                inside = place[0], (*place[1], name)
                self._note(f"{head}.{name}{of}{tail}", inside, attribute, text)

    def _attributes(self, value: Any) -> list[tuple[str, Any]] | None:
        """Returns the attributes of an object not described before; None if it has none."""
        if id(value) in self.seen:
            return None
        found = attributes(value)
        if found is not None:
            self.seen[id(value)] = value, ""
        return found

    def _other(self, value: Any, depth: int) -> str:
        """Returns a text for a value that is neither plain nor a container."""
        name = self._reach(value)
        if name is not None:
            return name
        kind = type(value)
        if issubclass(kind, PurePath):
            self.loose = True
            return f"path {PurePath.__str__(value)}"
        if kind is functools.partial:
            return f"partial{value_text((value.func, value.args, value.keywords), self._other)}"
        if kind is types.MethodType:
            return f"{self._reach(value.__func__)} of {value_text(value.__self__, self._other)}"
        state = self._attributes(value) if depth <= 4 else None
        called = self._reach(kind)
        if state is None:
            return f"a {called}"
        texts = [f"{name}={value_text(one, self._other, depth + 1)}" for name, one in state]
        return shorten(f"{called}({', '.join(texts)})")

    def _note(
        self, label: str, place: tuple[str, Chain], value: Any, text: str, loose: bool = False
    ) -> None:
        self.held.append(_Held(label, place, value, text, loose or self.loose))
        self.loose = False


def _free(label: str, taken: Collection[str]) -> str:
    """Returns the label, with a number if it is taken."""
    number, free = 2, label
    while free in taken:
        number, free = number + 1, f"{label} ({number})"
    return free
