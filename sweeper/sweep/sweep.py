"""`sweeper.run`: what happens in which order, from the arguments to the results."""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import cloudpickle
import ray

from sweeper.cluster.connection import connected
from sweeper.cluster.fleet import Fleet
from sweeper.cluster.nodes import check_versions, fashion_mnist_for_other_nodes, no_checkpoints
from sweeper.cluster.resources import Resources
from sweeper.record import journal
from sweeper.record.journal import Journal
from sweeper.record.provenance import describe_sweep
from sweeper.record.resume import continue_record
from sweeper.record.rows import Row
from sweeper.record.sweep_folder import default_name, lasting, new_folder
from sweeper.space.checks import Config, ConfigSpace
from sweeper.space.config_space import trial_seed
from sweeper.space.searchers import Searcher
from sweeper.sweep.arguments import check_arguments
from sweeper.sweep.interrupts import Interrupts
from sweeper.sweep.limits import Limits
from sweeper.sweep.progress import Progress
from sweeper.terminal import printable
from sweeper.worker.objective import Objective
from sweeper.worker.objective_reference import objective_name, refuse_while_loading
from sweeper.worker.shared_data import pack, remove_abandoned

if TYPE_CHECKING:
    from sweeper.record.results import Results


@overload
def run(
    objective: Objective,
    config_space: ConfigSpace,
    searcher: Searcher,
    *,
    seed: int = 0,
    replicates: int = 1,
    num_workers: int | None = None,
    resources: Resources = Resources(),
    limits: Limits = Limits(),
    name: str | None = None,
    folder: str | Path = "runs",
    resume: bool = False,
    retry_failed: bool = False,
    keep_checkpoints: bool = False,
    data: Any = None,
    address: str | None = None,
    dry_run: Literal[False] = False,
    progress: bool = True,
) -> "Results": ...
@overload
def run(
    objective: Objective,
    config_space: ConfigSpace,
    searcher: Searcher,
    *,
    seed: int = 0,
    replicates: int = 1,
    num_workers: int | None = None,
    resources: Resources = Resources(),
    limits: Limits = Limits(),
    name: str | None = None,
    folder: str | Path = "runs",
    resume: bool = False,
    retry_failed: bool = False,
    keep_checkpoints: bool = False,
    data: Any = None,
    address: str | None = None,
    dry_run: Literal[True],
    progress: bool = True,
) -> list[Config]: ...


