"""The commands of `sweeper` that need Ray, each from its options to an exit code."""

import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeper.cli.options import BUILT_IN_ONLY, DEFAULT_SPACE, DEFAULTS, check, is_own, merge
from sweeper.cli.reading import print_results, quiet
from sweeper.faults import refuse
from sweeper.record.mirror import MIRROR
from sweeper.terminal import drop_output, one_line, printable, tell


def run(given: dict[str, Any]) -> int:
    """Runs a sweep."""
    from sweeper.space.text import read_config_space

    options, said = _checked(given)
    if options["dry_run"]:
        return _preview(options)
    from sweeper.remote import commands as remote_commands

    head = remote_commands.chosen_head(options)
    if head is not None:
        return _end_of_job(*remote_commands.run(head, given, options), options)
    space = read_config_space(options["space"] or DEFAULT_SPACE)
    import sweeper

    objective = _objective(options, space)
    results = sweeper.run(
        objective,
        space,
        _searcher(options),
        constraints=options["constraint"] or (),
        scheduler=_scheduler(options, said),
        metric=options["metric"],
        mode=options["mode"],
        seed=options["seed"],
        replicates=options["replicates"],
        resources=_resources(options),
        name=options["name"],
        folder=options["folder"],
        resume=options["resume"],
        fresh=options["fresh"],
        report=False,  # printed to standard output, below
        **_how_to_run(options),
    )
    _show(results)
    _say_what_was_never_printed(options, results)
    try:
        if options["test"] and _exit_code(results) == 0:
            error = sweeper.test(results, objective)
            # Only of the built-in classifier is it known what the number means.
            accuracy = f", accuracy {1 - error:.4g}" if options["objective"] is None else ""
            print(f"test set: error {error:.4g}{accuracy}")
    finally:  # a failed look at the test set takes nothing from the sweep
        code = _leave_report(results, options)
    return code


