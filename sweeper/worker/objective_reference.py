"""Names an objective in `sweep.json`, and finds the function again from such a name."""

import functools
import hashlib
import importlib
import importlib.util
import inspect
import multiprocessing
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from sweeper.space.text import read_value, to_text
from sweeper.worker.objective import Objective
from sweeper.worker.objective_state import objective_state
from sweeper.worker.own_modules import is_own_file, removed_later

_being_loaded: list[str] = []  # files that are executed to find an objective in them


def objective_name(objective: Objective) -> str:
    """Returns a name for an objective: the function's, or the class's."""
    return _named(objective).__qualname__.rpartition(".")[2]


def describe_objective(objective: Objective) -> dict[str, Any]:
    """Returns the entries of `sweep.json` that describe an objective.

    `objective` is `module:name`, `objective_file` the file of a module that is in no package (in a
    job of a cluster relative to the directory that was sent with it), `fixed_arguments` maps names,
    or places as in "0", to texts (None for a value without one), `objective_source` is the SHA-256
    of its source code, and `objective_state` tells what it reaches beyond that.
    """
    named = _named(objective)
    module = getattr(named, "__module__", None) or "__main__"
    source_file = getattr(sys.modules.get(module), "__file__", None)
    fixed: dict[str, Any] = {}
    if isinstance(objective, functools.partial):
        fixed = {str(i): value for i, value in enumerate(objective.args)} | objective.keywords
    elif is_dataclass(objective):
        fixed = {field.name: getattr(objective, field.name) for field in fields(objective)}
    elif named is type(objective):
        fixed = {"self": objective}  # the content of such an object is unknown
    return {
        "objective": f"{module}:{named.__qualname__}",
        "objective_file": _place(source_file) if source_file and "." not in module else None,
        "fixed_arguments": {name: to_text(value) for name, value in fixed.items()},
        "objective_source": _source_digest(named),
        "objective_state": _state_of(objective),
    }


def _state_of(objective: Objective) -> dict[str, dict[str, str]] | None:
    """Returns what the objective reaches; None if it can't be inspected, which must not stop a
    sweep.
    """
    try:
        return objective_state(objective)
    except Exception:
        return None


def can_be_found(described: Mapping[str, Any]) -> bool:
    """Checks whether `find_again` can work: not for lambdas, closures, objects with a state, and
    what was written at a prompt, in a notebook or to standard input.
    """
    module, _, name = described["objective"].rpartition(":")
    file = described["objective_file"]
    typed = module == "__main__" if file is None else file.endswith(">")  # such as <stdin>
    is_named = name.isidentifier() and not typed
    return is_named and None not in described["fixed_arguments"].values()


def find_again(described: Mapping[str, Any]) -> Objective:
    """Imports the objective that `describe_objective` described; `can_be_found` must be True.

    Raises:
        ValueError: there is no such function any more.
        FileNotFoundError, ImportError: its file or module is gone.
    """
    module, _, name = described["objective"].rpartition(":")
    target: Any = load_objective(f"{described['objective_file'] or module}:{name}")
    named = {name: read_value(text) for name, text in described["fixed_arguments"].items()}
    in_order = [named.pop(place) for place in list(named) if place.isdigit()]
    if isinstance(target, type):
        made: Any = target(**named)
        return made
    return functools.partial(target, *in_order, **named) if in_order or named else target


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


def _place(file: str) -> str:
    """Returns the path of a file, in a job relative to the directory sent to the cluster."""
    path = Path(file).absolute()
    travelled = removed_later()
    inside = travelled is not None and path.is_relative_to(travelled)
    return str(path.relative_to(travelled)) if travelled and inside else str(path)


def _named(objective: Objective) -> Any:
    """Returns the function or class that gives the objective its name."""
    function = objective.func if isinstance(objective, functools.partial) else objective
    return function if hasattr(function, "__qualname__") else type(function)


def _source_digest(named: Any) -> str | None:
    try:
        source = inspect.getsource(named)
    except (OSError, TypeError):  # typed into a prompt
        return None
    return hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()
