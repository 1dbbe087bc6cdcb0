"""Parses the options of the command `sweeper`."""

import argparse
from typing import Any, NoReturn

from sweeper.cli.going_on_parser import add_attach, add_confirm, add_resume
from sweeper.cli.reading_parser import add_readers
from sweeper.cli.run_parser import add_resources, add_run, add_space, add_where
from sweeper.cli.subcommand import add_subcommand


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in two lines, without the list of all options."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with exit code 2."""
        self.exit(2, f"sweeper: {message}\n{self.prog} --help lists the options.\n")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands; it loads nothing heavy."""
    parser = _Parser(
        prog="sweeper",
        description="Parallel hyperparameter sweeps of PyTorch training code.",
        epilog="Exit codes: 0; 2 for a mistake in what was asked; 130 after Ctrl-C, 143 after "
        "SIGTERM. Of run, resume and confirm: 0 if any trial has finished, however many failed; 1 "
        "if none has.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_run(commands)
    add_space(commands)
    add_resume(commands)
    add_confirm(commands)
    add_attach(commands)
    add_readers(commands)
    _add_doctor(commands)
    return parser


def _version() -> str:
    from sweeper import __version__

    return f"sweeper {__version__}"


def _add_doctor(commands: Any) -> None:
    doctor = add_subcommand(
        commands,
        "doctor",
        help="check this machine, the cluster and its nodes, and say how to fix what is wrong",
        description="Asks all nodes for their versions, resources, clock, ports and files. Exit "
        "code 1 if something is wrong; each fault comes with its cure.",
        epilog="examples:\n  sweeper doctor\n  sweeper doctor --cluster cluster.yaml --cpus 4",
        argument_default=argparse.SUPPRESS,
    )
    add = doctor.add_argument
    add_where(add, inline=False)
    add_resources(add)
    add("--folder", help="where sweeps are to be kept on this machine (runs)")
    add("--debug", action="store_true", help="show tracebacks")
