"""What may stand in a configuration space, and what is said of what may not.

A configuration space maps each hyperparameter's name to a distribution of scipy.stats, a list to
choose from, or a constant. All its faults are found at once, before anything starts.
"""

import enum
import json
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy import stats

ConfigSpace = Mapping[str, Any]
Config = dict[str, Any]

# Names that the results use themselves, so that no hyperparameter may have them.
RESULT_COLUMNS = (
    *("trial", "replicate", "validation_error", "epochs", "status", "seed"),
    *("start_s", "runtime_s", "worker", "node", "exception", "standard_error", "count"),
)
MAX_DEPTH = 20  # of containers in one another: far beyond any real configuration

# Distributions of other libraries, by the name of their class: what to write instead.
_FOREIGN_MODULES = ("ray.tune", "optuna", "hyperopt", "torch.distributions")
_SCIPY_FLOATS = "stats.uniform(low, high - low), stats.loguniform(low, high), stats.norm(mean, sd)"
_SCIPY_FOR = {
    "Float": _SCIPY_FLOATS,
    "FloatDistribution": _SCIPY_FLOATS,
    "Integer": "stats.randint(low, high)",
    "IntDistribution": "stats.randint(low, high + 1)",
    "Categorical": "a plain list",
    "CategoricalDistribution": "a plain list",
}
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def check_config_space(config_space: ConfigSpace) -> dict[str, Any]:
    """A copy of the space with NumPy scalars as plain Python ones, if nothing is wrong with it.

    Args:
        config_space: name → distribution (anything with `ppf` or `icdf`), list or tuple (a choice)
            or constant: None, bool, int, float, str, or a string-keyed dict of plain values.

    Raises:
        TypeError: it is no mapping.
        ValueError: it is empty, or a name or value is unusable; lists all faults, one a line.
    """
    example = "Write {'lr': stats.loguniform(1e-4, 1)}."
    if not isinstance(config_space, Mapping):
        raise TypeError(fault("config_space", "needs to be a dict", config_space, example))
    if not config_space:
        raise ValueError(fault("config_space", "needs a hyperparameter", config_space, example))
    faults: list[str] = []
    checked = {}
    for name, value in config_space.items():
        where = f"config_space{subscript(name)}"
        _check_name(name, where, faults)
        if _resembles_distribution(value) and not _is_foreign(value):
            _check_distribution(value, where, faults)
            checked[name] = value
        else:
            checked[name] = _plain(value, where, faults)
            if type(value) in (list, tuple) and not value:
                cure = "Add entries; write [[]] for a constant empty list."
                faults.append(fault(where, "a choice needs an entry", value, cure))
    if faults:
        raise ValueError("\n".join(faults))
    return checked


def check_seed(seed: Any) -> int:
    """The seed as a Python int.

    Raises:
        TypeError: it is no int (a bool is none).
        ValueError: it is outside 0 <= seed < 2**32.
    """
    rule, cure = "needs an int with 0 <= seed < 2**32", "Write seed=0."
    if not is_int(seed):
        raise TypeError(fault("seed", rule, seed, cure))
    if not 0 <= seed < 2**32:
        raise ValueError(fault("seed", rule, seed, cure))
    return int(seed)


def fault(where: str, rule: str, value: Any, cure: str) -> str:
    """One line on one fault: where it is, the rule, the value with its type, and the cure."""
    return f"{where}: {rule}, but got {describe(value)} ({type(value).__name__}). {cure}"


def subscript(name: Any) -> str:
    """How a key is written after its dict: `["lr"]`."""
    return f"[{json.dumps(name, ensure_ascii=False) if isinstance(name, str) else repr(name)}]"


def describe(value: Any) -> str:
    """A short text of any value on one line, for messages."""
    family = getattr(value, "dist", None)
    if isinstance(family, stats.rv_continuous | stats.rv_discrete):
        arguments = [_short.repr(argument) for argument in value.args]
        arguments += [f"{name}={_short.repr(argument)}" for name, argument in value.kwds.items()]
        return f"{family.name}({', '.join(arguments)})"
    with np.printoptions(legacy="1.25"):  # prints np.float64(0.5) as 0.5
        return " ".join(_short.repr(value).split())


def is_distribution(value: Any) -> bool:
    """True for an object with a quantile function."""
    return not isinstance(value, type) and quantile_function(value) is not None


def quantile_function(value: Any) -> Any:
    """The quantile function of a distribution: `ppf` (old style), `icdf` (new style), or None."""
    return getattr(value, "ppf", getattr(value, "icdf", None))


