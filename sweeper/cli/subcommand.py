"""Adds a command to the command line."""

import argparse
from typing import Any


def add_subcommand(commands: Any, name: str, **texts: Any) -> argparse.ArgumentParser:
    """Returns the parser of a new command, whose texts are shown with their own line breaks.

    Args:
        commands: the commands so far.
        name: of the new one, under which its options are carried out.
        texts: arguments of `argparse.ArgumentParser`, such as `help` and `epilog`.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )
    parser.set_defaults(subcommand=name)
    return parser
