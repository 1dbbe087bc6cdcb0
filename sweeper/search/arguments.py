"""Checks the arguments that searchers share: the number of trials and the first configurations."""

from collections.abc import Sequence
from typing import Any

from sweeper.faults import int_fault
from sweeper.space.checks import Config, check_config_space
from sweeper.space.config_space import share_fault
from sweeper.space.membership import config_faults
from sweeper.space.space import Space


def search_faults(kind: str, num_trials: Any, initial_configs: Any, space: Space) -> list[str]:
    """Lists the faults in the arguments of a search with `num_trials`, one sentence each."""
    faults = initial_faults(initial_configs, space)
    wrong = int_fault(f"{kind}(num_trials=…)", num_trials, 1)
    if wrong:
        faults.append(wrong)
    elif not faults and len(initial_configs) > num_trials:
        faults.append(
            f"{kind}(num_trials={num_trials}) leaves out some of its "
            f"{len(initial_configs)} initial_configs. Raise num_trials, or give fewer."
        )
    rare = share_fault(space)
    return [*faults, rare] if rare else faults


def initial_faults(initial_configs: Any, space: Space) -> list[str]:
    """Lists the faults in the configurations to begin with, one sentence each."""
    if not isinstance(initial_configs, list | tuple):
        kind = type(initial_configs).__name__
        return [f"initial_configs must be a list of configurations, but got a {kind}."]
    faults = [
        fault
        for i, config in enumerate(initial_configs)
        for fault in config_faults(space, config, f"initial_configs[{i}]")
    ]
    if faults:
        return faults
    plain = plain_configs(initial_configs, space)
    return [
        f"initial_configs[{i}]: equals initial_configs[{plain.index(config)}]; each may be listed "
        "once. Leave one of them out; replicates=… trains configurations several times."
        for i, config in enumerate(plain)
        if config in plain[:i]
    ]


def plain_configs(initial_configs: Sequence[Config], space: Space | None = None) -> list[Config]:
    """Returns the configurations with plain Python scalars, names in the order of the space."""
    plain = [
        {name: values[0] for name, values in check_config_space(choices).items()}
        for choices in ({name: [config[name]] for name in config} for config in initial_configs)
    ]
    return plain if space is None else [space.in_order(config) for config in plain]


def trials_text(n: int, asked: int | None = None) -> str:
    """Returns a number of trials, such as `12,000 trials`; notes if more were asked for."""
    text = "1 trial" if n == 1 else f"{n:,} trials"
    if asked is None or n == asked:
        return text
    return f"{text}, since the space has no more configurations ({asked:,} were asked for)"
