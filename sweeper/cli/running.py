"""The commands of `sweeper` that need Ray, each from its options to an exit code."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from sweeper.cli.options import DEFAULT_SPACE, merge
from sweeper.cli.reading import print_results, quiet
from sweeper.cli.run_arguments import (
    checked,
    how_to_run,
    make_command,
    make_objective,
    make_resources,
    make_scheduler,
    make_searcher,
)
from sweeper.faults import refuse
from sweeper.record.mirror import MIRROR
from sweeper.terminal import drop_output, one_line, printable, tell


def run(given: dict[str, Any]) -> int:
    """Runs a sweep."""
    from sweeper.search.metric import Metric
    from sweeper.space.text import read_config_space

    options, said = checked(given)
    if options["dry_run"]:
        return _preview(options, said)
    from sweeper.remote import commands as remote_commands

    head = remote_commands.chosen_head(options)
    if head is not None:
        return end_of_job(*remote_commands.run(head, given, options), options)
    space = read_config_space(options["space"] or DEFAULT_SPACE)
    import sweeper

    objective = make_objective(options, space)
    results = sweeper.run(
        objective,
        space,
        make_searcher(options),
        constraints=options["constraint"] or (),
        scheduler=make_scheduler(options, said),
        metric=options["metric"],
        mode=options["mode"],
        seed=options["seed"],
        replicates=options["replicates"],
        resources=make_resources(options),
        name=options["name"],
        folder=options["folder"],
        resume=options["resume"],
        fresh=options["fresh"],
        report=False,  # printed to standard output, below
        **how_to_run(options),
    )
    show_results(results)
    _say_what_was_never_printed(options, results)
    try:
        if options["test"] and exit_code(results) == 0:
            value = sweeper.test(results, objective)
            metric = results.metric
            what = "error" if metric == Metric() else metric.text
            # The meaning of an error is known for the built-in classifier only.
            accuracy = f", accuracy {1 - value:.4g}" if options["objective"] is None else ""
            print(one_line(f"test set: {what} {value:.4g}{accuracy}"))
    finally:  # a failed look at the test set must not affect the sweep
        code = leave_report(results, options)
    return code


def _say_what_was_never_printed(options: dict[str, Any], results: Any) -> None:
    never = [name for name in options["also"] or () if name not in results.other_metrics]
    if never and any(row.status == "finished" for row in results.rows):
        tell(printable(f"--also {', '.join(never)}: no trial printed such a number.") + "\n")


def space(given: dict[str, Any]) -> int:
    """Shows what a search would try."""
    options, said = checked(given)
    return _preview(options, said)


def _preview(options: dict[str, Any], said: Any) -> int:
    import sweeper
    from sweeper.record.resume import not_loaded
    from sweeper.record.sweep_definition import check_sweep
    from sweeper.record.sweep_folder import check_place
    from sweeper.remote.commands import chosen_head
    from sweeper.search.metric import Metric
    from sweeper.space.config_space import trial_seed
    from sweeper.space.text import read_config_space

    space = read_config_space(options["space"] or DEFAULT_SPACE)
    command = options["command"] and make_command(options)
    if command:
        refuse(*command.faults(space))
    searcher, constraints = make_searcher(options), options["constraint"] or ()
    # One that is sent to a cluster may need what is installed only there.
    is_here = bool(options["objective"]) and chosen_head(options) is None
    check_sweep(
        command or (make_objective(options, space) if is_here else not_loaded),
        space,
        searcher,
        constraints,
        make_scheduler(options, said),
        Metric(options["metric"], options["mode"]),
        options["seed"],
        options["replicates"],
        make_resources(options),
    )
    if options["name"] is not None and not options["resume"]:
        check_place(Path(options["folder"], options["name"]), named=True)
    shown = sweeper.preview(space, searcher, seed=options["seed"], constraints=constraints)
    print(printable(str(shown)))
    if command and shown.configs:
        of_trial = {"trial": 0, "seed": trial_seed(options["seed"], 0, 0), "folder": "FOLDER"}
        print(printable(f"trial 0: {shlex.join(command.arguments(of_trial | shown.configs[0]))}"))
    return 0


def end_of_job(folder: Path, code: int, options: dict[str, Any]) -> int:
    """Returns the exit code of a job, and leaves the report of its sweep in the folder here."""
    from sweeper.record.results import load

    if (folder / "sweep.json").exists():
        leave_report(load(folder), options)
    return code


def show_results(results: Any) -> None:
    """Prints the results; a report is written even if nobody reads the output any more."""
    try:
        with quiet():
            print_results(results)
        sys.stdout.flush()
    except OSError:
        drop_output()


def leave_report(results: Any, options: dict[str, Any]) -> int:
    """Writes the report and returns the exit code; if it fails, that is only a message."""
    import sweeper

    if MIRROR in os.environ:  # a laptop has the record too, and reports
        return exit_code(results)
    print(one_line(f"folder: {results.folder}"))
    if not options["no_report"]:
        try:
            with quiet():
                path = sweeper.write_report(results, results.folder / "report.html")
            print(one_line(f"report: {path}"))
        except Exception as error:
            tell(printable(f"sweeper: no report: {error}") + "\n")
    return exit_code(results)


def exit_code(results: Any) -> int:
    """Returns 0 if any trial has finished, else 1."""
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
