"""What is wrong with the arguments of a sweep, all of it at once."""

import os
from typing import Any

from sweeper.cluster.resources import Resources
from sweeper.faults import int_fault
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
    faults = objective_faults(objective, data is not None)
    space: dict[str, Any] = {}
    try:
        space = check_search(config_space, searcher)
    except (TypeError, ValueError) as error:
        faults.append(str(error))
    try:
        check_seed(seed)
    except (TypeError, ValueError) as error:
        faults.append(str(error))
    counts = {"replicates": replicates}
    if num_workers is not None:  # for all that fit
        counts["num_workers"] = num_workers
    wrong = (int_fault(argument, value, 1) for argument, value in counts.items())
    faults += [fault for fault in wrong if fault]
    for argument, value, kind in (("resources", resources, Resources), ("limits", limits, Limits)):
        if not isinstance(value, kind):
            faults.append(
                f"{argument} must be sweeper.{kind.__name__}(…), but got "
                f"{value!r} ({type(value).__name__})."
            )
    if resume and name is None:
        faults.append("resume=True needs the name of the sweep to go on with: name=….")
    if name is not None and (not isinstance(name, str) or not _is_file_name(name)):
        faults.append(
            f"name must be the name of one folder, such as 'first', but got {name!r} "
            f"({type(name).__name__})."
        )
    if faults:
        raise ValueError("\n".join(faults))
    return space


def _is_file_name(name: str) -> bool:
    return name == os.path.basename(name) and name not in ("", ".", "..") and "\0" not in name
