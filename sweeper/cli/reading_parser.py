"""Defines the options of the commands that read sweeps."""

import argparse
from typing import Any

from sweeper.cli.subcommand import add_subcommand


def add_readers(commands: Any) -> None:
    """Adds these commands."""
    _add_show(commands)
    _add_report(commands)
    _add_watch(commands)
    _add_list(commands)
    _add_export(commands)
    _add_compare(commands)


def _add_show(commands: Any) -> None:
    show = _reader(commands, "show", "print the trials of a sweep, best first, and advice")
    show.epilog = "example:\n  sweeper show runs/2026-01-31_12-00-00_Classifier"
    show.add_argument("sweep", metavar="FOLDER", help="the sweep's folder")
    show.add_argument("--most", type=int, default=20, metavar="N", help="trials to print (20)")


def _add_report(commands: Any) -> None:
    report = _reader(
        commands, "report", "write a sweep's report, one HTML file, and print its path"
    )
    report.epilog = "example:\n  sweeper report runs/first -o first.html"
    report.add_argument("sweep", metavar="FOLDER", help="the sweep's folder")
    report.add_argument("-o", "--output", metavar="FILE", help="where to (FOLDER/report.html)")


def _add_watch(commands: Any) -> None:
    watch = _reader(commands, "watch", "show a sweep's report in the browser, renewed while the "
        "sweep runs, until Ctrl-C")  # fmt: skip
    watch.epilog = "example:\n  sweeper watch runs/first"
    watch.add_argument("sweep", metavar="FOLDER", help="the sweep's folder")
    watch.add_argument("--port", type=int, default=0, metavar="N", help="the port on 127.0.0.1 (a "
        "free one)")  # fmt: skip
    watch.add_argument("--no-browser", action="store_false", dest="browser", help="only print the "
        "address")  # fmt: skip


def _add_list(commands: Any) -> None:
    listing = _reader(commands, "list", "print all sweeps in a folder, one a line; exit code 1 if "
        "there is none")  # fmt: skip
    listing.epilog = "example:\n  sweeper list runs"
    listing.add_argument("folder", nargs="?", default="runs", help="where sweeps are kept (runs)")


def _add_export(commands: Any) -> None:
    export = _reader(commands, "export", "write a sweep's trials for other programs")
    export.epilog = (
        "examples:\n  sweeper export runs/first -o first.parquet\n"
        "  sweeper export runs/first --to tensorboard -o events\n"
        "  sweeper export runs/first --to optuna -o first.log\n"
        "  sweeper export runs/first --to mlflow -o first.db"
    )
    export.add_argument("sweep", metavar="FOLDER", help="the sweep's folder")
    export.add_argument("--to", choices=["csv", "parquet", "tensorboard", "optuna", "mlflow"],
        help="the format: a table (csv, or parquet if PATH ends so); tensorboard: learning curves "
        "and HPARAMS; optuna: a journal, which optuna-dashboard opens; mlflow: a database, which "
        "mlflow server opens")  # fmt: skip
    export.add_argument("-o", "--output", metavar="PATH", help="where to (csv: standard output); "
        "for tensorboard a new folder, for optuna and mlflow a new file")  # fmt: skip


def _add_compare(commands: Any) -> None:
    compare = _reader(commands, "compare", "say which of several sweeps found better "
        "configurations with the same budget, and whether that is more than luck")  # fmt: skip
    compare.epilog = "example:\n  sweeper compare runs/random-* runs/grid-* --budget trials"
    compare.add_argument("sweeps", nargs="+", metavar="FOLDER", help="folders of sweeps; those "
        "that differ only in their seed are repetitions of one another")  # fmt: skip
    compare.add_argument("--budget", choices=["trials", "epochs", "seconds"],
        help="the budget at which they are compared (epochs if any stops "
        "early, else trials)")  # fmt: skip
    compare.add_argument("-o", "--output", metavar="FILE", help="also draw it, as an HTML file")


def _reader(commands: Any, name: str, what: str) -> argparse.ArgumentParser:
    """Returns a command that reads finished or running sweeps."""
    parser = add_subcommand(
        commands,
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}. Sweeps that are still running can be read too.",
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser
