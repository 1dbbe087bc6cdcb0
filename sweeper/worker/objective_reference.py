"""Names an objective in `sweep.json`, and finds the function again from such a name."""

import functools
import hashlib
import inspect
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from sweeper.space.text import read_value, to_text
from sweeper.worker.objective import Objective
from sweeper.worker.objective_loading import load_objective
from sweeper.worker.objective_state import objective_state
from sweeper.worker.own_modules import removed_later


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
