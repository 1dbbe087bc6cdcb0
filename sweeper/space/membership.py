"""Checks that a configuration from a file belongs to the space, and reads it."""

from collections.abc import Mapping
from typing import Any

from sweeper.space.checks import check_entries, fault, subscript
from sweeper.space.conditions import ABSENT, law_in, parents
from sweeper.space.distributions import (
    describe,
    has_ints,
    is_discrete,
    is_distribution,
    probability,
    quantile,
    support,
)
from sweeper.space.space import Space, place_of, same


def config_faults(space: Space, config: Any, where: str) -> list[str]:
    """Lists why a configuration is not one of the space, one sentence a fault; empty if it is one.

    It must have the names that the conditions make active, each with a plain value of its law, and
    fulfil the constraints.

    Args:
        space: the space, checked.
        config: anything.
        where: the configuration's name in the sentences.
    """
    if not isinstance(config, Mapping):
        return [f"{where}: must be a dict, but got {config!r} ({type(config).__name__})."]
    if not config:
        return [f"{where}: lacks {list(space.entries)}; give every hyperparameter a value."]
    known = {name: value for name, value in config.items() if name in space.entries}
    plain, problems = check_entries({name: [value] for name, value in known.items()} or {"_": 0})
    faults = [f"{where}: {text}" for text in problems]
    unknown = [name for name in config if name not in space.entries]
    if unknown:
        faults.append(
            f"{where}: has {unknown}, which the configuration space does not; "
            f"its hyperparameters are {list(space.entries)}."
        )
    if problems:
        return faults
    return faults + _misfits(space, {name: plain[name][0] for name in known}, where)


def as_in(space: Space, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a recorded configuration with the space's values: JSON makes lists of tuples.

    Raises:
        KeyError: the space lacks one of its names.
        ValueError: a value is none of its choices.
    """
    return {name: value_in(space.entries[name], name, config) for name in config}


def value_in(entry: Any, name: str, config: Mapping[str, Any]) -> Any:
    """Returns the value of one hyperparameter as its choices or its constant have it.

    Args:
        entry: the hyperparameter's entry in the space: distribution, list, constant, or one of
            these under conditions.
        name: the hyperparameter's name.
        config: the whole configuration, from a record.

    Raises:
        ValueError: the value is none of the choices.
    """
    law, value = law_in(entry, config), config[name]
    if isinstance(law, list | tuple):
        return law[place_of(name, law, value)]
    return law if same(law, value) else value


def _misfits(space: Space, config: dict[str, Any], where: str) -> list[str]:
    missing, faults = [], []
    rightly: dict[str, Any] = {}  # the value exists, as far as the conditions say
    for name in space.order:
        value = space.entries[name]
        law = law_in(value, rightly)
        if law is ABSENT and name in config:
            if not any(parent in missing for parent in parents(value)):
                cure = f"Leave it out, or change {' and '.join(parents(value))}."
                rule = "must be absent, since its condition does not hold"
                faults.append(fault(f"{where}{subscript(name)}", rule, config[name], cure))
        elif law is not ABSENT and name not in config:
            missing.append(name)
        elif law is not ABSENT:
            rightly[name] = config[name]
            broken = _broken(law, config[name])
            if broken:
                faults.append(fault(f"{where}{subscript(name)}", *broken))
    if missing:
        faults.insert(0, f"{where}: lacks {missing}; give every hyperparameter a value.")
    if not faults:
        faults += [
            f"{where}: must fulfil the constraint {text}, but is {config}. Change it."
            for text in space.constraints
            if not space.fulfils(config, text)
        ]
    return faults


def _broken(law: Any, value: Any) -> tuple[str, Any, str] | None:
    """Returns the rule that a value breaks, the value, and the cure; None if the law allows it."""
    if isinstance(law, list | tuple):
        if any(same(choice, value) for choice in law):
            return None
        return "must be one of the choices", value, f"They are {describe(list(law))}."
    if not is_distribution(law):
        cure = f"Write {describe(law)}."
        return None if same(law, value) else ("must be the constant of the space", value, cure)
    low, high = support(law)
    cure = f"It is {describe(law)}, from {low:.6g} to {high:.6g}."
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return "must be a number in the support", value, cure
    if is_discrete(law) and quantile(law, probability(law, value)) != value:
        return "must be a value of the distribution", value, cure
    if is_discrete(law) and has_ints(law) and isinstance(value, float) and value.is_integer():
        return "must be an int", value, f"Write {int(value)}."
    return None
