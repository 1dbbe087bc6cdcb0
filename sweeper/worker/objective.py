"""Checks the user's objective before a sweep, and handles what it gives back."""

import inspect
import random
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.terminal import bounded
from sweeper.training.trial import current_context
from sweeper.worker.reporting import in_the_end
from sweeper.worker.surroundings import surroundings, within

Objective = Callable[..., Any]


def accepts(objective: Objective, argument: str, by_name: bool = False) -> bool:
    """Checks if the objective takes this keyword argument; by_name: not as `**others`."""
    try:
        parameters = list(inspect.signature(objective).parameters.values())
    except (TypeError, ValueError):
        return False
    return any(
        (p.kind is p.VAR_KEYWORD and not by_name)
        or (p.name == argument and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
        for p in parameters[1:]  # the first one takes the configuration
    )


def objective_faults(objective: Any, data_given: bool) -> list[str]:
    """Lists the faults of an objective, one sentence each; empty if none can be seen."""
    if not callable(objective):
        return [
            "objective must be a function of one configuration, but got "
            f"{objective!r} ({type(objective).__name__})."
        ]
    try:
        parameters = list(inspect.signature(objective).parameters.values())
    except (TypeError, ValueError):
        return []  # builtins don't describe their arguments
    positional = [
        p
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)
    ]
    name = getattr(objective, "__name__", type(objective).__name__)
    if not positional:
        return [f"{name} takes no argument; it must take the configuration as its first one."]
    needed = [
        p.name
        for p in parameters
        if p is not positional[0]
        and p.default is p.empty
        and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    faults = []
    if data_given and not accepts(objective, "data"):
        faults.append(f"{name} takes no argument `data`, but data= was given. Add the argument.")
    if "data" in needed and not data_given:
        faults.append(f"{name} needs its argument `data`. Give it with data=….")
    others = [other for other in needed if other != "data"]
    if others:
        faults.append(
            f"{name} needs {others}, which nothing provides. "
            "Give them defaults, or fix them with functools.partial."
        )
    return faults


def faults_of_ours(objective: Any, config_space: Any, metric: str) -> list[str]:
    """Lists the faults of one of sweeper's own objectives for this space and metric."""
    if not (type(objective).__module__.startswith("sweeper.") and hasattr(objective, "faults")):
        return []
    space = config_space if isinstance(config_space, Mapping) else {}
    found: list[str] = objective.faults(space, metric)
    return found


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy, and torch if it is imported."""
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def run_here(
    objective: Objective, config: dict[str, Any], arguments: dict[str, Any], seed: int, cpus: float
) -> float:
    """Runs the objective in this process as a worker would; returns the last value of the
    context's metric.
    """
    inside = surroundings()
    inside.threads, inside.seed = num_threads(cpus), seed
    with within(inside):
        seed_everything(seed)
        returned = objective(config, **arguments)
        if isinstance(returned, Iterator):
            returned = next(iter(deque(returned, maxlen=1)), None)
        return in_the_end(returned, current_context())[0]


def num_threads(cpus: float) -> int:
    """Returns how many threads torch uses on so many CPUs."""
    return max(1, int(cpus))


_RUN_BY = ("objective.py", "running_trial.py", "trainable.py", "command.py", "script.py")
_OURS = {str(Path(__file__).with_name(name)) for name in _RUN_BY}


def describe_exception(exception: BaseException | None) -> dict[str, str | None]:
    """Returns the columns of a row for an exception; its notes are in the traceback only."""
    if exception is None:
        return {"exception": None, "traceback": None}
    described = traceback.TracebackException.from_exception(exception)
    in_full = "".join(described.format_exception_only()).strip()
    described.__notes__ = None
    text = "".join(described.format_exception_only()).strip()
    frames = list(traceback.extract_tb(exception.__traceback__))
    ours = max((i for i, frame in enumerate(frames) if frame.filename in _OURS), default=-1)
    frames = frames[ours + 1 :]  # the user's code is what the user wants to see
    in_full = "".join(traceback.format_list(frames)) + in_full
    return {"exception": bounded(text), "traceback": bounded(in_full)}
