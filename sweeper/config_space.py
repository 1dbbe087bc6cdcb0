"""What may be tried: distributions of scipy.stats, lists to choose from, and constants.

A configuration space maps each hyperparameter's name to one of the three. Here it is checked, and
configurations are taken from it: at random (`draw`) or as a full grid (`grid_axes`, `grid`).
"""

import copy
import enum
import hashlib
import itertools
import json
import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import stats

ConfigSpace = Mapping[str, Any]
Config = dict[str, Any]

# Names that the results use themselves, so that no hyperparameter may have them.
RESULT_COLUMNS = (
    *("trial", "replicate", "validation_error", "epochs", "status", "seed"),
    *("start_s", "runtime_s", "worker", "node", "exception"),
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


# Checks


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
    if not _is_int(seed):
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


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_foreign(value: Any) -> bool:
    return type(value).__module__.startswith(_FOREIGN_MODULES)


def _resembles_distribution(value: Any) -> bool:
    """True also for what can't be used: classes, multivariate ones, kernel densities."""
    of_scipy = str(getattr(value, "__module__", "")).startswith("scipy.stats")
    return of_scipy or hasattr(value, "ppf") or hasattr(value, "icdf")


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
            quantiles = [_inverse(distribution)(u) for u in (0.001, 0.5, 0.999)]
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


# Distributions


def is_distribution(value: Any) -> bool:
    """True for an object with a quantile function: `ppf` (old style) or `icdf` (new style)."""
    return not isinstance(value, type) and (hasattr(value, "ppf") or hasattr(value, "icdf"))


def is_discrete(distribution: Any) -> bool:
    """True if single values have probability; they need not be integers."""
    if hasattr(distribution, "ppf"):  # old style, where only discrete ones have a pmf
        return hasattr(distribution, "pmf")
    # New style, where all have one, and it recurses without end in truncated ones (SciPy 1.17).
    return any(kind.__name__ == "DiscreteDistribution" for kind in type(distribution).__mro__)


def support(distribution: Any) -> tuple[float, float]:
    """The lowest and the highest value that a distribution can take, both inclusive."""
    low, high = distribution.support()
    return float(low), float(high)


def quantile(distribution: Any, u: float) -> int | float:
    """The value at probability u, 0 <= u <= 1 with both bounds inclusive.

    It lies in the closed support, and is an int if the distribution is discrete and the value a
    whole number, else a float.
    """
    low, high = support(distribution)
    if 0 < u < 1:
        # Clipped, since rounding can lead outside: loguniform(0.1, 1).ppf(1 - 2**-53) may exceed 1.
        value = min(max(float(_inverse(distribution)(u)), low), high)
    else:
        value = low if u <= 0 else high  # not ppf(0), which for discrete ones is below the support
    return int(value) if value.is_integer() and is_discrete(distribution) else value


def _inverse(distribution: Any) -> Any:
    return distribution.ppf if hasattr(distribution, "ppf") else distribution.icdf


# Random configurations. Each value is a pure function of (seed, name, trial): a counter-based
# generator (Philox, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") is keyed by
# seed and name and counts trials, so more trials or hyperparameters change nothing there was.


def uniform_draw(seed: int, name: str, trial: int) -> float:
    """A number u with 0 < u < 1, both bounds exclusive, for one hyperparameter of one trial."""
    raw = _random_word(seed, b"hyperparameter:" + name.encode("utf-8", "surrogatepass"), trial)
    # The middles of 2**52 equal parts: 52 bits and the half fill the 53 of a float, so u is exact
    # and never 0 or 1, where many a distribution is infinite.
    return ((raw >> 12) + 0.5) * 2.0**-52


def draw(config_space: ConfigSpace, seed: int, trial: int) -> Config:
    """The random configuration of a trial (counted from 0), a copy the caller may modify."""
    config = {}
    for name, value in config_space.items():
        if is_distribution(value):
            config[name] = quantile(value, uniform_draw(seed, name, trial))
        elif isinstance(value, list | tuple):
            index = int(uniform_draw(seed, name, trial) * len(value))
            config[name] = copy.deepcopy(value[index])
        else:
            config[name] = copy.deepcopy(value)
    return config


def trial_seed(seed: int, trial: int, replicate: int = 0) -> int:
    """The seed of one trial, 0 <= trial_seed < 2**32."""
    return _random_word(seed, b"trial_seed", trial, replicate) >> 32


def _random_word(seed: int, purpose: bytes, *counter: int) -> int:
    """64 random bits."""
    key = [seed, int.from_bytes(hashlib.sha256(purpose).digest()[:8], "big")]
    counters = np.array((*counter, 0, 0, 0)[:4], dtype=np.uint64)
    return int(np.random.Philox(key=np.array(key, dtype=np.uint64), counter=counters).random_raw())


# Grids


def grid_axes(config_space: ConfigSpace, points: int | Mapping[str, int] | None) -> dict[str, list]:
    """The values of each hyperparameter in a grid.

    Args:
        config_space: as returned by `check_config_space`.
        points: how many values of each distribution, or of each by name; at least 1.

    Raises:
        ValueError: points are missing, no int >= 1, or for a name that is no distribution of the
            space; lists all faults, one a line.
    """
    distributions = [name for name, value in config_space.items() if is_distribution(value)]
    counts: Mapping[str, Any] = (
        points if isinstance(points, Mapping) else dict.fromkeys(distributions, points)
    )
    axes, faults = {}, []
    for name, value in config_space.items():
        try:
            axes[name] = axis(name, value, counts.get(name))
        except ValueError as error:
            faults.append(str(error))
    for name in counts:
        if name not in distributions:
            cure = f"The distributions are {', '.join(map(repr, distributions)) or 'none'}."
            rule = "must be the name of a distribution"
            faults.append(fault(f"points{subscript(name)}", rule, name, cure))
    if faults:
        raise ValueError("\n".join(faults))
    return axes


def axis(name: str, value: Any, points: int | None) -> list:
    """The grid values of one hyperparameter.

    A list or tuple as it is; a constant alone; of a distribution `points` evenly spaced quantiles,
    both ends included if both are finite, else the middles of equal-probability parts; one point
    is the median; discrete values come once each.

    Raises:
        ValueError: the value is a distribution and `points` no int >= 1.
    """
    if isinstance(value, list | tuple):
        return list(value)
    if not is_distribution(value):
        return [value]
    if points is None or not _is_int(points) or points < 1:
        cure = f"Write points=5, or points={{{name!r}: 5}}."
        rule = "a grid needs the points of a distribution, an int >= 1"
        raise ValueError(fault(f"config_space{subscript(name)}", rule, points, cure))
    if points > 1 and all(map(math.isfinite, support(value))):
        probabilities = np.linspace(0, 1, points)
    else:
        probabilities = (np.arange(points) + 0.5) / points
    values = [quantile(value, u) for u in probabilities.tolist()]
    return list(dict.fromkeys(values)) if is_discrete(value) else values


def grid(axes: Mapping[str, list]) -> Iterator[Config]:
    """Every configuration of a grid, the last hyperparameter varying fastest, each a copy."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, copy.deepcopy(values), strict=True))
