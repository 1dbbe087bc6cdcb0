"""Defines the options of the commands that go on with a sweep."""

import argparse
from typing import Any

from sweeper.cli.option_kinds import number, whole
from sweeper.cli.run_parser import add_how_to_run
from sweeper.cli.subcommand import add_subcommand
from sweeper.sweep.confirmation_plan import EACH, FIRST, MOST_EACH, ConfirmationPlan


def add_resume(commands: Any) -> None:
    """Adds `sweeper resume`."""
    resume = add_subcommand(
        commands,
        "resume",
        help="go on with a sweep that was stopped or killed, or make it larger",
        description="Runs the trials of a sweep that are not on record. The objective is found "
        "again by its name unless you give it.",
        epilog="examples:\n  sweeper resume runs/first\n  sweeper resume runs/first --trials 50\n"
        "  sweeper resume runs/first mine.py:objective --retry-failed",
        argument_default=argparse.SUPPRESS,
    )
    add = resume.add_argument_group("what goes on").add_argument
    add("sweep", metavar="FOLDER", help="the sweep's folder")
    add("objective", nargs="?", metavar="OBJECTIVE", help="module:function or file.py:function")
    add(
        "--trials", type=whole, metavar="N", help="all trials, no fewer than before (not of a grid)"
    )
    add("--replicates", type=whole, metavar="N", help="trainings a configuration, not fewer either")
    add_how_to_run(resume)


def add_confirm(commands: Any) -> None:
    """Adds `sweeper confirm`."""
    confirm = add_subcommand(
        commands,
        "confirm",
        help="train the best configurations again with other seeds: is the best more than luck?",
        description="Trains the best configurations of a sweep again with other seeds, and prints "
        "their means, best first, and how sure the first one is. The same command again goes on "
        "where it was stopped, and adds trainings to those that are there. The objective is found "
        "again by its name unless you give it.",
        epilog="examples:\n  sweeper confirm runs/first\n  sweeper confirm runs/first --top 5 "
        "--replicates 10\n  sweeper confirm runs/first --until 0.95 --time-budget 2h\n"
        "  sweeper confirm runs/first mine.py:objective --workers 4",
        argument_default=argparse.SUPPRESS,
    )
    add = confirm.add_argument_group("what is trained again").add_argument
    add("sweep", metavar="FOLDER", help="the sweep's folder")
    add("objective", nargs="?", metavar="OBJECTIVE", help="module:function or file.py:function")
    add("--top", type=whole, metavar="N", help=f"how many of the best ({ConfirmationPlan.top})")
    add("--replicates", type=whole, metavar="N", help=f"trainings of each ({EACH}); with --until "
        f"the first ones of each ({FIRST})")  # fmt: skip
    add("--until", type=number, metavar="P", help="train on those where it tells most, until the "
        "best is known with this probability, such as 0.95, or the others are as good for all "
        "practical purposes")  # fmt: skip
    add("--max-replicates", type=whole, metavar="N", help="with --until: the largest number of "
        f"trainings, all together ({MOST_EACH} for each of --top)")  # fmt: skip
    add_how_to_run(confirm, confirms=True)


def add_attach(commands: Any) -> None:
    """Adds `sweeper attach`."""
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
