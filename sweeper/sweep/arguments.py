"""What is wrong with the arguments of a sweep, all of it at once."""

from typing import Any

from sweeper.cluster.resources import Resources
from sweeper.faults import int_fault, refuse
from sweeper.record.sweep_folder import name_faults
from sweeper.space.checks import ConfigSpace, check_seed
from sweeper.space.searchers import Searcher, check_search
from sweeper.sweep.limits import Limits
from sweeper.worker.objective import Objective, objective_faults


def check_arguments(
    objective: Objective,
    config_space: ConfigSpace,
    searcher: Searcher,
    seed: int,
    replicates: int,
    num_workers: int | None,
    resources: Resources,
    limits: Limits,
    name: str | None,
    resume: bool,
    data: Any,
) -> dict[str, Any]:
    """The checked space.

    Raises:
        ValueError: the faults of all arguments in one message.
    """
    faults: list[str | None] = [*objective_faults(objective, data is not None)]
    space: dict[str, Any] = {}
    try:
        space = check_search(config_space, searcher)
    except (TypeError, ValueError) as error:
        faults.append(str(error))
    try:
        check_seed(seed)
    except (TypeError, ValueError) as error:
        faults.append(str(error))
    if num_workers is not None and (wrong := int_fault("num_workers", num_workers, 1)):
        faults.append(f"{wrong} None stands for all that fit.")
    faults.append(int_fault("replicates", replicates, 1))
    for argument, value, kind in (("resources", resources, Resources), ("limits", limits, Limits)):
        if not isinstance(value, kind):
            faults.append(
                f"{argument} must be sweeper.{kind.__name__}(…), but got "
                f"{value!r} ({type(value).__name__})."
            )
    refuse(*faults, *name_faults(name, resume))
    return space
