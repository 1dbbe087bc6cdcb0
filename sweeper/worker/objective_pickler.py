"""Pickles an objective so that it lives in the user's own module again when it is loaded."""

import functools
import io
import os
import sys
import types
from collections.abc import Callable, Iterator
from enum import EnumMeta
from typing import Any

import cloudpickle
from cloudpickle import cloudpickle as by_value

from sweeper.worker.definitions import Definitions
from sweeper.worker.user_module import UserModule, definitions_of, find_user_module, runs_unguarded


class NotSettledError(Exception):
    """An import could give another function or class than the one in this process."""


class ObjectivePickler(cloudpickle.Pickler):
    """Pickles what the user's modules define by name, or by value into a module of that name.

    Attributes:
        modules: the modules met so far, by name; None for those that workers import as usual.
        copies: functions and classes by value, by module and name.
        files: the files from which the code of copies comes.
    """

    def __init__(self, stream: io.BytesIO, imports: bool) -> None:
        super().__init__(stream)
        self._imports = imports
        self._met: dict[str, Definitions] = {}
        self.modules: dict[str, UserModule | None] = {}
        self.copies: dict[str, dict[str, Any]] = {}
        self.files: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        """Decides how an object is pickled; NotImplemented means as usual."""
        if isinstance(obj, types.CodeType):
            self.files.add(obj.co_filename)
            make, arguments = by_value._code_reduce(obj)
            return _code, (make, arguments, obj.co_filename)
        if isinstance(obj, types.ModuleType):
            own = self._user_module(obj.__name__)
            return (_module, (own.name,)) if own else NotImplemented
        if not _has_a_name(obj):
            return super().reducer_override(obj)
        module = self._user_module(obj.__module__)
        if module is not None and _is_there(module.name, obj):
            if self._imports:
                self._check_settled(module, obj)
                return (
                    _found,
                    (module.name, obj.__qualname__),
                    self._state(module, obj),
                    None,
                    None,
                    _set_state,
                )
            self.copies.setdefault(module.name, {})[obj.__qualname__] = obj
            if isinstance(obj, functools._lru_cache_wrapper):
                return _cached, (obj.__wrapped__, obj.cache_parameters())
        return super().reducer_override(obj)

    def _user_module(self, name: Any) -> UserModule | None:
        """Returns the module of that name if it is the user's own; its functions live in it."""
        if not isinstance(name, str):
            return None
        if name not in self.modules:
            module = self.modules[name] = find_user_module(name)
            if module is not None:
                self.globals_ref[id(vars(sys.modules[name]))] = _Names(name)
                if self._imports:
                    definitions = definitions_of(module)
                    if definitions is None or runs_unguarded(module, definitions):
                        raise NotSettledError
                    self._met[name] = definitions
        return self.modules[name]

    def _check_settled(self, module: UserModule, obj: Any) -> None:
        definitions = self._met[module.name]
        name = obj.__qualname__.partition(".")[0]
        if name not in definitions.settled:
            raise NotSettledError
        own = [obj] if isinstance(obj, types.FunctionType) else []
        if isinstance(obj, type):
            own = [value for value in vars(obj).values() if isinstance(value, types.FunctionType)]
        for function in own:
            code = function.__code__
            from_decorator = name in definitions.decorated or isinstance(obj, type)
            elsewhere = os.path.abspath(code.co_filename) != module.path
            if not (definitions.has(code) or (from_decorator and elsewhere)):
                raise NotSettledError

    def _state(self, module: UserModule, obj: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns the global names that `obj` reaches, and its attributes that may have changed."""
        names = vars(sys.modules[module.name])
        reached: dict[str, Any] = {}
        for function in _functions(obj, names):
            for name in by_value._extract_code_globals(function.__code__):
                if name in names:
                    reached[name] = names[name]
        return reached, _changeable(obj)


class _Names(dict[str, Any]):
    """A stand-in for a module's namespace, so that functions by value live in it."""

    def __init__(self, module: str) -> None:
        super().__init__(__name__=module)

    def __reduce__(self) -> Any:
        return _names, (self["__name__"],)


# The functions that a worker runs with it


def _names(module: str) -> dict[str, Any]:
    return vars(sys.modules[module])


def _module(name: str) -> types.ModuleType:
    return sys.modules[name]


def _code(make: Callable[..., types.CodeType], arguments: tuple[Any, ...], file: str) -> Any:
    return make(*arguments).replace(co_filename=file)


def _cached(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _found(module: str, name: str) -> Any:
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _set_state(obj: Any, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    reached, own = state
    vars(sys.modules[obj.__module__]).update(reached)
    for name, value in own.items():
        setattr(obj, name, value)


# Kinds of objects


def _has_a_name(obj: Any) -> bool:
    """Checks for a function, a class, or the wrapper that `functools.cache` makes of one."""
    if isinstance(obj, types.FunctionType | type):
        return True
    try:  # without asking an object that forwards attributes to another
        own = object.__getattribute__(obj, "__dict__")
    except AttributeError:
        return False
    return "__wrapped__" in own and isinstance(own.get("__qualname__"), str)


def _is_there(module: str, obj: Any) -> bool:
    """Checks whether the module has it under its own name."""
    try:
        return _found(module, obj.__qualname__) is obj
    except AttributeError:
        return False


def _functions(obj: Any, names: dict[str, Any]) -> Iterator[types.FunctionType]:
    """Yields all functions of a module's namespace inside of a function or class."""
    seen: set[int] = set()
    open_ = [obj]
    while open_:
        one = open_.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, types.FunctionType):
            if one.__globals__ is names:
                yield one
            cells = [cell for cell in one.__closure__ or () if cell != types.CellType()]
            open_ += [cell.cell_contents for cell in cells]
        elif isinstance(one, type):
            if one.__module__ == names.get("__name__"):
                open_ += [*vars(one).values(), *one.__mro__[1:]]
        elif isinstance(one, functools.partial):
            open_.append(one.func)
        inner = ("__wrapped__", "__func__", "fget", "fset", "fdel", "func")
        if not isinstance(one, type):
            open_ += [
                f for a in inner if isinstance(f := getattr(one, a, None), types.FunctionType)
            ]


_CONTAINERS = (list, dict, set, bytearray)


def _changeable(obj: Any) -> dict[str, Any]:
    """Returns attributes of a function or class that the program may have changed unnamed."""
    if isinstance(obj, types.FunctionType):
        changeable = any(isinstance(value, _CONTAINERS) for value in obj.__defaults__ or ())
        return {"__defaults__": obj.__defaults__} if changeable else {}
    if not isinstance(obj, type) or isinstance(obj, EnumMeta):
        return {}
    return {
        name: value
        for name, value in vars(obj).items()
        if isinstance(value, _CONTAINERS) and not name.startswith("__")
    }