def is_int(value: Any) -> bool:
    """True for an int of Python or NumPy, but no bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_name(name: Any, where: str, faults: list[str]) -> None:
    if not isinstance(name, str) or not name:
        cure = "Give it a name of letters."
        faults.append(fault(where, "a name must be a non-empty string", name, cure))
    elif name in RESULT_COLUMNS:
        cure = "Rename it, e.g. 'num_epochs' for 'epochs'."
        faults.append(fault(where, "a name must be no column of the results", name, cure))


def _check_distribution(distribution: Any, where: str, faults: list[str]) -> None:
    problem = _problem_of_distribution(distribution)
    if problem:
        rule, cure = problem
        faults.append(fault(where, rule, distribution, cure))


def _is_foreign(value: Any) -> bool:
    return type(value).__module__.startswith(_FOREIGN_MODULES)


def _resembles_distribution(value: Any) -> bool:
    """True also for what can't be used: classes, multivariate ones, kernel densities."""
    of_scipy = str(getattr(value, "__module__", "")).startswith("scipy.stats")
    return of_scipy or quantile_function(value) is not None


def _problem_of_distribution(distribution: Any) -> tuple[str, str] | None:
    """The rule that a distribution breaks and the cure, or None."""
    if _is_bare(distribution):
        name = getattr(distribution, "name", None) or getattr(distribution, "__name__", "it")
        return "a distribution needs its parameters", f"Call it: {name}(…)."
    if "_multivariate" in type(distribution).__module__:
        return "a distribution must be of one number", "Give each number a name of its own."
    if not is_distribution(distribution):
        cure = "For samples, use stats.rv_histogram(np.histogram(samples, bins=20))."
        return "a distribution needs a quantile function, ppf or icdf", cure
    try:
        with np.errstate(all="ignore"):
            quantiles = [quantile_function(distribution)(u) for u in (0.001, 0.5, 0.999)]
            single = not any(np.ndim(value) for value in (*quantiles, *distribution.support()))
    except Exception as error:  # whatever a user's own distribution raises is its fault
        return f"its quantiles and support must exist ({error!r})", "Mend its methods."
    if not single:
        cure = "Give each number a name of its own."
        return "a distribution's parameters must be single numbers, not arrays", cure
    if not np.all(np.isfinite(quantiles)):
        cure = "Correct them: the second one of stats.uniform is a width, loguniform needs low > 0."
        return "a distribution's parameters must lie in its domain", cure
    if _loc_of_loguniform(distribution) != 0:
        return "loguniform is log-uniform only with loc=0", "Drop loc."
    return None


def _is_bare(distribution: Any) -> bool:
    if isinstance(distribution, stats.rv_continuous | stats.rv_discrete):
        # A user's own instance without shape parameters is complete; stats.norm is a family.
        of_scipy = isinstance(getattr(stats, distribution.name, None), type(distribution))
        return of_scipy or getattr(distribution, "numargs", 0) > 0
    return isinstance(distribution, type)


def _loc_of_loguniform(distribution: Any) -> Any:
    if type(getattr(distribution, "dist", None)) is not type(stats.loguniform):
        return 0
    return distribution.kwds.get("loc", distribution.args[2] if distribution.args[2:] else 0)


def _plain(value: Any, where: str, faults: list[str], enclosing: tuple[int, ...] = ()) -> Any:
    """A copy of the value in plain Python types; appends to `faults` what is none."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) not in (list, tuple, dict):
        rule, cure = _problem_of_value(value)
        faults.append(fault(where, rule, value, cure))
        return value
    if id(value) in enclosing or len(enclosing) == MAX_DEPTH:
        rule = f"lists and dicts must end, at most {MAX_DEPTH} in one another"
        faults.append(fault(where, rule, value, "Write it out flat."))
        return value
    enclosing = (*enclosing, id(value))
    if not isinstance(value, dict):
        entries = enumerate(value)
        return type(value)(_plain(v, f"{where}[{i}]", faults, enclosing) for i, v in entries)
    if not all(type(key) is str for key in value):
        faults.append(fault(where, "keys must be strings", value, "Write str(key)."))
    if list(value) in (["grid_search"], ["eval"]):  # Ray Tune would replace these, at any depth
        faults.append(fault(where, "must not be an order to Ray Tune", value, "Use a plain list."))
    return {k: _plain(v, f"{where}{subscript(k)}", faults, enclosing) for k, v in value.items()}


def _problem_of_value(value: Any) -> tuple[str, str]:
    """The rule that a value breaks which isn't plain, and the cure."""
    plain = "must be None, a bool, int, float, str, or lists, tuples and dicts of these"
    if _is_foreign(value):
        cure = _SCIPY_FOR.get(
            type(value).__name__, f"{_SCIPY_FLOATS}, stats.randint(low, high) or a list"
        )
        return "must be a distribution of scipy.stats", f"Write {cure}."
    if _resembles_distribution(value):
        return "a distribution can't be in a list or dict", "Give it a name of its own."
    if isinstance(value, enum.Enum):
        return plain, "Use its .value."
    for kind in (int, float, str, list, tuple, dict):
        if isinstance(value, kind):
            return plain, f"Convert it: {kind.__name__}(…)."
    if callable(value):
        cure = "Give its name as a string and look it up in the objective, or pass it through"
        return plain, f"{cure} data=."
    if hasattr(value, "tolist"):
        return plain, "Use .tolist() for a choice, [[…]] for a constant list, or data=."
    if isinstance(value, Iterable):
        return plain, "Write a list for a choice, [[…]] for a constant list."
    return plain, "Give its name as a string, or pass it through data=."
