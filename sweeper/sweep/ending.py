"""Ends a sweep, in order or by force: every trial gets a row, and messages say what is left."""

import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sweeper.record.listing import screen_width
from sweeper.record.mirror import MIRROR
from sweeper.record.results import Results
from sweeper.record.resume import obstacles
from sweeper.record.sweep_folder import CONFIRMATION
from sweeper.record.unwritable import UnwritableError, with_cure
from sweeper.sweep.limits import LimitReached
from sweeper.worker.objective_reference import can_be_found


def outcome(
    results: Results,
    stop_reason: BaseException | None,
    say: Callable[[str], None],
    told: str | None = None,
) -> Results:
    """Returns the results if the sweep ended by itself or after its time; else raises the reason.

    Args:
        results: the results of the ended trials.
        stop_reason: why the sweep ended before its end.
        say: gets messages for the user.
        told: the exception whose traceback has been printed.
    """
    if stop_reason is None:
        _say_if_all_failed(results, say, told)
        return results
    limited = isinstance(stop_reason, LimitReached)
    if not limited:  # else they are returned
        with suppress(OSError):  # of a folder that can't be read any more
            say(results.table(width=screen_width()))
    after = f" after {stop_reason}" if limited else ""
    how = how_to_go_on(results.sweep, results.folder)
    stopped = f"Stopped{after}: {results.statuses()}."
    if isinstance(stop_reason, UnwritableError):
        say(stopped)
        gone = not (stop_reason.cure or os.path.exists(results.folder / "sweep.json"))
        raise with_cure(stop_reason, "" if gone else how) from None
    say(f"{stopped} {how}")
    if limited:
        return results
    raise stop_reason


def leave_behind(results: Results, say: Callable[[str], None]) -> None:
    """Says what was found and where it lies, and leaves a report beside it.

    If the report can't be written, that is only a message, since the results are safe.
    """
    from sweeper.analysis.epochs_spent import epochs
    from sweeper.html_report.page import write_report

    say(results.overview(width=screen_width()))
    if sentence := epochs(results).sentence:
        say(sentence)
    say(f"folder: {results.folder}")
    try:
        say(f"report: {write_report(results, results.folder / 'report.html')}")
    except Exception as error:
        say(f"no report: {error}")


def how_to_go_on(sweep: dict[str, Any], path: Path) -> str:
    """Returns a sentence with what to call to resume a sweep."""
    of_user = os.environ.get(MIRROR)
    inside = path.name.startswith(CONFIRMATION) and (path.parent / "sweep.json").exists()
    if inside or sweep["searcher"].get("kind") == "TopTwo":
        if sweep["data_given"] or not can_be_found(sweep):
            return "Go on with the same sweeper.confirm(…)."
        return f"Go on with: {_confirm_command(sweep, of_user or str(path.parent))}"
    if obstacles(sweep):
        return f"Go on with sweeper.run(…, name={path.name!r}, resume=True)."
    return f"Go on with: sweeper resume {shlex.quote(of_user or str(path))}"


def _confirm_command(sweep: dict[str, Any], folder: str) -> str:
    searcher = sweep["searcher"]
    extent = {"top": len(searcher["initial_configs"]), "replicates": sweep["replicates"]}
    if "until" in searcher:
        extent |= {"replicates": searcher["first"], "until": searcher["until"]}
        extent["max-replicates"] = searcher["num_trials"]
    options = [f"--{name} {shlex.quote(str(value))}" for name, value in extent.items()]
    return f"sweeper confirm {shlex.quote(folder)} {' '.join(options)}"


def say_all_on_record(results: Results, say: Callable[[str], None]) -> None:
    """Says that nothing is left to run, and how failed trials are run again."""
    failed = sum(row.status == "failed" for row in results.rows)
    again = f" {failed:,} failed: retry_failed=True (--retry-failed) runs them again."
    if results.sweep.get("lag") is not None or results.sweep.get("scheduler"):
        again = ""  # since later trials have learned from them
    total = f"nothing left to run: all {len(results.rows):,} trials are recorded"
    say(f"{results.folder}: {total}.{again if failed else ''}")


def _say_if_all_failed(results: Results, say: Callable[[str], None], told: str | None) -> None:
    failed = [row for row in results.rows if row.status == "failed"]
    if len(failed) < len(results.rows):
        return
    first = failed[0]
    if first.exception and first.exception == told:
        say(f"All {len(failed)} trials failed.")
    else:
        say(
            f"All {len(failed)} trials failed. The first one:\n{first.traceback or first.exception}"
        )
