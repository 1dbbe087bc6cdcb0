"""The command `sweeper`."""

import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from sweeper.cli import going_on, reading, running
from sweeper.cli.options import UNKNOWN
from sweeper.cli.parser import parser
from sweeper.extras import extras_named
from sweeper.terminal import MOST_SAID, bounded, drop_output, printable, tell

COMMANDS: dict[str, Callable[[dict[str, Any]], int]] = {
    "run": running.run,
    "space": running.space,
    "resume": going_on.resume,
    "confirm": going_on.confirm,
    "attach": going_on.attach,
    "show": reading.show,
    "report": reading.report,
    "watch": reading.watch,
    "list": reading.list_sweeps,
    "export": reading.export,
    "compare": reading.compare,
    "doctor": running.doctor,
}
READING = ("show", "report", "watch", "list", "export", "compare")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit code: 0, 2 for a mistake, 130 if interrupted; 1 if
    no trial finished, there is no sweep to list, or the doctor has found something.
    """
    if hasattr(sys.stdout, "reconfigure"):  # characters that the terminal can't show are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    known = parser()
    parsed, unknown = known.parse_known_args(arguments)
    options = vars(parsed)
    command: str | None = options.pop("subcommand", None)
    if command is None and not unknown:
        known.print_help()
        return 2
    if command is None or (unknown and command not in ("run", "space")):
        of = f" {command}" if command else ""
        told = f"sweeper: unrecognized arguments: {' '.join(unknown)}"
        known.exit(2, f"{told}\nsweeper{of} --help lists the options.\n")
    if unknown:
        options[UNKNOWN] = unknown
    return carry_out(command, options)


def carry_out(command: str, options: dict[str, Any]) -> int:
    """Runs a command and returns its exit code; prints errors in a line."""
    debug = options.get("debug", False)
    try:
        with reading.quiet() if command in READING else nullcontext(), extras_named():
            return COMMANDS[command](options)
    except KeyboardInterrupt:
        tell("sweeper: interrupted\n")
        return 130
    except BrokenPipeError:
        drop_output()
        return 1
    except Exception as error:
        if debug:
            traceback.print_exc()
        expected = isinstance(error, ValueError | TypeError | LookupError | OSError | ImportError)
        # A KeyError's text is only the key.
        told = expected and not isinstance(error, KeyError)
        kind = "" if told else f"{type(error).__name__}: "
        tell(printable(bounded(f"sweeper: {kind}{error}", MOST_SAID)) + "\n")
        if not expected and not debug:
            tell("sweeper: --debug shows where this comes from\n")
        return 2
