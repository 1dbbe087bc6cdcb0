"""`sweeper.run`: the steps of a sweep, from the arguments to the results."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.cluster.resources import Resources
from sweeper.faults import bool_fault, refuse
from sweeper.live import printer
from sweeper.record import journal
from sweeper.record.journal import Journal
from sweeper.record.own_sweeps import check_folders, note_objective
from sweeper.record.provenance import describe_sweep
from sweeper.record.resume import continue_record
from sweeper.record.rows import Row
from sweeper.record.sweep_definition import Sweep, check_sweep
from sweeper.record.sweep_folder import check_place, default_name, lasting, new_folder
from sweeper.record.unwritable import check_room, writing
from sweeper.search.asha import ASHA
from sweeper.search.metric import Metric, sounds_high
from sweeper.search.searcher import Searcher
from sweeper.search.top_two import TopTwo
from sweeper.space.checks import ConfigSpace
from sweeper.sweep import executors
from sweeper.sweep.conductor import Conductor
from sweeper.sweep.core import Core
from sweeper.sweep.ending import how_to_go_on, leave_behind, outcome, say_all_on_record
from sweeper.sweep.execution import INLINE, Execution
from sweeper.sweep.executors import Executor
from sweeper.sweep.interrupts import Interrupts
from sweeper.sweep.limits import Limits
from sweeper.sweep.nesting import refuse_in_a_trial
from sweeper.sweep.progress import Progress
from sweeper.sweep.ranges import what_is_tried
from sweeper.sweep.stops import Stops
from sweeper.sweep.suggestions import Here, Suggestions
from sweeper.worker.command import Command
from sweeper.worker.objective import Objective
from sweeper.worker.objective_loading import refuse_while_loading
from sweeper.worker.objective_reference import describe_objective, objective_name

if TYPE_CHECKING:
    from sweeper.record.results import Results


def run(
    objective: Objective,
    config_space: ConfigSpace,
    searcher: Searcher,
    *,
    constraints: Iterable[str] = (),
    scheduler: ASHA | None = None,
    metric: str = Metric.name,
    mode: str | None = None,
    seed: int = Sweep.seed,
    replicates: int = Sweep.replicates,
    num_workers: int | None = None,
    resources: Resources = Resources(),
    limits: Limits = Limits(),
    name: str | None = None,
    folder: str | Path = Execution.folder,
    resume: bool = False,
    retry_failed: bool = False,
    keep_checkpoints: bool = False,
    keep: str = Execution.keep,
    fresh: bool = False,
    data: Any = None,
    address: str | None = None,
    debug: bool = False,
    progress: bool = True,
    report: bool = True,
) -> "Results":
    """Runs a sweep: tries the searcher's configurations in parallel and returns the results.

    Args:
        objective: A function of one configuration (a dict of plain values) that returns the
            validation error, lower is better, or any other `metric`; or yields it after each
            epoch, or calls `sweeper.report`. Each takes a number, or a dict of several by name.
            It may take `data`.
        config_space: Name → scipy.stats distribution, list of choices, or constant.
        searcher: `RandomSearch`, `SobolSearch`, `BayesianSearch` (each with `num_trials=…`) or
            `GridSearch(points=…)`: chooses the configurations.
        constraints: What all configurations must fulfil, such as `"depth * width <= 4096"`.
        scheduler: `ASHA(…)` stops trials early unless they are among the best so far; it needs
            epochs: objectives that yield, report, or train with `HPOTrainer`. None trains all to
            the end.
        metric: The name of the number that is optimised, if the objective gives several, and of its
            column in the results. The others are further columns.
        mode: "min" if low is good, "max" if high is. None stands for "min", but not for metrics
            whose names sound as if high were good, such as accuracy or f1.
        seed: 0 ≤ seed < 2**32. The same seed gives the same configurations and trial seeds,
            whatever the number of workers.
        replicates: How often each configuration is trained, each time with another seed.
        num_workers: How many trials run at once; None for all that fit, also on nodes that join
            later. An autoscaler is asked for nodes for them, or for as many as it may add.
        resources: The CPUs and GPUs that each trial gets.
        limits: When a trial is given up, and when the sweep ends before all trials have.
        name: The sweep's own folder inside `folder`; None for one made of the time and the
            objective's name.
        folder: Where sweeps are kept; in a job that was sent to a cluster with its directory,
            relative to the home of the head.
        resume: Go on with the sweep of this name if there is one: trials on record are not run
            again, except interrupted ones. `num_trials` may be larger than before, and `replicates`
            unless the searcher learns; anything else that changes what is computed is refused.
        retry_failed: On resuming, run failed trials again as well.
        keep_checkpoints: Leave the last checkpoint of each `HPOTrainer(checkpoint_every=…)` in the
            sweep's folder when its trial ends.
        keep: Which of the folders that trials made with `sweeper.current_trial().folder` stay when
            the trials end: "best" for those of the best three configurations so far, which have the
            best means over their replicates, "all", "none".
        fresh: Run each trial in a new process. Needed by objectives that change what their modules
            hold (a generator made when a file is loaded, a cache, a framework's settings): else a
            trial finds the changes of the one before it on its worker.
        data: Anything large that the objective needs; it is sent to each node once and passed to
            the objective as its argument `data`, writable and private to each trial.
        address: Which Ray: None for the one of this process, `RAY_ADDRESS`, or one that `ray start`
            started on this machine, else a new one; "local" for a new one; "auto" for one that runs
            already; HOST:PORT for a running cluster; "inline" for no Ray: one trial after another
            in this process, for debugging.
        debug: With address="inline", let exceptions of the objective through; the sweep ends then.
        progress: Print progress and messages to standard error.
        report: With `progress`, end by printing the best trials, and leave a report of the sweep
            beside its record.

    Raises:
        ValueError, TypeError: an input is wrong, another sweep is to be resumed, nodes have other
            versions, or a trial fits on none; all faults are in one message, and no trial has
            started.
        RuntimeError: a script calls this while it is only imported for its objective, or a trial
            calls it without address="inline".
        FileExistsError: there is such a sweep already.
        BlockingIOError: another process is running this sweep.
        ConnectionError: no Ray answers at `address`, or Ray died; the sweep can be resumed.
        ChildProcessError: no worker starts any more; the sweep can be resumed.
        OSError: the sweep's folder can't be written: says what, why and how to go on. What was
            written before stays.
        KeyboardInterrupt, SystemExit: Ctrl-C, SIGTERM, SIGHUP; the sweep can be resumed.

    Example:
        >>> def objective(config):
        ...     return (config["x"] - 2) ** 2
        >>> space, searcher = {"x": stats.uniform(0, 4)}, sweeper.RandomSearch(num_trials=8)
        >>> results = sweeper.run(objective, space, searcher, address="inline")
        >>> round(results.best_config["x"], 2)
        2.29
    """
    execution = Execution(
        num_workers, limits, name, folder, resume, retry_failed, keep_checkpoints, keep,
        address, debug, progress,
    )  # fmt: skip
    faults = execution.faults()
    if wrong := bool_fault("report", report):
        faults.append(wrong)
    if mode is None and sounds_high(metric):
        faults.append(f"metric={metric!r}: say mode='max', or mode='min' if low is good.")
    if debug and fresh:
        faults.append(
            "debug=True lets exceptions of the objective through, which fresh=True runs in another "
            "process. Leave one of them out."
        )
    try:
        sweep = check_sweep(
            objective, config_space, searcher, constraints, scheduler,
            Metric(metric, mode or Metric.mode), seed, replicates, resources,
            data is not None, fresh,
        )  # fmt: skip
    except ValueError as error:
        faults.insert(0, str(error))
    refuse(*faults)
    results = run_sweep(sweep, execution, data)
    if progress and report:
        leave_behind(results, printer(progress))
    return results


def run_sweep(sweep: Sweep, execution: Execution, data: Any = None) -> "Results":
    """Runs a sweep whose parts are checked and returns the results; raises what `run` does."""
    from sweeper.record.results import Results

    say = printer(execution.progress)
    replicates = f" × {sweep.replicates} replicates" if sweep.replicates > 1 else ""
    say(sweep.searcher.describe(sweep.space) + replicates)
    are_given = len(sweep.searcher.initial_configs) >= sweep.num_trials
    if execution.progress and not are_given and not isinstance(sweep.searcher, TopTwo):
        for line in what_is_tried(sweep.space, sweep.searcher):
            say(line)
    refuse_while_loading()
    refuse_in_a_trial(execution.address)
    path = lasting(execution.folder) / (execution.name or default_name(_title(sweep.objective)))
    with ExitStack() as stack:
        record: Journal | None = None
        kept: list[Row] = []
        with writing(path, _resume(path) if execution.resume else _ANOTHER_FOLDER):
            if execution.resume and path.is_dir():
                check_folders(path)
                check_room(path)
                record = stack.enter_context(closing(Journal(path)))
            else:
                check_place(path, execution.name is not None)
        if record is not None:
            sweep, described, kept = continue_record(path, sweep, execution.retry_failed, say)
            # Its record may name another objective, that did not run here.
            note_objective(path, describe_objective(sweep.objective))
        core = Core(sweep, kept)
        if isinstance(sweep.searcher, TopTwo) and record is not None:
            Suggestions(core, Here(sweep)).step()  # it may have come to its end
        if core.is_over:
            results = Results(path, described, core.rows())
            say_all_on_record(results, say)
            return results
        num_left = max(1, core.num_trials * sweep.replicates - len(kept))
        interrupts = stack.enter_context(Interrupts())
        executor = _executor(sweep, execution, data, num_left, interrupts, say, stack)
        given_lag, sweep = sweep.lag, sweep.with_lag_for(executor.num_workers)
        if record is None:
            with writing(path, _ANOTHER_FOLDER):
                path = new_folder(path, named=execution.name is not None)
                record = stack.enter_context(closing(Journal(path)))
            described = describe_sweep(sweep)
            note_objective(path, described)
        described |= {"num_workers": executor.num_workers, "lag": sweep.lag}
        with writing(path, _resume(path)):
            journal.write_json(path / "sweep.json", described)
        say(f"{path}: {executor.where}")
        if sweep.lag != given_lag and not isinstance(sweep.searcher, TopTwo):
            say(
                f"lag: {sweep.lag}, twice the workers. With lag={sweep.lag} (--lag {sweep.lag}) "
                "any number of workers gives this table"
            )
        core = Core(sweep, kept)
        bar = Progress(
            len(kept) + num_left, executor.size, execution.progress, metric=sweep.metric,
            prints=execution.address == INLINE, folder=path,
        )  # fmt: skip
        bar.kept(len(kept), core.newly_settled())
        stack.callback(bar.close)
        bar.open()
        stops = Stops(core, execution.limits, interrupts, executor.num_workers, bar.say)
        suggestions = Suggestions(core, executor.asker(sweep))
        conductor = Conductor(
            core, record, path, bar, stops, suggestions, execution.keep_checkpoints, execution.keep
        )
        executor.last_words(how_to_go_on(described, path))
        _run_to_the_end(executor, sweep, conductor)
        if core.num_trials < sweep.num_trials:  # the searcher has ended it
            described["num_trials"] = core.num_trials
            journal.write_json(path / "sweep.json", described)
    return outcome(Results(path, described, core.rows()), stops.reason, say, stops.told)


_ANOTHER_FOLDER = "Or choose another folder: folder=… (--folder)."


def _resume(path: Path) -> str:
    return f"Then go on with name={path.name!r}, resume=True (--name {path.name} --resume)."


def _title(objective: Objective) -> str:
    """Returns what a sweep is named after: its script or function."""
    scripts = objective.files() if isinstance(objective, Command) else []
    return Path(scripts[0]).stem if scripts else objective_name(objective)


def _executor(
    sweep: Sweep,
    execution: Execution,
    data: Any,
    num_left: int,
    interrupts: Interrupts,
    say: Callable[[str], None],
    stack: ExitStack,
) -> Executor:
    """Returns the place where the trials run, until the stack is left."""
    if execution.address == INLINE:
        return executors.inline(sweep, execution, data)
    return stack.enter_context(executors.on_ray(sweep, execution, data, num_left, interrupts, say))


def _run_to_the_end(executor: Executor, sweep: Sweep, conductor: Conductor) -> None:
    """Runs trials until all that began have a row, even if only as interrupted."""
    stops = conductor.stops
    try:
        executor.run(sweep, conductor)
    except ConnectionError as error:
        conductor.bar.say(str(error))  # now, since it takes seconds to leave a broken Ray
        stops.stop(error)
    except BaseException as error:
        stops.stop(error)  # an earlier reason counts; it may be this very exception
    stops.look()  # a signal may have come after the last step
    conductor.interrupt()
    conductor.trial_folders.look()
