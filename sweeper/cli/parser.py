"""Parses the options of the command `sweeper`."""

import argparse
from typing import Any, NoReturn

from sweeper.cli.reading_parser import add_readers
from sweeper.cli.run_parser import add_resources, add_resume, add_run, add_space, add_where
from sweeper.cli.subcommand import add_subcommand


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in two lines, without the list of all options."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with exit code 2."""
        self.exit(2, f"sweeper: {message}\n{self.prog} --help lists the options.\n")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands; it loads nothing heavy."""
    parser = _Parser(
        prog="sweeper", description="Parallel hyperparameter sweeps of PyTorch training code."
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_run(commands)
    add_space(commands)
    add_resume(commands)
    _add_attach(commands)
    add_readers(commands)
    _add_doctor(commands)
    return parser


def _version() -> str:
    from sweeper import __version__

    return f"sweeper {__version__}"


def _add_attach(commands: Any) -> None:
    attach = add_subcommand(
        commands,
        "attach",
        help="follow a sweep that was sent to a cluster",
        description="Follows a sweep that `--cluster` or `--address http://…` has sent to a "
        "cluster, until it ends. Ctrl-C stops the sweep.",
        epilog="example:\n  sweeper attach runs/2026-01-31_12-00-00_Classifier",
        argument_default=argparse.SUPPRESS,
    )
    add = attach.add_argument
    add("sweep", metavar="FOLDER", help="the sweep's folder on this machine")
    add("--address", metavar="ADDRESS", help="http://HEAD:8265 of the cluster, if sweeper does not "
        "know that you have sent the sweep there")  # fmt: skip
    add("--cluster", metavar="FILE", help="the same by the YAML file of `ray up`")
    add("--no-report", action="store_true", help="write no report.html into the sweep's folder")
    add("--debug", action="store_true", help="show tracebacks")


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
    add_where(add)
    add_resources(add)
    add("--folder", help="where sweeps are to be kept on this machine (runs)")
    add("--debug", action="store_true", help="show tracebacks")
