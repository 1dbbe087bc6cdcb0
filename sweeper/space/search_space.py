"""Turns a configuration space into a Ray Tune search space, usable with any `tune.Tuner`.

Ray Tune silently takes a scipy distribution or a plain list for a constant. Here each becomes
Tune's own domain where one has exactly the same law, since more of Tune's searchers understand
those, and else a domain that samples through the quantile function.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from ray import tune
from ray.tune.search.sample import Domain, Sampler
from scipy import stats

from sweeper.faults import refuse
from sweeper.space.checks import ConfigSpace, subscript
from sweeper.space.conditions import When
from sweeper.space.distributions import describe, is_distribution, quantile, support
from sweeper.space.space import Space, check_space
from sweeper.space.text import to_text


def to_search_space(config_space: ConfigSpace | Space) -> dict[str, Any]:
    """Returns the Ray Tune search space with the same laws, for `tune.Tuner(param_space=…)`.

    Lists and tuples become `tune.choice`; uniform, log-uniform, normal and whole-numbered `randint`
    distributions Tune's own domains; every other distribution a `Quantiles` domain. Tune's random
    search samples all of them; searchers with models of their own may refuse some, as
    `OptunaSearch` does normal distributions and `Quantiles`. Constants stay as they are. The laws
    are those of sweeper's own draws; the values drawn differ.

    >>> space = {"lr": stats.loguniform(1e-4, 1), "batch_size": [32, 64], "max_epochs": 8}
    >>> param_space = sweeper.to_search_space(space)  # for tune.Tuner(…, param_space=param_space)
    >>> param_space["batch_size"].categories
    [32, 64]

    Conditions and constraints are refused: Tune could only express them with `tune.sample_from`,
    which ignores the seed.

    Raises:
        TypeError: `config_space` is not a mapping.
        ValueError: it is empty or has unusable values, conditions or constraints; lists all faults,
            one a line.
    """
    space = check_space(config_space)
    cure = "Use sweeper.run, which supports them."
    faults = [
        f"config_space{subscript(name)}: Ray Tune has no conditions, but got "
        f"{to_text(value) or value!r}. {cure} Or give {name} a value always, which the objective "
        "ignores where it is not needed."
        for name, value in space.entries.items()
        if isinstance(value, When)
    ]
    if space.constraints:
        faults.append(
            f"constraints: Ray Tune has none, but got {list(space.constraints)}. {cure} "
            "Or narrow the space to where they hold."
        )
    refuse(*faults)
    return {name: _to_domain(value) for name, value in space.entries.items()}


class Quantiles(Domain):
    """A Tune domain of any univariate distribution, drawn through its quantile function.

    With the same random state it gives the same values.
    """

    def __init__(self, distribution: Any) -> None:
        self.distribution = distribution

    class _Sampler(Sampler):
        def sample(
            self,
            domain: Any,
            config: Any = None,
            size: int = 1,
            random_state: Any = None,
        ) -> Any:
            # `Domain.sample` has wrapped the random state: uniform() works on all kinds of it.
            uniforms = random_state.uniform(size=size).tolist()
            # u = 0 is possible, and the lower end of a support may be infinite.
            values = [quantile(domain.distribution, max(u, 2**-54)) for u in uniforms]
            return values if len(values) > 1 else values[0]  # as all of Tune's samplers do

    default_sampler_cls: Any = _Sampler

    def is_valid(self, value: Any) -> bool:
        """True for a number in the support, both ends included."""
        low, high = support(self.distribution)
        return isinstance(value, int | float) and low <= value <= high

    @property
    def domain_str(self) -> str:
        """Returns the distribution as text."""
        return to_text(self.distribution) or describe(self.distribution)


def _to_domain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tune.choice(list(value))
    if not is_distribution(value):
        return value
    # A subclass may have another law, so only the exact type is looked up.
    convert = _CONVERTERS.get(type(getattr(value, "dist", value)))
    return (convert(value) if convert else None) or Quantiles(value)


# One converter for each family that Tune knows too; None if these parameters are beyond Tune.


def _uniform(distribution: Any) -> Domain:
    return tune.uniform(*support(distribution))


def _loguniform(distribution: Any) -> Domain | None:
    low, high = support(distribution)
    # Rounding can take the ends of exp(Uniform(a=-800, b=0)) there, and Tune needs the logarithms.
    return tune.loguniform(low, high) if low > 0 and math.isfinite(high) else None


def _exp(distribution: Any) -> Domain | None:
    of_uniform = type(getattr(distribution, "_dist", None)) is stats.Uniform
    is_exp = getattr(distribution, "_g", None) is np.exp
    return _loguniform(distribution) if is_exp and of_uniform else None


def _randint(distribution: Any) -> Domain | None:
    low, high = support(distribution)  # SciPy's support includes the top, tune.randint doesn't
    whole = low.is_integer() and high.is_integer() and max(-low, high) < 2**53
    return tune.randint(int(low), int(high) + 1) if whole else None


def _norm(distribution: Any) -> Domain:
    positional = dict(zip(("loc", "scale"), distribution.args, strict=False))
    parameters = {"loc": 0, "scale": 1} | positional | distribution.kwds
    return tune.randn(float(parameters["loc"]), float(parameters["scale"]))


def _normal(distribution: Any) -> Domain:
    return tune.randn(float(distribution.mu), float(distribution.sigma))


_CONVERTERS: dict[type, Callable[[Any], Domain | None]] = {
    type(stats.uniform): _uniform,
    type(stats.loguniform): _loguniform,  # also that of stats.reciprocal
    type(stats.randint): _randint,
    type(stats.norm): _norm,
    stats.Uniform: _uniform,
    stats.Normal: _normal,
    type(stats.Normal()): _normal,  # without parameters it has a class of its own
    type(stats.exp(stats.Uniform(a=0, b=1))): _exp,
}
