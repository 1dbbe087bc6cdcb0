"""Packs the objective for a worker, where the user's module is as it is at home.

Definitions of a script or a file are pickled by name, and a worker imports the source, as processes
spawned by multiprocessing do: so its classes can be pickled there, and their source is found. The
module's data (global names that the objective reaches and that are neither functions nor classes)
travel as they are at home, since the program may have set them after its imports.

Where an import is not sure to give the same functions (a notebook; a script without
`if __name__ == "__main__":`; a function that is set, wrapped or changed at run time), everything is
copied by value instead, as cloudpickle does.
"""

import io
import linecache
import pickle
import sys
import sysconfig
import types
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sweeper.worker.objective import Objective
from sweeper.worker.objective_pickler import NotSettledError, ObjectivePickler
from sweeper.worker.plain_process import bare_main, home_arguments
from sweeper.worker.user_module import UserModule, find_user_module, read_source, show_sources

_MOST_IN_RESERVE = 16 << 20  # bytes of a second pickle, for workers that can't import


_PACKAGES = tuple({sysconfig.get_path(kind) for kind in ("purelib", "platlib")})


@dataclass(frozen=True)
class Packed:
    """A pickle, and the modules that must exist before it is loaded."""

    pickled: bytes
    modules: tuple[UserModule, ...]
    imports: bool  # whether the modules are imported, or created to hold copies
    sources: dict[str, str] = field(default_factory=dict)  # file → text, of what is copied

    def load(self) -> Objective:
        """Returns the objective, in its module."""
        for module in self.modules:
            module.import_it() if self.imports else module.make_bare()
        show_sources(self.sources)
        unpickler = pickle.Unpickler(io.BytesIO(self.pickled))
        objective: Objective = unpickler.load()
        for name, definitions in unpickler.load().items():
            for key, value in definitions.items():
                value.__qualname__ = key  # copies of nested classes lack these
                if "." not in key:
                    vars(sys.modules[name]).setdefault(key, value)
        return objective


@dataclass(frozen=True)
class PackedObjective:
    """An objective for other processes; call `load` there.

    Attributes:
        first: the form that is loaded.
        reserve: another form, if the user's module can't be imported there.
        arguments: `sys.argv` in the user's program.
        libraries: installed packages that the objective's module has imported.
    """

    first: Packed
    reserve: Packed | None
    arguments: tuple[str, ...]
    libraries: tuple[str, ...]

    def load(self) -> Objective:
        """Returns the objective. `__main__` is the user's script if it is defined there, or empty.

        Raises:
            Exception: whatever loading it raises.
        """
        bare_main()
        try:
            return self.first.load()
        except Exception as error:
            if self.reserve is None or not self.first.imports:
                raise
            files = ", ".join(str(module.path) for module in self.first.modules)
            print(
                f"sweeper: {files} can't be imported here ({type(error).__name__}: {error}), so "
                "the objective is a copy, whose classes other processes don't find. Put what is "
                "not a definition below `if __name__ == '__main__':`.",
                file=sys.stderr,
            )
        bare_main()
        return self.reserve.load()


def pack_objective(objective: Objective) -> PackedObjective:
    """Packs an objective for other processes.

    Raises:
        Exception: it can't be pickled.
    """
    reserve: Packed | None = None
    try:
        first = _pack(objective, imports=True)
    except NotSettledError:
        first = _pack(objective, imports=False)
    if first.modules and first.imports and len(first.pickled) < _MOST_IN_RESERVE:
        reserve = _pack(objective, imports=False)
    module = find_user_module(getattr(_function(objective), "__module__", None))
    file = (module and module.path) or sys.argv[0]
    return PackedObjective(first, reserve, tuple(home_arguments(file)), _libraries(objective))


def _pack(objective: Objective, imports: bool) -> Packed:
    stream = io.BytesIO()
    pickler = ObjectivePickler(stream, imports)
    pickler.dump(objective)
    pickler.dump({} if imports else dict(pickler.copies))
    sources = {path: text for path in pickler.files if (text := _text(path)) is not None}
    modules = tuple(module for module in pickler.modules.values() if module is not None)
    return Packed(stream.getvalue(), modules, imports, sources)


def _function(objective: Any) -> Any:
    """Returns the named part: the function, or the class of an object."""
    function = objective.func if isinstance(objective, partial) else objective
    return function if hasattr(function, "__qualname__") else type(function)


def _text(path: str) -> str | None:
    """Returns the source of a file or notebook cell; None for what is installed everywhere."""
    if path.startswith((*_PACKAGES, sysconfig.get_path("stdlib"))):
        return None
    return read_source(path) or "".join(linecache.getlines(path)) or None


def _libraries(objective: Objective) -> tuple[str, ...]:
    """Returns modules of installed packages that the objective's module has imported, or from
    which it has imported something.
    """
    names = getattr(_function(objective), "__module__", None)
    module = sys.modules.get(names or "")
    found = map(_origin, vars(module or types.ModuleType("none")).values())
    files = {name: getattr(sys.modules.get(name), "__file__", None) or "" for name in found}
    installed = {name for name, file in files.items() if file.startswith(_PACKAGES)}
    return tuple(sorted(installed | ({"torch"} & set(sys.modules))))


def _origin(value: Any) -> str:
    """Returns the name of a module, or of the one where a function, class or object comes from."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    name = (value if isinstance(value, type | types.FunctionType) else type(value)).__module__
    return name if isinstance(name, str) else ""
