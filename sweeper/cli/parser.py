"""The options of the command `sweeper` as a shell takes them."""

import argparse
from typing import Any

from sweeper.cli.options import DEFAULTS, SEARCHERS
from sweeper.cli.reading_parser import add_readers

_RUN_EXAMPLES = """
examples:
  sweeper run                                   softmax regression on Fashion-MNIST, 5 trials
  sweeper run --model mlp --data digits --trials 20 \\
      --space "learning_rate=loguniform(1e-3,1)" --space "num_hiddens=randint(16,257)"
  sweeper run --searcher grid --points 5 --dry-run
  sweeper run my_training.py:objective --space "lr=loguniform(1e-4,1)" --space "depth=[2,4,8]"
  sweeper run my_training.py:objective --space "lr=loguniform(1e-4,1)" --trials 60 \\
      --searcher bayesian --scheduler asha --grace-epochs 3      learns, and stops trials early
  sweeper run --command "python train.py --lr {lr}" --metric val_acc --mode max \\
      --space "lr=loguniform(1e-4,1)"                            a script as it is
  sweeper run my_training.py:objective --space "lr=loguniform(1e-4,1)" --address inline --debug
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
    _add_space(commands)
    _add_resume(commands)
    _add_attach(commands)
    add_readers(commands)
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
    run.set_defaults(subcommand="run")
    add = run.add_argument
    add("objective", nargs="?", metavar="OBJECTIVE", help="module:function, file.py:function, or a "
        "YAML file of these options (all but --debug, with _ for -); without it a classifier of "
        "sweeper's own")  # fmt: skip
    _add_metrics(add)
    add("--model", help="softmax, mlp, dropout_mlp or lenet (softmax)")
    add("--data", help="fashion_mnist or digits (fashion_mnist)")
    add("--max-epochs", type=int, metavar="N", help=_default("epochs a trial; with --scheduler "
        "asha also those that an objective of yours trains", "max_epochs"))  # fmt: skip
    add("--batch-size", type=int, metavar="N", help=_default("examples a batch", "batch_size"))
    add("--checkpoint-every", type=int, metavar="N", help="epochs between checkpoints, from which "
        "a trial goes on if its process dies (none)")  # fmt: skip
    _add_search(add)
    add("--scheduler", help="asha: stop trials early that are not among the best so far (none)")
    add("--grace-epochs", type=int, metavar="N", help=_default("asha: the first rung, at which "
        "trials are compared", "grace_epochs"))  # fmt: skip
    add("--reduction-factor", type=int, metavar="N", help=_default("asha: one in so many goes on "
        "at each rung, to so many times the epochs", "reduction_factor"))  # fmt: skip
    add(
        "--replicates",
        type=int,
        metavar="N",
        help=_default("trainings a configuration, with other seeds", "replicates"),
    )
    _add_resources(add)
    add("--name", help="name of the sweep's folder (time and objective)")
    add("--folder", help=_default("where sweeps are kept", "folder"))
    add("--fresh", action="store_true", help="a new process for each trial, for objectives that "
        "change what their modules hold")  # fmt: skip
    add("--resume", action="store_true", help="go on with the sweep of this --name")
    add("--dry-run", action="store_true", help="only show what would be tried, as `sweeper space`")
    add("--test", action="store_true", help="then measure the best configuration on the test set")
    _add_how_to_run(add)


def _add_metrics(add: Any) -> None:
    """A script in place of an objective, and what is read from it or given by an objective."""
    add("--command", metavar="TEXT", help="in place of OBJECTIVE: a command with {NAME} for each "
        "hyperparameter, perhaps {seed}, {trial}, {folder}; its --metric is read from what it "
        "prints")  # fmt: skip
    add("--metric", help="the number that is optimised, where the objective gives several by name "
        "(validation_error)")  # fmt: skip
    add("--mode", help="min if a low metric is good, max if a high one is (min)")
    add("--also", action="append", metavar="NAME", help="with --command: another number that it "
        "prints; repeat it for more")  # fmt: skip
    add("--pattern", metavar="REGEX", help="with --command: finds the metric where it isn't "
        "printed as NAME: NUMBER, NAME=NUMBER or the like: one group, or a named one for each "
        "metric")  # fmt: skip


def _add_search(add: Any) -> None:
    """What sets the configurations."""
    add("--space", action="append", metavar="NAME=VALUE", help="a hyperparameter: a distribution "
        "of scipy.stats, a list of choices, or a constant; repeat it for more")  # fmt: skip
    add("--constraint", action="append", metavar="TEXT", help='what all configurations must '
        'fulfil, such as "depth * width <= 4096"; repeat it for more')  # fmt: skip
    add("--initial", action="append", metavar="DICT", help="a configuration that is tried first, "
        "such as \"{'lr': 0.1, 'depth': 2}\"; repeat it for more")  # fmt: skip
    add("--searcher", help=f"{', '.join(SEARCHERS)} ({DEFAULTS['searcher']})")
    add("--trials", type=int, metavar="N", help=_default("trials, but of a grid", "trials"))
    add("--unique", action="store_true", help="random search: no configuration twice")
    add("--surrogate", help=_default("bayesian search: the model of the results, gp or tpe; "
        "auto is gp for some 250 trials, then tpe", "surrogate"))  # fmt: skip
    add("--lag", type=int, metavar="N", help="bayesian search: how many trials earlier by number "
        "a trial must be to be known; the same lag gives the same table with other numbers of "
        "workers (chosen so that none of them waits)")  # fmt: skip
    add("--points", action="append", metavar="N", help="grid search: points of each distribution, "
        "or NAME=N for one of them; repeat it for more")  # fmt: skip
    add("--seed", type=int, metavar="N", help=_default("the same seed draws the "
        "same configurations", "seed"))  # fmt: skip


def _add_space(commands: Any) -> None:
    space = commands.add_parser(
        "space",
        help="show what a search would try, before anything is run",
        description="Prints the first configurations, the range and a histogram of each "
        "hyperparameter, how many trials a grid makes, and what is often written but hardly ever "
        "meant.",
        epilog='examples:\n  sweeper space --space "lr=loguniform(1e-4,1)" --space "depth=[2,4,8]"'
        "\n  sweeper space sweep.yaml --searcher grid --points 5",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    space.set_defaults(subcommand="space")
    add = space.add_argument
    add("objective", nargs="?", metavar="FILE", help="a YAML file of options, as for `run`")
    _add_search(add)
    add("--debug", action="store_true", help="show tracebacks")


def _add_resources(add: Any) -> None:
    add("--cpus", type=float, metavar="X", help=_default("CPUs a trial", "cpus"))
    add("--gpus", type=float, metavar="X", help=_default("GPUs a trial", "gpus"))


def _add_where(add: Any) -> None:
    add("--address", metavar="ADDRESS", help="a running Ray: HOST:PORT on a machine of that "
        "cluster, http://HEAD:8265 from elsewhere; local for a new one; inline for none, but this "
        "process, with --debug for a debugger (the first of RAY_ADDRESS, one on this machine, a "
        "new one)")  # fmt: skip
    add("--cluster", metavar="FILE", help="the cluster that `ray up FILE` has started: what is "
        "asked for runs there as a job; a sweep's record is mirrored here, Ctrl-C stops it, a lost "
        "connection or a closed terminal doesn't")  # fmt: skip


def _add_how_to_run(add: Any) -> None:
    """What may differ each time that a sweep is run or resumed."""
    add("--workers", type=int, metavar="N", help="trials at a time (all that fit)")
    _add_limits(add)
    add("--retry-failed", action="store_true", help="on resuming, run failed trials again as well")
    add("--keep-checkpoints", action="store_true", help="leave those of ended trials")
    add("--keep", metavar="WHICH", help=_default("folders that trials made and that stay: best "
        "(of the best three), all or none", "keep"))  # fmt: skip
    _add_where(add)
    add("--no-report", action="store_true", help="write no report.html into the sweep's folder")
    add("--quiet", action="store_true", help="no progress")
    add("--debug", action="store_true", help="show tracebacks")


def _add_limits(add: Any) -> None:
    add("--max-failures", type=int, metavar="N", help=_default("how often a trial is tried again "
        "after its process died", "max_failures"))  # fmt: skip
    add("--time-budget", metavar="TIME", help="end after so long, to be resumed: seconds, or 30m, "
        "1.5h")  # fmt: skip
    add("--total-epochs", type=int, metavar="N", help="end after so many epochs of all trials")
    add("--target", type=float, metavar="ERROR", help="end once a trial is at least as good")
    add("--patience", type=int, metavar="N", help="end after so many trials in a row that were no "
        "better than the best before")  # fmt: skip
    add("--trial-time", metavar="TIME", help="a trial that takes longer fails")
    add("--first-failures", type=_number_or_none, metavar="N", help=_default("end if the first so "
        "many trials, at least twice the workers, all fail alike; none for never",
        "first_failures"))  # fmt: skip


def _number_or_none(text: str) -> int | None:
    if text == "none":
        return None
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a number or none, but got {text!r}")


def _default(text: str, name: str) -> str:
    """A help text with the default behind it."""
    return f"{text} ({DEFAULTS[name]})"


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
    resume.set_defaults(subcommand="resume")
    add = resume.add_argument
    add("sweep", metavar="FOLDER", help="the sweep's folder")
    add("objective", nargs="?", metavar="OBJECTIVE", help="module:function or file.py:function")
    add("--trials", type=int, metavar="N", help="trials, not fewer than before (not of a grid)")
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
    attach.set_defaults(subcommand="attach")
    add = attach.add_argument
    add("sweep", metavar="FOLDER", help="the sweep's folder on this machine")
    add("--address", metavar="ADDRESS", help="http://HEAD:8265 of the cluster, if sweeper does not "
        "know that you have sent the sweep there")  # fmt: skip
    add("--cluster", metavar="FILE", help="the same by the YAML file of `ray up`")
    add("--no-report", action="store_true", help="write no report.html into the sweep's folder")
    add("--debug", action="store_true", help="show tracebacks")


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
    doctor.set_defaults(subcommand="doctor")
    add = doctor.add_argument
    _add_where(add)
    _add_resources(add)
    add("--folder", help="where sweeps are to be kept on this machine (runs)")
    add("--debug", action="store_true", help="show tracebacks")
