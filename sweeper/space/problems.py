"""Finds what is wrong with a distribution or value that can't stand in a configuration space."""

import enum
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import stats

from sweeper.space.conditions import When
from sweeper.space.distributions import (
    is_distribution,
    is_folded_too_far,
    is_too_extreme,
    is_too_wide,
    quantile_function,
)
from sweeper.space.rounded import Rounded

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
TOO_WIDE = (
    "this distribution has too many values for SciPy to sum",
    "Take one of fewer values, or stats.randint or sweeper.rounded(stats.loguniform(…)).",
)
TOO_EXTREME = (
    "SciPy can't compute this distribution with parameters so large or so small",
    "Take 0 or sizes from 1e-9 to 1e9.",
)


def is_foreign(value: Any) -> bool:
    """True for a distribution or domain of another library."""
    return type(value).__module__.startswith(_FOREIGN_MODULES)


def resembles_distribution(value: Any) -> bool:
    """True also for what can't be used: classes, multivariate ones, kernel densities."""
    of_scipy = str(getattr(value, "__module__", "")).startswith("scipy.stats")
    return of_scipy or quantile_function(value) is not None


def problem_of_distribution(distribution: Any) -> tuple[str, str] | None:
    """Returns the rule that a distribution breaks and the cure, or None."""
    if isinstance(distribution, Rounded):
        problem = problem_of_distribution(distribution.base)
        if problem:
            return problem
    if _is_bare(distribution):
        name = getattr(distribution, "name", None) or getattr(distribution, "__name__", "it")
        return "a distribution needs its parameters", f"Call it: {name}(…)."
    if "_multivariate" in type(distribution).__module__:
        return "a distribution must be of one number", "Give each number a name of its own."
    if not is_distribution(distribution):
        cure = "For samples, use stats.rv_histogram(np.histogram(samples, bins=20))."
        return "a distribution needs a quantile function, ppf or icdf", cure
    if hasattr(distribution, "args"):
        parameters = (*distribution.args, *distribution.kwds.values())
        if any(isinstance(value, str) for value in parameters):
            return "a distribution's parameters must be numbers", "Write them without quotes."
        if is_too_extreme(distribution.dist, distribution.args, distribution.kwds):
            return TOO_EXTREME
    try:
        if is_folded_too_far(distribution):
            return TOO_EXTREME
        if is_too_wide(distribution):
            return TOO_WIDE
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quantiles = [quantile_function(distribution)(u) for u in (0.001, 0.5, 0.999)]
            single = not any(np.ndim(value) for value in (*quantiles, *distribution.support()))
    except Exception as error:  # whatever a user's own distribution raises is reported as its fault
        return (
            f"its quantiles and support must exist ({error!r})",
            "Fix its ppf (icdf) and support().",
        )
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


def problem_of_value(value: Any) -> tuple[str, str]:
    """Returns the rule broken by a value that isn't plain, and the cure."""
    plain = "must be None, a bool, int, float, str, or lists, tuples and dicts of these"
    if is_foreign(value):
        cure = _SCIPY_FOR.get(
            type(value).__name__, f"{_SCIPY_FLOATS}, stats.randint(low, high) or a list"
        )
        return "must be a distribution of scipy.stats", f"Write {cure}."
    if isinstance(value, When):
        return "a condition can't be in a list or dict", "Give it a name of its own."
    if resembles_distribution(value):
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
