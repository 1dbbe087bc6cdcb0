"""Runs trials on Ray, or in this process."""

import logging
import math
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sweeper.extras import extras_named
from sweeper.faults import refuse
from sweeper.record.sweep_definition import Sweep
from sweeper.sweep.conductor import Conductor
from sweeper.sweep.execution import Execution
from sweeper.sweep.interrupts import Interrupts
from sweeper.sweep.suggestions import Asker, Here
from sweeper.sweep.travelling import packed

_REACT_S = 2.5  # for a sweep to end in order after a signal
_taken = threading.Lock()  # by the one sweep of this process that may run on Ray


def _say_nothing(text: str) -> None:
    pass


@dataclass(frozen=True)
class Executor:
    """A place where trials run.

    Attributes:
        where: a description such as `2 workers on this machine`.
        num_workers: how many trials may run or wait for a place.
        size: how many have a place now; it changes as nodes come and go.
        asker: runs a searcher that learns from results.
        run: runs trials until all have ended, or the conductor gives a reason to end the sweep.
        last_words: notes how to go on, said if this process is ended from outside while they run.
    """

    where: str
    num_workers: int
    size: Callable[[], int]
    asker: Callable[[Sweep], Asker]
    run: Callable[[Sweep, Conductor], None]
    last_words: Callable[[str], None] = _say_nothing


def inline(sweep: Sweep, execution: Execution, data: Any) -> Executor:
    """Returns this process as the place, where one trial runs after another, without Ray.

    Raises:
        ValueError: trials have a time limit, and this thread can't be interrupted.
    """
    from sweeper.sweep.inline import run_inline

    limited = execution.limits.trial_time_s is not None and not sweep.fresh
    if limited and threading.current_thread() is not threading.main_thread():
        refuse(
            "limits: trial_time_s with address='inline' needs the main thread, the only one that "
            "can be interrupted. Run the sweep there, set fresh=True, or leave trial_time_s out."
        )

    def run(sweep: Sweep, conductor: Conductor) -> None:
        run_inline(sweep, data, conductor, execution.limits, execution.debug)

    return Executor("this process, one trial after another", 1, lambda: 1, Here, run)


@contextmanager
def _no_word_of_widgets() -> Iterator[None]:
    """Keeps Ray, and tqdm which it loads, from asking notebooks for ipywidgets."""
    logger = logging.getLogger("ray.widgets.util")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="IProgress not found")
            yield
    finally:
        logger.setLevel(before)


@contextmanager
def on_ray(
    sweep: Sweep,
    execution: Execution,
    data: Any,
    num_left: int,
    interrupts: Interrupts,
    say: Callable[[str], None],
) -> Iterator[Executor]:
    """Yields the workers of a Ray, which is stopped afterwards if it was started for this.

    Args:
        sweep: the sweep to run.
        execution: how it is run.
        data: the objective's data; None for nothing.
        num_left: the number of trials still to be run.
        interrupts: handle signals from the start of Ray on.
        say: gets messages about different versions, and a large objective.

    Raises:
        TypeError: the objective or the data can't be pickled.
        ValueError: a trial fits on no node, or nodes have other versions.
        ConnectionError: no Ray answers, or it dies.
        ModuleNotFoundError: Ray is not installed.
        RuntimeError: another thread runs a sweep on Ray.
    """
    with _no_word_of_widgets(), extras_named():
        from sweeper.cluster.connection import connected
        from sweeper.cluster.watchdog import Watch
    from sweeper.worker.shared_data import pack, remove_abandoned

    if not _taken.acquire(blocking=False):
        raise RuntimeError(
            "Another thread of this process runs a sweep on Ray, and there can be one at a time. "
            "Run them one after another, in processes of their own, or with address='inline'."
        )
    with ExitStack() as stack:
        stack.callback(_taken.release)
        objective = packed(sweep.objective, say)
        packed_data = None if data is None else pack(data)
        if packed_data is not None:
            stack.callback(remove_abandoned)  # once a Ray of its own has ended
        interrupts.listen()
        watch = Watch(say, lambda: interrupts.reason)
        where = stack.enter_context(connected(execution.address, say, watch))
        interrupts.listen()  # again, since Ray has set handlers of its own
        from sweeper.cluster.nodes import check_versions

        watch.run(lambda: check_versions(say), "the versions of its nodes")
        # Imported here, since Tune takes a second to load; meanwhile Ray's first workers start.
        with _no_word_of_widgets():
            from sweeper.cluster.fleet import Fleet
            from sweeper.sweep.on_ray import make_task, run_on_ray
            from sweeper.sweep.searcher_process import Apart

        def look() -> tuple[Fleet, str, int]:
            fleet = Fleet(execution.num_workers, sweep.resources, num_left)
            return fleet, fleet.describe(where), fleet.limit()

        fleet, described, limit = watch.run(look, "its nodes")

        def run(sweep: Sweep, conductor: Conductor) -> None:
            def work() -> None:
                limits, keep = execution.limits, execution.keep
                folder = conductor.folder
                task = make_task(sweep, objective, packed_data, folder, os.getcwd(), limits, keep)
                run_on_ray(task, conductor, fleet, limits)

            watch.say = conductor.bar.say
            watch.run(work, "the sweep", math.inf, _REACT_S)

        last_words = watch.last_words if execution.progress else _say_nothing
        yield Executor(described, limit, fleet.size, Apart, run, last_words)
