"""Imports the function that `module:function` or `file.py:function` names."""

import importlib
import importlib.util
import multiprocessing
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeper.worker.own_modules import is_own_file

_being_loaded: list[str] = []  # files that are executed to find an objective in them


class SweepWhileLoadingError(RuntimeError):
    """A script that is imported for its objective starts a sweep of its own."""


def load_objective(reference: str) -> Any:
    """Returns the function that `module:function` or `file.py:function` names.

    Raises:
        ValueError: the reference has another form, or there is no such function.
        FileNotFoundError: there is no such file.
        ImportError: the module can't be imported: there is none, or it raises an exception, which
            is named with its place.
        SweepWhileLoadingError: it starts a sweep.
    """
    place, colon, name = reference.rpartition(":")
    if not (place and colon and name):
        raise ValueError(f"{reference!r}: must be module:function or file.py:function.")
    if place.endswith(".py") and not Path(place).is_file():
        raise FileNotFoundError(f"{place}: no such file.")
    try:
        with being_loaded(place):
            module = _load_file(Path(place)) if place.endswith(".py") else _import(place)
    except (KeyboardInterrupt, SweepWhileLoadingError):
        raise
    except BaseException as error:  # SystemExit too: without this no sweep would run
        raise ImportError(_why_not_loaded(place, error)) from error
    if not callable(getattr(module, name, None)):
        there = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise ValueError(f"{reference}: {place} has no function {name!r}; it has {there}.")
    return getattr(module, name)


@contextmanager
def being_loaded(place: str) -> Iterator[None]:
    """Keeps a file or module from starting a sweep while it is imported for its objective."""
    _being_loaded.append(place)
    try:
        yield
    finally:
        _being_loaded.pop()


def refuse_while_loading() -> None:
    """Keeps a script that is only imported for its objective from starting its own sweep.

    Raises:
        SweepWhileLoadingError: a file is being imported to find an objective in it, or by a process
            that multiprocessing is spawning.
    """
    spawning = getattr(multiprocessing.current_process(), "_inheriting", False)
    if spawning and not _being_loaded:
        raise SweepWhileLoadingError(
            "A process that is being spawned imports this script, which starts a sweep. Put the "
            "call of sweeper.run under `if __name__ == '__main__':`."
        )
    if _being_loaded:
        raise SweepWhileLoadingError(
            f"{_being_loaded[-1]} starts a sweep while it is imported to find the objective. "
            "Put the call of sweeper.run under `if __name__ == '__main__':`."
        )


def _import(module: str) -> Any:
    sys.path.insert(0, os.getcwd())
    return importlib.import_module(module)


def _load_file(path: Path) -> Any:
    """Loads a module from a file; it travels to workers whole, and finds modules beside it."""
    import cloudpickle

    sys.path.insert(0, str(path.parent.absolute()))
    name = path.stem if path.stem not in sys.modules else f"objective_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # as after an import that fails
        raise
    cloudpickle.register_pickle_by_value(module)
    return module


def _why_not_loaded(place: str, error: BaseException) -> str:
    """Says where loading failed, and with which exception."""
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if _is_users(frame.filename)]
    if isinstance(error, SyntaxError):
        line = "" if error.lineno is None else f", line {error.lineno}"  # as with a null byte
        where, what = f"{error.filename or place}{line}", error.msg
    elif users:
        where, what = f"{users[-1].filename}, line {users[-1].lineno}", str(error)
    elif isinstance(error, ModuleNotFoundError) and place.startswith(error.name or place):
        return str(error)  # there is no such module
    else:
        where, what = place, str(error)
    text = f"{place} can't be loaded: {where}: {type(error).__name__}: {what}"
    if not isinstance(error, SystemExit):
        return text
    return (
        f"{text}. It ends the process when it is imported to find the objective. Put what only the "
        "script does under `if __name__ == '__main__':`."
    )


def _is_users(file: str) -> bool:
    ours = Path(__file__).parents[1]
    return is_own_file(file) and file[0] != "<" and not Path(file).is_relative_to(ours)
