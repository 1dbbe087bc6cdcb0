"""Checks a configuration space: what may stand in it, and messages for what may not.

A configuration space maps each hyperparameter's name to a distribution of scipy.stats, a list to
choose from, or a constant. All its faults are found at once, before anything starts.
"""

import difflib
import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from sweeper.space.conditions import ABSENT, MOST_NAMES, When, parents
from sweeper.space.distributions import describe
from sweeper.space.expressions import Expression, parse
from sweeper.space.foreign_forms import foreign_dict
from sweeper.space.problems import (
    is_foreign,
    problem_of_distribution,
    problem_of_value,
    resembles_distribution,
)

ConfigSpace = Mapping[str, Any]
Config = dict[str, Any]

# Column names of the results: a hyperparameter with such a name becomes `config.<name>` there.
RESULT_COLUMNS = (
    *("trial", "replicate", "validation_error", "epochs", "status", "seed"),
    *("start_s", "runtime_s", "worker", "node", "exception", "standard_error", "count"),
)
MAX_DEPTH = 20  # levels of nested containers: far beyond any real configuration
_MOST_OF_A_NAME = 80  # characters of a text that are shown
MAX_CONDITIONS = 100  # of one hyperparameter


def check_config_space(config_space: ConfigSpace) -> dict[str, Any]:
    """Returns a checked copy of the space, with NumPy scalars as plain Python ones.

    Args:
        config_space: name → distribution (anything with `ppf` or `icdf`), list or tuple (a choice),
            constant (None, bool, int, float, str, or a string-keyed dict of plain values without
            lists), or any of these under a condition (`when`).

    Raises:
        TypeError: it is no mapping.
        ValueError: it is empty, or a name or value is unusable; lists all faults, one a line.
    """
    checked, faults = check_entries(config_space)
    if faults:
        raise ValueError("\n".join(faults))
    return checked


def check_entries(config_space: ConfigSpace) -> tuple[dict[str, Any], list[str]]:
    """Works as `check_config_space`, but returns faults of entries, one sentence each."""
    example = "Write {'lr': stats.loguniform(1e-4, 1)}."
    if not isinstance(config_space, Mapping):
        raise TypeError(fault("config_space", "needs to be a dict", config_space, example))
    if not config_space:
        raise ValueError(fault("config_space", "needs a hyperparameter", config_space, example))
    if len(config_space) > MOST_NAMES:
        raise ValueError(
            f"config_space: has {len(config_space):,} hyperparameters, but at most "
            f"{MOST_NAMES:,} are allowed. Put what belongs together into one, such as a "
            "choice between dicts."
        )
    faults: list[str] = []
    checked = {}
    for name, value in config_space.items():
        where = f"config_space{subscript(name)}"
        _check_name(name, where, faults)
        checked[name] = _check_entry(value, where, faults, config_space)
    return checked, faults + _circles(checked)


def check_expression(
    text: Any, where: str, names: Collection[str], arithmetic: bool, faults: list[str]
) -> Expression | None:
    """Parses a condition or constraint on these hyperparameters; appends its faults and returns
    None if it has any.
    """
    if not isinstance(text, str):
        faults.append(fault(where, "must be a string", text, "Write \"optimizer == 'sgd'\"."))
        return None
    try:
        expression = parse(text, arithmetic)
    except ValueError as error:
        faults.append(f"{where}: {describe(text)}: {error}")
        return None
    unknown = [name for name in expression.names if name not in names]
    for name in unknown:
        close = difflib.get_close_matches(name, [n for n in names if isinstance(n, str)], n=2)
        cure = f"Did you mean {' or '.join(close)}? " if close else ""
        cure += f"Put quotes around a string: '{name}'."
        if name in ("true", "false", "null", "none"):
            cure = f"Write {'None' if name == 'null' else name.title()}."
        faults.append(
            f"{where}: {describe(text)} looks at {name}, which is not a hyperparameter of the "
            f"space. {cure}"
        )
    return None if unknown else expression


def _check_entry(value: Any, where: str, faults: list[str], space: ConfigSpace) -> Any:
    branches, rest = [], value
    while isinstance(rest, When):
        said = check_expression(rest.condition, where, space, False, faults)
        branches.append((said.text if said else rest.condition, rest.law))
        rest = rest.otherwise
        if len(branches) > MAX_CONDITIONS:
            faults.append(f"{where}: has more than {MAX_CONDITIONS} conditions. Write fewer.")
            return value
    checked = rest if rest is ABSENT else _check_law(rest, where, faults)
    for condition, law in reversed(branches):
        checked = When(condition, _check_law(law, where, faults), checked)
    return checked


