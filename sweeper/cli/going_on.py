"""The commands of `sweeper` that go on with a sweep, each from its options to an exit code."""

import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from sweeper.cli.options import DEFAULTS, merge
from sweeper.cli.reading import quiet
from sweeper.cli.run_arguments import make_execution
from sweeper.cli.running import end_of_job, exit_code, leave_report, show_results
from sweeper.faults import refuse
from sweeper.record.mirror import MIRROR
from sweeper.sweep.confirmation_plan import ConfirmationPlan
from sweeper.terminal import one_line


def resume(given: dict[str, Any]) -> int:
    """Resumes a sweep from its record."""
    import sweeper
    from sweeper.record.journal import read
    from sweeper.record.sweep_folder import normal_path
    from sweeper.remote import commands as remote_commands
    from sweeper.sweep.sweep import run_sweep

    options, _, faults = _merge(given)
    folder = normal_path(options["sweep"])
    execution = make_execution(options, faults, name=folder.name, folder=folder.parent, resume=True)
    refuse(*faults)
    if head := _head(options, folder, "resume"):
        return end_of_job(*remote_commands.go_on(head, "resume", given), options)
    sweep = _found_again(folder, read(folder).sweep, options["objective"], "resume")
    if "trials" in given:
        if isinstance(sweep.searcher, sweeper.GridSearch):
            raise ValueError("--trials: a grid can't be made larger.")
        searcher: Any = sweep.searcher
        sweep = replace(sweep, searcher=replace(searcher, num_trials=given["trials"]))
    if "replicates" in given:
        sweep = replace(sweep, replicates=given["replicates"])
    results = run_sweep(sweep, execution)
    show_results(results)
    return leave_report(results, options)


def confirm(given: dict[str, Any]) -> int:
    """Trains the best configurations of a sweep again with other seeds."""
    from sweeper.record.listing import frame_text, screen_width
    from sweeper.record.results import load
    from sweeper.record.sweep_folder import normal_path
    from sweeper.remote import commands as remote_commands
    from sweeper.sweep.confirmation import ranking, train_again

    options, said, faults = _merge(given)
    names = {field.name for field in fields(ConfirmationPlan)}
    plan = ConfirmationPlan(**{name: said[name] for name in names & said.keys()})
    faults += plan.faults()
    folder = normal_path(options["sweep"])
    execution = make_execution(options, faults, name="confirm", resume=True)
    refuse(*faults)
    if head := _head(options, folder, "confirm"):
        return remote_commands.go_on(head, "confirm", given)[1]
    results = load(folder)
    sweep = _found_again(folder, results.sweep, options["objective"], "confirm")
    fresh = train_again(results, sweep.objective, plan, execution)
    if exit_code(fresh):
        show_results(fresh)
        return 1
    with quiet():
        table, sure = ranking(results, fresh)
    trial, *hyperparameters = table.columns[:-5]
    shown = table[[trial, *table.columns[-5:], *hyperparameters]]  # the last ones may not fit
    print(frame_text(shown, screen_width()))
    print(one_line(sure.sentence))
    if (folder / "report.html").exists():  # it says how sure the best is
        leave_report(results, options)
    return 0


def attach(given: dict[str, Any]) -> int:
    """Follows a sweep that was sent to a cluster before."""
    from sweeper.remote import commands as remote_commands

    options = {**DEFAULTS, **given}
    return end_of_job(*remote_commands.attach(options), options)


def _merge(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Returns what `merge` does, but an objective is no YAML file, and the default is none."""
    flags = {name: value for name, value in given.items() if name != "objective"}
    options, said, faults = merge(flags)
    options["objective"] = given.get("objective")
    return options, said, faults


def _head(options: dict[str, Any], folder: Path, command: str) -> Any:
    """Returns the head on which a sweep goes on; None if it does so here."""
    from sweeper.remote.commands import chosen_head

    # In a job, the folder's note of a head is the laptop's.
    return chosen_head(options, None if MIRROR in os.environ else folder, command)


def _found_again(
    folder: Path, described: dict[str, Any], reference: str | None, command: str
) -> Any:
    """Returns the sweep of a folder, whose objective the user has named or run there before."""
    from sweeper.record.own_sweeps import check_objective
    from sweeper.record.resume import rebuild

    if reference is None:
        check_objective(folder, described, command)
    return rebuild(described, reference)
