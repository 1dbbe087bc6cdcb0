"""Refuses Ray tasks inside of a trial that would wait for ever.

Tune gives a trial a placement group of its own, and the trial's worker holds all of it. A task or
an actor that the objective starts is put into that group as well, unless told otherwise, and so
waits for CPUs that are never free.
"""

from typing import Any

import ray
import ray.actor
import ray.remote_function

_CONFIGURE = "_configure_placement_group_based_on_context"  # where Ray 2.60 chooses the group


def refuse_hopeless_tasks() -> None:
    """Makes `f.remote()` raise a RuntimeError from now on if the task could never begin."""
    for module in (ray.remote_function, ray.actor):
        original = getattr(module, _CONFIGURE, None)
        if original is not None:
            setattr(module, _CONFIGURE, _checked(original))


def _checked(configure: Any) -> Any:
    def checked(*arguments: Any, **options: Any) -> Any:
        group = configure(*arguments, **options)
        given = dict(zip(_NAMES, arguments, strict=False)) | options
        chosen = given.get("placement_group", "default") != "default"
        wanted = {**(given.get("placement_resources") or {}), **(given.get("resources") or {})}
        held = {name: wanted[name] for name in ("CPU", "GPU") if wanted.get(name)}
        if group.is_empty or chosen or not held:
            return group
        what = " and ".join(f"{number:g} {name}" for name, number in held.items())
        raise RuntimeError(
            f"{given.get('task_or_actor_repr')} needs {what}, and would wait forever: inside of a "
            "trial, Ray looks for them in what the trial holds itself. Give it none, as in "
            "`@ray.remote(num_cpus=0)`; or take some that no trial holds, by `.options("
            'scheduling_strategy="DEFAULT")` and fewer num_workers; or use threads, or '
            "multiprocessing."
        )

    return checked


_NAMES = (
    *("placement_group_capture_child_tasks", "bundle_index", "resources", "placement_resources"),
    *("task_or_actor_repr", "placement_group"),
)
