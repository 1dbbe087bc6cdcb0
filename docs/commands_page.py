"""Writes the reference of the command line from the parser itself, where a page says so."""

import argparse
from typing import Any

from sweeper.cli.parser import parser

MARK = "<!-- the commands -->"


def setup(app: Any) -> dict[str, bool]:
    """Tells Sphinx of this extension."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True}


def _fill(app: Any, page: str, source: list[str]) -> None:
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, "\n".join(map(section, commands().values())))


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command by its name, in the order of `sweeper --help`."""
    (subparsers,) = (
        action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    return dict(subparsers.choices)


def section(command: argparse.ArgumentParser) -> str:
    """A command as Markdown: what it does, its options as a table, its examples."""
    parts = [f"## {command.prog}", command.description or "", "| option | meaning |\n|---|---|"]
    options = [option for option in command._actions if option.dest != "help"]
    parts[-1] += "".join(f"\n| {_names(option)} | {_plain(option)} |" for option in options)
    if command.epilog:
        parts.append(f"```text\n{command.epilog.strip()}\n```")
    return "\n\n".join(parts) + "\n"


def _names(option: argparse.Action) -> str:
    value = option.metavar or (
        "{" + ",".join(option.choices) + "}" if option.choices else option.dest.upper()
    )
    takes = option.nargs != 0
    names = [f"{name} {value}" if takes else name for name in option.option_strings]
    return ", ".join(f"`{name}`" for name in names or [str(value)])


def _plain(option: argparse.Action) -> str:
    text = (option.help or "").replace("%%", "%").replace("|", r"\|")
    return text.replace("{", r"\{").replace("*", r"\*").replace("<", r"\<")
