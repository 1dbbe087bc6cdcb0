"""The end of a sweep, in order or by force: every trial has its row, and what is left is said."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweeper.record.listing import table
from sweeper.record.mirror import MIRROR
from sweeper.record.results import Results
from sweeper.record.resume import obstacles
from sweeper.sweep.limits import LimitReached


def outcome(
    results: Results, stop_reason: BaseException | None, say: Callable[[str], None]
) -> Results:
    """The results if the sweep ended by itself or after its time; else raises the reason."""
    if stop_reason is None:
        _say_if_all_failed(results, say)
        return results
    limited = isinstance(stop_reason, LimitReached)
    if not limited:  # else they are returned
        say(table(results))
    after = f" after {stop_reason}" if limited else ""
    how = _how_to_go_on(results.sweep, results.folder)
    say(f"Stopped{after}: {results.statuses()}. {how}")
    if limited:
        return results
    raise stop_reason


def _how_to_go_on(sweep: dict[str, Any], path: Path) -> str:
    if obstacles(sweep):
        return f"Go on with sweeper.run(…, name={path.name!r}, resume=True)."
    return f"Go on with: sweeper resume {shlex.quote(os.environ.get(MIRROR, str(path)))}"


def _say_if_all_failed(results: Results, say: Callable[[str], None]) -> None:
    failed = [row for row in results.rows if row.status == "failed"]
    if len(failed) == len(results.rows):
        first = failed[0].traceback or failed[0].exception
        say(f"All {len(failed)} trials failed. The first one:\n{first}")