def _check_law(value: Any, where: str, faults: list[str]) -> Any:
    """Returns a copy of a distribution, list or constant; appends what is wrong with it."""
    if isinstance(value, When) or value is ABSENT:
        faults.append(
            f"{where}: a condition can't contain another condition, only a distribution, list or "
            "constant. Join the two with and, or put the other one in otherwise=."
        )
        return value
    if resembles_distribution(value) and not is_foreign(value):
        _check_distribution(value, where, faults)
        return value
    if type(value) is dict and (cure := foreign_dict(value)):
        rule = (
            "needs a distribution of scipy.stats, a list or a constant, not a dict that describes "
            "one"
        )
        cure = f"Write {cure}; for the dict itself [{{…}}]."
        faults.append(fault(where, rule, value, cure))
        return value
    if type(value) in (list, tuple) and not value:
        cure = "Add entries; write [[]] for a constant empty list."
        faults.append(fault(where, "a choice needs an entry", value, cure))
    return _plain(value, where, faults)


def _circles(entries: dict[str, Any]) -> list[str]:
    """Lists conditions that depend on each other in a circle."""
    needs = {name: _parents(value) for name, value in entries.items()}
    found: list[str] = []
    while True:
        while free := [name for name in needs if not any(p in needs for p in needs[name])]:
            for name in free:
                del needs[name]
        if not needs:
            return found
        path = [next(iter(needs))]
        while (following := next(p for p in needs[path[-1]] if p in needs)) not in path:
            path.append(following)
        circle = path[path.index(following) :]
        found.append(
            f"config_space{subscript(circle[0])}: its condition looks at itself, "
            f"{' → '.join([*circle, circle[0]])}. Let one of them be without a condition."
        )
        for name in circle:
            del needs[name]


def _parents(value: Any) -> list[str]:
    try:
        return parents(value)
    except (ValueError, TypeError, AttributeError):  # which has been reported already
        return []


def check_seed(seed: Any) -> int:
    """Returns the seed as a Python int.

    Raises:
        TypeError: it is not an int; a bool does not count as one.
        ValueError: it is outside 0 <= seed < 2**32.
    """
    rule, cure = "needs an int with 0 <= seed < 2**32", "Write seed=0."
    if not is_int(seed):
        raise TypeError(fault("seed", rule, seed, cure))
    if not 0 <= seed < 2**32:
        raise ValueError(fault("seed", rule, seed, cure))
    return int(seed)


def fault(where: str, rule: str, value: Any, cure: str) -> str:
    """Returns a fault in one line: where it is, the rule, the value with its type, the cure."""
    return f"{where}: {rule}, but got {describe(value)} ({type(value).__name__}). {cure}"


def subscript(name: Any) -> str:
    """Returns a key as it is written after its dict: `["lr"]`."""
    if not isinstance(name, str) or len(name) > _MOST_OF_A_NAME:
        return f"[{describe(name)}]"
    return f"[{json.dumps(name, ensure_ascii=False)}]"


def is_int(value: Any) -> bool:
    """True for an int of Python or NumPy, but no bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_name(name: Any, where: str, faults: list[str]) -> None:
    if not isinstance(name, str) or not name:
        cure = "Give it a name of letters."
        faults.append(fault(where, "a name must be a non-empty string", name, cure))


def _check_distribution(distribution: Any, where: str, faults: list[str]) -> None:
    problem = problem_of_distribution(distribution)
    if problem:
        rule, cure = problem
        faults.append(fault(where, rule, distribution, cure))


def _plain(
    value: Any, where: str, faults: list[str], enclosing: tuple[int, ...] = (), chosen: bool = False
) -> Any:
    """Returns a copy of the value in plain types; appends what is not plain to `faults`.

    Lists in a constant dict are refused, since they would look like choices; in an entry of a
    choice (`chosen`) they are plain values.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) not in (list, tuple, dict):
        rule, cure = problem_of_value(value)
        faults.append(fault(where, rule, value, cure))
        return value
    if id(value) in enclosing or len(enclosing) == MAX_DEPTH:
        rule = f"lists and dicts may be nested at most {MAX_DEPTH} deep, none inside itself"
        faults.append(fault(where, rule, value, "Write it out flat."))
        return value
    enclosing = (*enclosing, id(value))
    if not isinstance(value, dict):
        before = len(faults)
        pairs = enumerate(value)
        plain = [_plain(v, f"{where}[{i}]", faults, enclosing, True) for i, v in pairs]
        if len(enclosing) > 1 and not chosen and len(faults) == before:
            cure = "Give it a name of its own; a constant dict with lists in it is written [{…}]."
            faults.append(fault(where, "a list inside a dict can't be a choice", value, cure))
        return type(value)(plain)
    if not all(type(key) is str for key in value):
        faults.append(fault(where, "keys must be strings", value, "Write str(key)."))
    if list(value) in (["grid_search"], ["eval"]):  # Ray Tune would replace these, at any depth
        rule = f'must not look like Ray Tune\'s {{"{next(iter(value))}": …}}'
        faults.append(fault(where, rule, value, "Use a plain list."))
        chosen = True  # one fault is enough
    return {
        k: _plain(v, f"{where}{subscript(k)}", faults, enclosing, chosen) for k, v in value.items()
    }
