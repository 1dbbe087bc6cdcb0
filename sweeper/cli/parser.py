"""The options of the command `sweeper` as a shell takes them."""

import argparse
from typing import Any

_RUN_EXAMPLES = """
examples:
  sweeper run                                   softmax regression on Fashion-MNIST, 5 trials
  sweeper run --model mlp --data digits --trials 20 \\
      --space "learning_rate=loguniform(1e-3,1)" --space "num_hiddens=randint(16,257)"
  sweeper run --searcher grid --points 5 --dry-run
  sweeper run my_training.py:objective --space "lr=loguniform(1e-4,1)" --space "depth=[2,4,8]"
  sweeper run sweep.yaml --seed 1               a file with the same words: model, space, trials …
  sweeper run --cluster cluster.yaml            on the machines that `ray up cluster.yaml` started
"""


def parser() -> argparse.ArgumentParser:
    """Of all commands; nothing heavy is loaded for it."""
    parser = argparse.ArgumentParser(
        prog="sweeper", description="Parallel hyperparameter sweeps of PyTorch training code."
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_run(commands)
    _add_resume(commands)
    _add_attach(commands)
    _add_show(commands)
    _add_report(commands)
    _add_list(commands)
    _add_export(commands)
    _add_compare(commands)
    _add_doctor(commands)
    return parser


def _version() -> str:
    from sweeper import __version__

    return f"sweeper {__version__}"


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="run a sweep",
        description="Runs a sweep and prints its trials, best first.",
        epilog=_RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    run.set_defaults(command="run")
    add = run.add_argument
    add("objective", nargs="?", metavar="OBJECTIVE", help="module:function, file.py:function, or a "
        "YAML file of these options (all but --debug, with _ for -); without it a classifier of "
        "sweeper's own")  # fmt: skip
    add("--model", help="softmax, mlp, dropout_mlp or lenet (softmax)")
    add("--data", help="fashion_mnist or digits (fashion_mnist)")
    add("--max-epochs", type=int, metavar="N", help="epochs a trial (8)")
    add("--batch-size", type=int, metavar="N", help="examples a batch (16)")
    add("--checkpoint-every", type=int, metavar="N", help="epochs between checkpoints, from which "
        "a trial goes on if its process dies (none)")  # fmt: skip
    add("--space", action="append", metavar="NAME=VALUE", help="a hyperparameter: a distribution "
        "of scipy.stats, a list of choices, or a constant; repeat it for more")  # fmt: skip
    add("--searcher", help="random or grid (random)")
    add("--trials", type=int, metavar="N", help="trials of random search (5)")
    add("--points", action="append", metavar="N", help="grid search: points of each distribution, "
        "or NAME=N for one of them; repeat it for more")  # fmt: skip
    add("--seed", type=int, metavar="N", help="the same seed draws the same configurations (0)")
    add(
        "--replicates",
        type=int,
        metavar="N",
        help="trainings a configuration, with other seeds (1)",
    )
    _add_resources(add)
    add("--name", help="name of the sweep's folder (time and objective)")
    add("--folder", help="where sweeps are kept (runs)")
    add("--resume", action="store_true", help="go on with the sweep of this --name")
    add("--dry-run", action="store_true", help="only print the configurations")
    add("--test", action="store_true", help="then measure the best configuration on the test set")
    _add_how_to_run(add)


def _add_resources(add: Any) -> None:
    add("--cpus", type=float, metavar="X", help="CPUs a trial (1)")
    add("--gpus", type=float, metavar="X", help="GPUs a trial (0)")


def _add_where(add: Any) -> None:
    add("--address", metavar="ADDRESS", help="a running Ray: HOST:PORT on a machine of that "
        "cluster, http://HEAD:8265 from elsewhere; local for a new one (the first of RAY_ADDRESS, "
        "one on this machine, a new one)")  # fmt: skip
    add("--cluster", metavar="FILE", help="the cluster that `ray up FILE` has started: what is "
        "asked for runs there as a job; a sweep's record is mirrored here, Ctrl-C stops it, a lost "
        "connection or a closed terminal doesn't")  # fmt: skip


def _add_how_to_run(add: Any) -> None:
    """What may differ each time that a sweep is run or resumed."""
    add("--workers", type=int, metavar="N", help="trials at a time (all that fit)")
    add("--max-failures", type=int, metavar="N", help="how often a trial is tried again after its "
        "process died (2)")  # fmt: skip
    add("--time-budget", type=float, metavar="SECONDS", help="stop after so long, to be resumed")
    add("--retry-failed", action="store_true", help="on resuming, run failed trials again as well")
    add("--keep-checkpoints", action="store_true", help="leave those of ended trials")
    _add_where(add)
    add("--no-report", action="store_true", help="write no report.html into the sweep's folder")
    add("--quiet", action="store_true", help="no progress")
    add("--debug", action="store_true", help="show tracebacks")


def _add_resume(commands: Any) -> None:
    resume = commands.add_parser(
        "resume",
        help="go on with a sweep that was stopped or killed, or make it larger",
        description="Runs the trials of a sweep that are not on record. The objective is found "
        "again by its name unless you give it.",
        epilog="examples:\n  sweeper resume runs/first\n  sweeper resume runs/first --trials 50\n"
        "  sweeper resume runs/first mine.py:objective --retry-failed",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    resume.set_defaults(command="resume")
    add = resume.add_argument
    add("sweep", metavar="FOLDER", help="the sweep's folder")
    add("objective", nargs="?", metavar="OBJECTIVE", help="module:function or file.py:function")
    add("--trials", type=int, metavar="N", help="trials of random search, not fewer than before")
    add("--replicates", type=int, metavar="N", help="trainings a configuration, not fewer either")
    _add_how_to_run(add)


def _add_attach(commands: Any) -> None:
    attach = commands.add_parser(
        "attach",
        help="find a sweep again that was sent to a cluster",
        description="Follows a sweep that `--cluster` or `--address http://…` has sent to a "
        "cluster, until it ends. Ctrl-C stops the sweep.",
        epilog="example:\n  sweeper attach runs/2026-01-31_12-00-00_Classifier",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    attach.set_defaults(command="attach")
    add = attach.add_argument
    add("sweep", metavar="FOLDER", help="the sweep's folder on this machine")
    add("--no-report", action="store_true", help="write no report.html into the sweep's folder")
    add("--debug", action="store_true", help="show tracebacks")


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


def _add_list(commands: Any) -> None:
    listing = _reader(commands, "list", "print all sweeps in a folder, one a line; exit code 1 if "
        "there is none")  # fmt: skip
    listing.epilog = "example:\n  sweeper list runs"
    listing.add_argument("folder", nargs="?", default="runs", help="where sweeps are kept (runs)")


def _add_export(commands: Any) -> None:
    export = _reader(commands, "export", "write the table of a sweep's trials for other programs")
    export.epilog = "example:\n  sweeper export runs/first --to parquet -o first.parquet"
    export.add_argument("sweep", metavar="FOLDER", help="the sweep's folder")
    export.add_argument("--to", default="csv", choices=["csv", "parquet"], help="the format (csv)")
    export.add_argument("-o", "--output", metavar="FILE", help="where to (standard output; parquet "
        "needs a file)")  # fmt: skip


def _add_compare(commands: Any) -> None:
    compare = _reader(commands, "compare", "say which of several sweeps found better "
        "configurations with the same budget, and whether that is more than luck")  # fmt: skip
    compare.epilog = "example:\n  sweeper compare runs/random-* runs/grid-* --budget trials"
    compare.add_argument("sweeps", nargs="+", metavar="FOLDER", help="folders of sweeps; those "
        "that differ only in their seed are repetitions of one another")  # fmt: skip
    compare.add_argument("--budget", default="trials", choices=["trials", "epochs", "seconds"],
        help="what all may spend the same of (trials)")  # fmt: skip
    compare.add_argument("-o", "--output", metavar="FILE", help="also draw it, as an HTML file")


def _add_doctor(commands: Any) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="say what there is to run sweeps on, and what is wrong with it",
        description="Asks all nodes for their versions, resources, clock, ports and files. Exit "
        "code 1 if something is wrong; each fault comes with its cure.",
        epilog="examples:\n  sweeper doctor\n  sweeper doctor --cluster cluster.yaml --cpus 4",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    doctor.set_defaults(command="doctor")
    add = doctor.add_argument
    _add_where(add)
    _add_resources(add)
    add("--folder", help="where sweeps are to be kept on this machine (runs)")
    add("--debug", action="store_true", help="show tracebacks")


def _reader(commands: Any, name: str, what: str) -> argparse.ArgumentParser:
    """A command that reads finished or running sweeps."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}. Sweeps that are still running can be read too.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=name)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser
