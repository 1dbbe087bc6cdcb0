"""A checked configuration space, with its conditions and constraints."""

import copy
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweeper.space.checks import Config, ConfigSpace, check_entries, check_expression, fault
from sweeper.space.combinations import TooManyError, combinations, finite_values
from sweeper.space.conditions import ABSENT, When, law_in, laws, parents
from sweeper.space.distributions import is_distribution, probability, quantile
from sweeper.space.expressions import parse
from sweeper.space.senseless import senseless


@dataclass(frozen=True, eq=False)
class Space:
    """A configuration space without faults. Made by `check_space`.

    Attributes:
        entries: name → distribution, list or tuple (a choice), constant, or `When`.
        constraints: what every configuration must fulfil.
    """

    entries: dict[str, Any]
    constraints: tuple[str, ...] = ()

    @cached_property
    def order(self) -> list[str]:
        """Returns the names, each after those in its conditions, else in the space's order."""
        if not self.has_conditions:
            return list(self.entries)
        waiting = {name: set(parents(value)) for name, value in self.entries.items()}
        found: list[str] = []
        while waiting:
            # The first that waits for no other, so that the order stays that of the space.
            name = next(name for name, needs in waiting.items() if needs.isdisjoint(waiting))
            found.append(name)
            del waiting[name]
        return found

    @cached_property
    def has_conditions(self) -> bool:
        """True if some hyperparameters have a law, or exist, under a condition only."""
        return any(isinstance(value, When) for value in self.entries.values())

    @cached_property
    def tuned(self) -> list[str]:
        """The names that are no constants, in the order of the space."""
        return [n for n, value in self.entries.items() if any(map(_is_free, laws(value)))]

    def at(self, u: Mapping[str, float]) -> Config:
        """Returns the configuration with every hyperparameter at its probability, a copy.

        Keys are in the order of the space; hyperparameters whose conditions don't hold are absent.

        Args:
            u: the probability of every name in `tuned`, 0 < u < 1, also of those that turn out to
                be absent.
        """
        config: Config = {}
        for name in self.order:
            value = self.entries[name]
            if isinstance(value, When):
                value = law_in(value, config)
                if value is ABSENT:
                    continue
            if is_distribution(value):
                config[name] = quantile(value, u[name])
            elif isinstance(value, list | tuple):
                index = int(u[name] * len(value)) if len(value) > 1 else 0
                config[name] = copy.deepcopy(value[index])
            else:
                config[name] = copy.deepcopy(value)
        return self.in_order(config) if self.has_conditions else config

    def u_of(self, config: Mapping[str, Any]) -> dict[str, float]:
        """Returns the probability of each name in `tuned`, 0 < u < 1; `at` leads back from it.

        For discrete distributions and lists it is in the middle of the value's step; for a name
        that is absent or constant here it is 0.5.

        Raises:
            ValueError: a value is not in its list, or not a number of its distribution.
        """
        return {
            name: _probability(name, law_in(self.entries[name], config), config[name])
            if name in config
            else 0.5
            for name in self.tuned
        }

    def fulfils(self, config: Mapping[str, Any], *only: str) -> bool:
        """Checks all constraints, or `only` these; one on an absent hyperparameter holds."""
        for text in only or self.constraints:
            constraint = parse(text, True)
            if all(name in config for name in constraint.names) and not constraint.holds(config):
                return False
        return True

    def count(self, limit: int) -> int | None:
        """Counts the different configurations; None if there are more than `limit`, or
        infinitely many, or if trying 100,000 values doesn't tell.
        """
        most = max(limit, 10_000) if self.constraints else limit
        found = {}
        for value in self.entries.values():
            for law in laws(value):
                found[id(law)] = finite_values(law, most)
        if any(values is None for values in found.values()):
            return None
        values = {law: list(values) for law, values in found.items() if values is not None}
        if not self.has_conditions and not self.constraints:
            number = math.prod(len(values[id(value)]) for value in self.entries.values())
            return number if number <= limit else None
        every = combinations(
            self.entries,
            self.order,
            self.constraints,
            lambda _, law: values[id(law)],
            max(100_000, 2 * limit),
        )
        try:
            number = sum(1 for _ in itertools.islice(every, limit + 1))
        except TooManyError:
            return None
        return number if number <= limit else None

    def in_order(self, config: Config) -> Config:
        """Returns the configuration with its keys in the order of the space."""
        return {name: config[name] for name in self.entries if name in config}


def check_space(config_space: ConfigSpace | Space, constraints: Iterable[str] = ()) -> Space:
    """Returns the space with its constraints, once nothing is wrong with either.

    Args:
        config_space: as for `check_config_space`; one that is checked already stays as it is.
        constraints: What configurations must fulfil, such as `"depth * width <= 4096"`: Python's
            grammar as for conditions, and + - * / // % **. A division by zero breaks the
            constraint; a constraint that names an absent hyperparameter holds.

    Raises:
        TypeError: the space is not a mapping.
        ValueError: it is empty, or a name, value, condition or constraint is unusable; lists all
            faults, one a line.
    """
    if isinstance(config_space, Space) and not constraints:
        return config_space
    known = config_space if isinstance(config_space, Space) else Space({})
    entries, faults = (
        (known.entries, []) if known.entries else check_entries(config_space)  # type: ignore[arg-type]
    )
    if isinstance(constraints, str) or not isinstance(constraints, Iterable):
        cure = 'Write constraints=["num_hiddens_2 <= num_hiddens_1"].'
        faults.append(fault("constraints", "needs a list of strings", constraints, cure))
        constraints = ()
    checked = [
        check_expression(text, f"constraints[{i}]", entries, True, faults)
        for i, text in enumerate(constraints)
    ]
    texts = [constraint.text for constraint in checked if constraint]
    if not faults:
        found = {f"constraints[{i}]": senseless(text, entries) for i, text in enumerate(texts)}
        faults = [f"{where}: {wrong} Correct it." for where, wrong in found.items() if wrong]
    if faults:
        raise ValueError("\n".join(faults))
    return Space(entries, tuple(dict.fromkeys((*known.constraints, *texts))))


def _is_free(law: Any) -> bool:
    return is_distribution(law) or (isinstance(law, list | tuple) and len(law) > 1)


def _probability(name: str, law: Any, value: Any) -> float:
    if isinstance(law, list | tuple):
        return (place_of(name, law, value) + 0.5) / len(law)
    if not is_distribution(law):
        return 0.5
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: {value!r} is not a number, but its law is a distribution.")
    return probability(law, value)


def place_of(name: str, choices: list | tuple, value: Any) -> int:
    """Returns the position of a value in a list. Raises ValueError if it isn't there."""
    for i, choice in enumerate(choices):
        if same(choice, value):
            return i
    raise ValueError(f"{name}: {value!r} is none of its choices.")


def same(one: Any, other: Any) -> bool:
    """Checks that two plain values are equal: 1 and 1.0 are, True and 1 are not, NaN equals itself.

    A tuple equals the list of the same entries, since the record stores it as a list.
    """
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other) or (one != one and other != other)
