"""A sweep from its inputs to its results, and the look at the test set afterwards."""

import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import cloudpickle
import ray

from sweeper import journal
from sweeper.cluster import Resources, connected, count_workers
from sweeper.fashion_mnist import local_arrays
from sweeper.interrupts import Interrupts
from sweeper.objective import Objective, accepts, objective_faults, run_here
from sweeper.progress import Progress
from sweeper.provenance import describe_sweep, now, objective_name
from sweeper.searchers import Searcher, check_search
from sweeper.shared_data import pack
from sweeper.space_checks import Config, ConfigSpace, check_seed
from sweeper.trial import trial_context

if TYPE_CHECKING:
    from sweeper.results import Results


@overload
def run(
    objective: Objective,
    config_space: ConfigSpace,
    searcher: Searcher,
    *,
    seed: int = 0,
    num_workers: int | None = None,
    resources: Resources = Resources(),
    name: str | None = None,
    folder: str | Path = "runs",
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
    num_workers: int | None = None,
    resources: Resources = Resources(),
    name: str | None = None,
    folder: str | Path = "runs",
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
    num_workers: int | None = None,
    resources: Resources = Resources(),
    name: str | None = None,
    folder: str | Path = "runs",
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
        num_workers: How many trials run at once; None for all that fit, more than fit is capped.
        resources: What each trial gets.
        name: The sweep's own folder inside `folder`; None for one made of the time and the
            objective's name.
        folder: Where sweeps are kept.
        data: Anything large that the objective wants; reaches each node once and the objective
            as its argument `data`, writable and private to each trial.
        address: Which Ray: None for the one of this process, `RAY_ADDRESS`, or one that
            `ray start` started on this machine, else a new one; "local" for a new one;
            HOST:PORT for a running cluster.
        dry_run: Only return the configurations.
        progress: Print what goes on, to standard error.

    Raises:
        ValueError, TypeError: an input is wrong; all faults are in one message, nothing started.
        FileExistsError: there is such a sweep already.
        ConnectionError: no Ray answers at `address`.
        OSError: the record can't be written. What was written before stays.
        KeyboardInterrupt: the sweep was interrupted; its record is kept.
    """
    space = _check(objective, config_space, searcher, seed, num_workers, resources, name, data)
    say = _printer(progress)
    say(searcher.describe(space))
    configs = searcher.configs(space, seed)
    if dry_run:
        return configs
    objective_bytes = _pickled(objective)
    packed = None if data is None else pack(data)
    description = describe_sweep(objective, space, searcher, seed, resources, configs)
    with Interrupts() as interrupts, connected(address) as where:
        interrupts.listen()
        # Imported here, since Tune takes a second to load, in which Ray's first workers start.
        from sweeper.recorder import Recorder, StopSweepError
        from sweeper.results import Results, table
        from sweeper.trainable import Task
        from sweeper.tuner import run_trials

        workers = _num_workers(num_workers, count_workers(resources), len(configs), say)
        path = _new_folder(Path(folder), name, _default_name(objective))
        journal.write_json(path / "sweep.json", description)
        say(f"{path}: {workers} {'worker' if workers == 1 else 'workers'} on {where}")
        task = Task(
            objective=objective_bytes,
            data=packed,
            cpus=resources.cpus,
            gpus=resources.gpus,
            driver_node=ray.get_runtime_context().get_node_id(),
            folder=str(path.absolute()),
            directory=os.getcwd(),
            fashion_mnist=_fashion_mnist_for_other_nodes(),
        )
        bar = Progress(len(configs), workers, progress)
        recorder = Recorder(path, bar, workers, interrupts)
        try:
            run_trials(task, configs, seed, workers, recorder)
        except StopSweepError:
            recorder.interrupt()
        finally:
            recorder.close()
        if interrupts.reason is not None:  # it may have come after the last step
            recorder.stop(interrupts.reason)
    results = Results(path, description, recorder.rows)
    if recorder.stop_reason is not None:
        say(f"{table(results)}\nStopped: {results.statuses()}. The record is in {path}.")
        raise recorder.stop_reason
    _say_if_all_failed(results, say)
    return results


def test(results: "Results", objective: Objective, *, data: Any = None) -> float:
    """The error of the chosen configuration on the sealed test set; call it once, at the end.

    Runs the objective once more in this process, on `results.best_config` with its trial's seed
    and number of threads. sweeper's data modules hand out the test set for evaluation instead of
    the validation set; an objective that brings its own data takes an argument `test=False` and
    is called with `test=True`. The look is written into the sweep's record.

    Raises:
        LookupError: no trial has finished.
        ValueError: the objective neither read a test set of sweeper's nor takes `test`.
    """
    row = results.best_row
    faults = objective_faults(objective, data is not None)
    if faults:
        raise ValueError("\n".join(faults))
    arguments: dict[str, Any] = {} if data is None else {"data": data}
    own_test_set = accepts(objective, "test", by_name=True)
    if own_test_set:
        arguments["test"] = True
    resources = Resources(**results.sweep["resources"])
    look = {"time": now(), "trial": row["trial"], "config": row["config"], "test_error": None}
    with trial_context(test=True, gpus=resources.gpus) as trial:
        try:
            error = run_here(objective, row["config"], arguments, row["seed"], resources.cpus)
            look["test_error"] = error
        finally:
            if own_test_set or trial.test_set_read:  # a look that failed is a look too
                journal.append_look(results.folder, look)
    if not (own_test_set or trial.test_set_read):
        raise ValueError(
            "The objective did not use a data module of sweeper's, so that its test set is not "
            "known. Give it an argument `test=False`, and let it return its error on its own test "
            "set if test is True."
        )
    return error


def _check(
    objective: Objective,
    config_space: ConfigSpace,
    searcher: Searcher,
    seed: int,
    num_workers: int | None,
    resources: Resources,
    name: str | None,
    data: Any,
) -> dict[str, Any]:
    """The checked space; all faults of all inputs in one message."""
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
    whole = isinstance(num_workers, int) and not isinstance(num_workers, bool)
    if num_workers is not None and not (whole and num_workers >= 1):
        faults.append(
            f"num_workers must be an int of at least 1, or None for all that fit, but got "
            f"{num_workers!r} ({type(num_workers).__name__})."
        )
    if not isinstance(resources, Resources):
        faults.append(
            "resources must be sweeper.Resources(cpus=…, gpus=…), but got "
            f"{resources!r} ({type(resources).__name__})."
        )
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


def _printer(enabled: bool) -> Callable[[str], None]:
    def say(message: str) -> None:
        if enabled:
            print(message, file=sys.stderr, flush=True)

    return say


def _pickled(objective: Objective) -> bytes:
    try:
        return cloudpickle.dumps(objective)
    except Exception as error:
        raise TypeError(
            f"objective can't be pickled: {error}. Open files, connections and locks inside of "
            "it, and pass large things through data=."
        ) from error


def _num_workers(wanted: int | None, fit: int, trials: int, say: Callable[[str], None]) -> int:
    if wanted is not None and wanted > fit:
        say(f"num_workers={wanted}: only {fit} fit, which are used.")
    return min(wanted or fit, fit, trials)


def _default_name(objective: Objective) -> str:
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in objective_name(objective))
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{plain.strip('-')[-40:] or 'objective'}"


def _new_folder(parent: Path, name: str | None, default: str) -> Path:
    """The sweep's own folder; a default name that is taken gets a number."""
    parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, 100):
        path = parent / (name or (default if number == 1 else f"{default}-{number}"))
        try:
            path.mkdir()
            return path
        except FileExistsError:
            if name:
                break
    raise FileExistsError(f"{path}: exists already, and is never overwritten. Choose another name.")


def _fashion_mnist_for_other_nodes() -> dict[str, Any] | None:
    """The images for nodes that lack them, where this one has them; nothing is downloaded."""
    if sum(node["Alive"] for node in ray.nodes()) < 2:
        return None
    return local_arrays()


def _say_if_all_failed(results: "Results", say: Callable[[str], None]) -> None:
    failed = [row for row in results.rows if row["status"] == "failed"]
    if len(failed) == len(results.rows):
        say(f"All {len(failed)} trials failed. The first one:\n{failed[0]['traceback']}")
