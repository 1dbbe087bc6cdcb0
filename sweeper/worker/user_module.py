"""Describes the user's script or file as a module, and makes it again in a worker."""

import functools
import hashlib
import importlib.util
import linecache
import os
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import cloudpickle

from sweeper.files import private_folder, write_whole
from sweeper.worker.definitions import Definitions, read_definitions
from sweeper.worker.objective_loading import being_loaded

MAIN = "__main__"
_WHILE_IMPORTED = "__mp_main__"  # as in processes that multiprocessing spawns


@dataclass(frozen=True)
class UserModule:
    """A module that workers can't import by its name alone: a script, a file, a notebook.

    Attributes:
        name: the name in `sys.modules`.
        path: its file on the user's machine; None for a notebook or a prompt.
        source: the file's text.
        package: the script's package as `python -m` knows it, else None.
        spec: the name that `python -m` was given, else None.
    """

    name: str
    path: str | None
    source: str
    package: str | None = None
    spec: str | None = None

    def import_it(self) -> None:
        """Runs the source as a module of this process, as an import does.

        In a script everything runs except the block below `if __name__ == "__main__":`.

        Raises:
            Exception: whatever the source raises; SystemExit becomes an ImportError.
        """
        module = self._made(self._file_here())
        module.__name__ = name = _WHILE_IMPORTED if self.name == MAIN else self.name
        sys.modules[name] = sys.modules[self.name] = module
        try:
            with being_loaded(str(module.__file__)):
                exec(compile(self.source, str(module.__file__), "exec"), module.__dict__)
        except SystemExit as error:
            raise ImportError(f"{self.path} ends the process while it is imported") from error
        if name != self.name:
            module.__name__ = self.name
            _rename(module.__dict__, name, self.name)

    def make_bare(self) -> None:
        """Puts an empty module in its place, for copies of its functions to live in."""
        sys.modules[self.name] = self._made(None if self.path is None else self._file_here())

    def _made(self, path: str | None) -> types.ModuleType:
        module = types.ModuleType(self.name)
        module.__dict__["__builtins__"] = __builtins__
        module.__package__ = self.package
        if path is not None:
            module.__file__ = path
        if self.spec is not None:
            module.__spec__ = importlib.util.find_spec(self.spec)
        elif self.name != MAIN and path is not None:
            module.__spec__ = importlib.util.spec_from_file_location(self.name, path)
        return module

    def _file_here(self) -> str:
        """Returns a file with this source here: the original if it exists, else a copy."""
        assert self.path is not None
        if read_source(self.path) == self.source:
            if self.name != MAIN and os.path.dirname(self.path) not in sys.path:
                sys.path.append(os.path.dirname(self.path))  # spawned processes look for it here
            return self.path
        content = self.source.encode(errors="surrogatepass")
        folder = private_folder("sweeper-modules") / hashlib.sha256(content).hexdigest()[:16]
        folder.mkdir(exist_ok=True)
        copy = folder / Path(self.path).name
        if not copy.exists():
            write_whole(copy, lambda file: file.write(content))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
        return str(copy)


def find_user_module(name: str | None) -> UserModule | None:
    """Returns what workers need of a module here; None if they import it as usual."""
    module = sys.modules.get(name or MAIN)
    if module is None or name is None:
        return None
    by_value = name in cloudpickle.list_registry_pickle_by_value()
    if name != MAIN and not (by_value and "." not in name and not hasattr(module, "__path__")):
        return None
    path = getattr(module, "__file__", None)
    path = os.path.abspath(path) if path and path.endswith(".py") else None
    source = None if path is None else read_source(path)
    spec = getattr(getattr(module, "__spec__", None), "name", None) if name == MAIN else None
    package = getattr(module, "__package__", None)
    if source is None:
        return UserModule(name, None, "", package)
    return UserModule(name, path, source, package, spec)


@functools.lru_cache(maxsize=8)
def definitions_of(module: UserModule) -> Definitions | None:
    """Returns what is sure to be the same if a worker imports the module; None without a file."""
    if module.path is None:
        return None
    try:
        return read_definitions(module.source, module.path)
    except (SyntaxError, ValueError):
        return None


def runs_unguarded(module: UserModule, definitions: Definitions) -> bool:
    """Checks if a thread is at the module's top level, at a line that an import runs as well."""
    names = vars(sys.modules[module.name])
    for frame in sys._current_frames().values():
        at: types.FrameType | None = frame
        while at is not None:
            top = at.f_globals is names and at.f_code.co_name == "<module>"
            if top and not definitions.is_guarded(at.f_lineno):
                return True
            at = at.f_back
    return False


def read_source(path: str) -> str | None:
    """Returns the text of a Python file; None if it can't be read."""
    try:
        return importlib.util.decode_source(Path(path).read_bytes())
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


def show_sources(sources: dict[str, str]) -> None:
    """Lets tracebacks and `inspect.getsource` find these texts under files that are not here."""
    for path, text in sources.items():
        if read_source(path) != text:
            linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)


def _rename(names: dict[str, object], old: str, new: str) -> None:
    """Makes `new` the module of all functions and classes that name `old`."""
    for value in list(names.values()):
        if not hasattr(value, "__qualname__") or getattr(value, "__module__", None) != old:
            continue
        try:
            value.__module__ = new
        except (AttributeError, TypeError):
            continue
        if isinstance(value, type):
            _rename(dict(vars(value)), old, new)