def _checked(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """All options and those that were said, if nothing is wrong with them, also by themselves.

    Raises:
        ValueError: there are faults; all are in one message.
    """
    from sweeper.sweep.execution import Execution

    options, said, faults = merge(given)
    try:
        where = {name: options[name] for name in ("name", "folder", "resume")}
        faults += Execution(**where, **_how_to_run(options)).faults()
    except ValueError as error:
        faults.append(str(error))
    try:
        _resources(options)
    except (ValueError, TypeError) as error:
        faults.append(str(error))
    check(options, said, faults)
    return options, said


def _resources(options: dict[str, Any]) -> Any:
    import sweeper

    return sweeper.Resources(cpus=options["cpus"], gpus=options["gpus"])


def _say_what_was_never_printed(options: dict[str, Any], results: Any) -> None:
    never = [name for name in options["also"] or () if name not in results.other_metrics]
    if never and any(row.status == "finished" for row in results.rows):
        tell(printable(f"--also {', '.join(never)}: no trial printed such a number.") + "\n")


def space(given: dict[str, Any]) -> int:
    """Shows what a search would try."""
    options, _ = _checked(given)
    return _preview(options)


def _preview(options: dict[str, Any]) -> int:
    import sweeper
    from sweeper.space.config_space import trial_seed
    from sweeper.space.text import read_config_space

    space = read_config_space(options["space"] or DEFAULT_SPACE)
    command = options["command"] and _command(options)
    if command:
        refuse(*command.faults(space))
    shown = sweeper.preview(
        space,
        _searcher(options),
        seed=options["seed"],
        constraints=options["constraint"] or (),
    )
    print(printable(str(shown)))
    if command and shown.configs:
        of_trial = {"trial": 0, "seed": trial_seed(options["seed"], 0, 0), "folder": "FOLDER"}
        print(printable(f"trial 0: {shlex.join(command.arguments(of_trial | shown.configs[0]))}"))
    return 0


def _how_to_run(options: dict[str, Any]) -> dict[str, Any]:
    import sweeper
    from sweeper.sweep.execution import INLINE

    return {
        "num_workers": options["workers"],
        "limits": sweeper.Limits(
            max_failures=options["max_failures"],
            time_budget_s=options["time_budget"],
            total_epochs=options["total_epochs"],
            target=options["target"],
            patience=options["patience"],
            trial_time_s=options["trial_time"],
            first_failures=options["first_failures"],
        ),
        "retry_failed": options["retry_failed"],
        "keep_checkpoints": options["keep_checkpoints"],
        "keep": options["keep"],
        "address": options["address"],
        "debug": options.get("debug", False) and options["address"] == INLINE,
        "progress": not options["quiet"],
    }


def resume(given: dict[str, Any]) -> int:
    """Goes on with a sweep from its record."""
    import sweeper
    from sweeper.record.journal import read
    from sweeper.record.own_sweeps import check_objective
    from sweeper.record.resume import rebuild
    from sweeper.record.sweep_folder import normal_path
    from sweeper.remote import commands as remote_commands
    from sweeper.sweep.execution import Execution
    from sweeper.sweep.sweep import run_sweep

    options, _, faults = merge({name: value for name, value in given.items() if name != "objective"})
    options["objective"] = given.get("objective")
    refuse(*faults)
    folder = normal_path(options["sweep"])
    # In a job, what is said of one there is what its laptop has noted.
    head = remote_commands.chosen_head(options, None if MIRROR in os.environ else folder)
    if head is not None:
        return _end_of_job(*remote_commands.resume(head, given), options)
    execution = Execution(
        name=folder.name, folder=folder.parent, resume=True, **_how_to_run(options)
    )
    refuse(*execution.faults())
    described = read(folder).sweep
    if options["objective"] is None:
        check_objective(folder, described)
    sweep = rebuild(described, options["objective"])
    if "trials" in given:
        if isinstance(sweep.searcher, sweeper.GridSearch):
            raise ValueError("--trials: a grid can't be made larger.")
        searcher: Any = sweep.searcher
        sweep = replace(sweep, searcher=replace(searcher, num_trials=given["trials"]))
    if "replicates" in given:
        sweep = replace(sweep, replicates=given["replicates"])
    results = run_sweep(sweep, execution)
    _show(results)
    return _leave_report(results, options)


def attach(given: dict[str, Any]) -> int:
    """Follows a sweep that was sent to a cluster before."""
    from sweeper.remote import commands as remote_commands

    options = {**DEFAULTS, **given}
    return _end_of_job(*remote_commands.attach(options), options)


def _end_of_job(folder: Path, code: int, options: dict[str, Any]) -> int:
    """The exit code of a job, with the report of its sweep left in the folder here."""
    from sweeper.record.results import load

    if (folder / "sweep.json").exists():
        _leave_report(load(folder), options)
    return code


def _show(results: Any) -> None:
    """Prints the results; a report is left also where nobody reads on."""
    try:
        with quiet():
            print_results(results)
        sys.stdout.flush()
    except OSError:
        drop_output()


def _leave_report(results: Any, options: dict[str, Any]) -> int:
    """The exit code; a report that can't be written is only said, since the results are safe."""
    import sweeper

    if MIRROR in os.environ:  # a laptop has the record too, and reports
        return _exit_code(results)
    print(one_line(f"folder: {results.folder}"))
    if not options["no_report"]:
        try:
            with quiet():
                path = sweeper.write_report(results, results.folder / "report.html")
            print(one_line(f"report: {path}"))
        except Exception as error:
            tell(printable(f"sweeper: no report: {error}") + "\n")
    return _exit_code(results)


def _exit_code(results: Any) -> int:
    return 0 if any(row.status == "finished" for row in results.rows) else 1


def doctor(given: dict[str, Any]) -> int:
    """Prints what there is to run sweeps on, and what is wrong with it."""
    from sweeper.remote import commands as remote_commands

    options, _, faults = merge(given)
    refuse(*faults)
    head = remote_commands.chosen_head(options)
    if head is not None:
        return remote_commands.doctor(head, given)
    from sweeper.cluster.doctor import examine
    from sweeper.cluster.doctor_page import render
    from sweeper.cluster.resources import Resources
    from sweeper.record.sweep_folder import lasting

    resources = Resources(cpus=options["cpus"], gpus=options["gpus"])
    report = examine(options["address"], resources, lasting(options["folder"]))
    print(render(report))
    return 1 if report.findings else 0


def _searcher(options: dict[str, Any]) -> Any:
    import sweeper

    first = [_config(text) if isinstance(text, str) else text for text in options["initial"] or ()]
    if options["searcher"] == "grid":
        return sweeper.GridSearch(points=options["points"], initial_configs=first)
    if options["searcher"] == "random":
        return sweeper.RandomSearch(options["trials"], first, unique=options["unique"])
    if options["searcher"] == "sobol":
        return sweeper.SobolSearch(options["trials"], first)
    return sweeper.BayesianSearch(
        options["trials"], model=options["surrogate"], lag=options["lag"], initial_configs=first
    )


def _config(text: str) -> Any:
    """The configuration that a text stands for."""
    from sweeper.space.text import read_value

    try:
        config = read_value(text)
        reason = f"but it is a {type(config).__name__}"
    except ValueError as error:
        config, reason = None, f"but {error}"
    if not isinstance(config, dict):
        raise ValueError(
            f"--initial {text!r}: must be a configuration such as {{'lr': 0.1, 'depth': 2}}, "
            f"{reason.rstrip('.')}."
        )
    return config


def _scheduler(options: dict[str, Any], said: dict[str, Any]) -> Any:
    import sweeper

    if options["scheduler"] is None:
        return None
    known = not is_own(options) or "max_epochs" in said
    return sweeper.ASHA(
        options["grace_epochs"],
        options["reduction_factor"],
        options["max_epochs"] if known else None,
    )


def _command(options: dict[str, Any]) -> Any:
    import sweeper

    also = tuple(options["also"] or ())
    return sweeper.Command(options["command"], options["metric"], also, options["pattern"])


def _objective(options: dict[str, Any], space: dict[str, Any]) -> Any:
    """The user's own objective or command, or the built-in classifier."""
    reference = options["objective"]
    if options["command"] is not None:
        return _command(options)
    if reference is None:
        from sweeper.training.classifier import Classifier

        classifier = Classifier(**{name: options[name] for name in BUILT_IN_ONLY})
        faults = classifier.faults(list(space))
        if faults:
            raise ValueError("\n".join(faults))
        return classifier
    from sweeper.worker.objective_reference import load_objective

    return load_objective(reference)