def run(
    objective: Objective,
    config_space: ConfigSpace,
    searcher: Searcher,
    *,
    seed: int = 0,
    replicates: int = 1,
    num_workers: int | None = None,
    resources: Resources = Resources(),
    limits: Limits = Limits(),
    name: str | None = None,
    folder: str | Path = "runs",
    resume: bool = False,
    retry_failed: bool = False,
    keep_checkpoints: bool = False,
    data: Any = None,
    address: str | None = None,
    dry_run: bool = False,
    progress: bool = True,
) -> "Results | list[Config]":
    """The results of trying the searcher's configurations in parallel.

    Args:
        objective: A function of one configuration (a dict of plain values) that returns the
            validation error, lower is better, or yields it after each epoch. It may take `data`.
        config_space: Name → scipy.stats distribution, list of choices, or constant.
        searcher: `RandomSearch(num_trials=…)` or `GridSearch(points=…)`.
        seed: 0 ≤ seed < 2**32. The same seed gives the same configurations and trial seeds,
            whatever the number of workers.
        replicates: How often each configuration is trained, each time with another seed.
        num_workers: How many trials run at once; None for all that fit, those on nodes that join
            included. An autoscaler is asked for nodes for them, or as many as it may bring.
        resources: What each trial gets.
        limits: When the sweep gives up: on a trial whose process keeps dying, and after a time.
        name: The sweep's own folder inside `folder`; None for one made of the time and the
            objective's name.
        folder: Where sweeps are kept; in a job that was sent to a cluster with its directory,
            relative to the home of the head.
        resume: Go on with the sweep of this name if there is one: trials on record are not run
            again, but for interrupted ones. `num_trials` and `replicates` may be larger than
            before; anything else that changes what is computed is refused.
        retry_failed: On resuming, run failed trials again as well.
        keep_checkpoints: Leave the last checkpoint of each `HPOTrainer(checkpoint_every=…)` in the
            sweep's folder when its trial ends.
        data: Anything large that the objective wants; reaches each node once and the objective
            as its argument `data`, writable and private to each trial.
        address: Which Ray: None for the one of this process, `RAY_ADDRESS`, or one that
            `ray start` started on this machine, else a new one; "local" for a new one; "auto" for
            one that runs already; HOST:PORT for a running cluster.
        dry_run: Only return the configurations.
        progress: Print what goes on, to standard error.

    Raises:
        ValueError, TypeError: an input is wrong, another sweep is to be resumed, nodes have other
            versions, or a trial fits on none; all faults are in one message, no trial started.
        RuntimeError: a script calls this while it is only imported for its objective.
        FileExistsError: there is such a sweep already.
        BlockingIOError: another process is running this sweep.
        ConnectionError: no Ray answers at `address`, or Ray died; the sweep can be resumed.
        ChildProcessError: no worker starts any more; the sweep can be resumed.
        OSError: the record can't be written. What was written before stays.
        KeyboardInterrupt, SystemExit: Ctrl-C, SIGTERM; the sweep can be resumed.
    """
    space = check_arguments(
        objective, config_space, searcher, seed, replicates, num_workers, resources, limits, name,
        resume, data,
    )  # fmt: skip
    say = _printer(progress)
    say(searcher.describe(space) + (f" × {replicates} replicates" if replicates > 1 else ""))
    configs = searcher.configs(space, seed)
    if dry_run:
        return configs
    refuse_while_loading()
    objective_bytes = _pickled(objective)
    packed = None if data is None else pack(data)
    sweep = describe_sweep(
        objective, space, searcher, seed, replicates, resources, data is not None
    )
    record: Journal | None = None
    kept: list[Row] = []
    path = lasting(folder) / (name or default_name(objective_name(objective)))
    with ExitStack() as stack:
        if resume and path.is_dir():
            record = stack.enter_context(closing(Journal(path)))
            sweep, kept = continue_record(path, sweep, configs, retry_failed, say)
        trials = _without(kept, _trials(configs, seed, replicates))
        if not trials:
            from sweeper.record.results import Results

            say(f"{path}: all {len(kept):,} trials are on record.")
            return Results(path, sweep, kept)
        interrupts = stack.enter_context(Interrupts())
        if packed is not None:
            stack.callback(remove_abandoned)  # once a Ray of its own has ended
        where = stack.enter_context(connected(address))
        interrupts.listen()
        check_versions(say)
        # Imported here, since Tune takes a second to load, in which Ray's first workers start.
        from sweeper.record.results import Results
        from sweeper.sweep.ending import outcome, run_to_the_end
        from sweeper.sweep.recorder import Recorder
        from sweeper.sweep.tuner import run_trials
        from sweeper.worker.trainable import Task

        fleet = Fleet(num_workers, resources, len(trials))
        if record is None:
            path = new_folder(path, named=name is not None)
            record = stack.enter_context(closing(Journal(path)))
        sweep["num_workers"] = fleet.limit()
        journal.write_json(path / "sweep.json", sweep)
        say(f"{path}: {fleet.describe(where)}")
        task = Task(
            objective=objective_bytes,
            data=packed,
            cpus=resources.cpus,
            gpus=resources.gpus,
            driver_node=ray.get_runtime_context().get_node_id(),
            folder=str(path.absolute()),
            no_checkpoints=no_checkpoints(path),
            directory=os.getcwd(),
            fashion_mnist=fashion_mnist_for_other_nodes(),
        )
        bar = Progress(len(kept) + len(trials), fleet.size, progress)
        bar.kept(kept)
        stack.callback(bar.close)
        recorder = Recorder(
            path, record, kept, bar, fleet, interrupts, limits.time_budget_s, keep_checkpoints
        )
        run_to_the_end(
            lambda: run_trials(task, trials, fleet.limit, limits.max_failures, recorder),
            recorder,
            trials,
            bar.say,
        )
        if interrupts.reason is not None:  # it may have come after the last step
            recorder.stop(interrupts.reason)
    return outcome(Results(path, sweep, recorder.rows), recorder.stop_reason, say)


def _trials(configs: list[Config], seed: int, replicates: int) -> list[dict[str, Any]]:
    """What sets each trial apart, the replicates of a configuration one after another."""
    return [
        {
            "trial": trial,
            "replicate": replicate,
            "seed": trial_seed(seed, trial, replicate),
            "config": config,
        }
        for trial, config in enumerate(configs)
        for replicate in range(replicates)
    ]


def _without(kept: list[Row], trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The trials that have no row yet."""
    done = {(row.trial, row.replicate) for row in kept}
    return [trial for trial in trials if (trial["trial"], trial["replicate"]) not in done]


def _printer(enabled: bool) -> Callable[[str], None]:
    def say(message: str) -> None:
        if enabled:
            print(printable(message), file=sys.stderr, flush=True)

    return say


def _pickled(objective: Objective) -> bytes:
    try:
        return cloudpickle.dumps(objective)
    except Exception as error:
        raise TypeError(
            f"objective can't be pickled: {error}. Open files, connections and locks inside of "
            "it, and pass large things through data=."
        ) from error
