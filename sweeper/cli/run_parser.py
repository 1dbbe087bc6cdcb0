"""Defines the options of sweeps, in the order in which people need them."""

import argparse
from typing import Any

from sweeper.cli.option_kinds import number, whole, whole_or_none
from sweeper.cli.options import DEFAULTS, SEARCHERS
from sweeper.cli.subcommand import add_subcommand

_FIRST_EXAMPLES = """Runs a sweep and prints its trials, best first.

  sweeper run train.py:objective --space "lr=loguniform(1e-4,1)" --space "depth=[2,4,8]" --trials 20
  sweeper run --command "python train.py --lr {lr}" --metric val_acc --mode max \\
      --space "lr=loguniform(1e-4,1)"        a script as it is, which prints val_acc
  sweeper run sweep.yaml --seed 1            a file with the same words: objective, space, trials …
"""
_MORE_EXAMPLES = """
more examples:
  sweeper run                                   softmax regression on Fashion-MNIST, 5 trials
  sweeper run --model mlp --data digits --trials 20 \\
      --space "learning_rate=loguniform(1e-3,1)" --space "num_hiddens=randint(16,257)"
  sweeper run --searcher grid --points 5 --dry-run
  sweeper run train.py:objective --space "lr=loguniform(1e-4,1)" --trials 60 \\
      --searcher bayesian --scheduler asha --grace-epochs 3      learns, and stops trials early
  sweeper run train.py:objective --space "lr=loguniform(1e-4,1)" --address inline --debug
  sweeper run --cluster cluster.yaml            on the machines that `ray up cluster.yaml` started

A value of --space is a distribution of scipy.stats (uniform(low, width), loguniform(low, high),
randint(low, high) without high, norm(mean, sd)), a list of choices ([0, 0.1], [sgd, adam],
range(16, 257, 16), np.logspace(-4, 0, 5)) or a constant.

The exit code is 0 if any trial has finished, however many failed; 1 if none has.
"""


def add_run(commands: Any) -> None:
    """Adds `sweeper run`."""
    run = add_subcommand(
        commands,
        "run",
        help="run a sweep",
        usage="sweeper run OBJECTIVE --space NAME=VALUE [--space …] [--trials N] [options]\n"
        "       sweeper run --command TEXT --metric NAME --space NAME=VALUE [options]\n"
        "       sweeper run FILE.yaml [options]",
        description=_FIRST_EXAMPLES,
        epilog=_MORE_EXAMPLES,
        argument_default=argparse.SUPPRESS,
    )
    first = run.add_argument_group("what everybody needs").add_argument
    first("objective", nargs="?", metavar="OBJECTIVE", help="file.py:function or module:function, "
        "a function of one configuration (a dict) that returns the validation error; or a "
        "YAML file of these options (all but --debug, with _ for -); without it a classifier of "
        "sweeper's own")  # fmt: skip
    first("--command", metavar="TEXT", help="in place of OBJECTIVE: a command with {NAME} for each "
        "hyperparameter, perhaps {seed}, {trial}, {folder}; its --metric is read from what it "
        "prints")  # fmt: skip
    first("--metric", help="the number that is optimised, where the objective gives several by "
        "name, or a command prints it (validation_error)")  # fmt: skip
    first("--mode", help="min if a low metric is good, max if a high one is (min)")
    _add_search(first)
    run_only = run.add_argument_group("before and after").add_argument
    run_only("--dry-run", action="store_true", help="only show what would be tried, as `sweeper "
        "space`")  # fmt: skip
    run_only("--test", action="store_true", help="then measure the best configuration on the test "
        "set")  # fmt: skip
    add_how_to_run(run, _add_names)
    scheduler = run.add_argument_group("stop trials early").add_argument
    scheduler("--scheduler", help="asha: stop trials early that are not among the best so far "
        "(none)")  # fmt: skip
    scheduler("--grace-epochs", type=whole, metavar="N", help=default("asha: the first rung, at "
        "which trials are compared", "grace_epochs"))  # fmt: skip
    scheduler("--reduction-factor", type=whole, metavar="N", help=default("asha: the best 1 in N "
        "goes on from each rung, to N times the epochs", "reduction_factor"))  # fmt: skip
    scheduler("--max-epochs", type=whole, metavar="N", help="epochs of a trial: those "
        f"that sweeper's own classifier trains ({DEFAULTS['max_epochs']}), or tells --scheduler "
        "asha how many your script or objective trains")  # fmt: skip
    _add_more_search(run.add_argument_group("more on what is tried").add_argument)
    _add_rarely(run)


def _add_names(add: Any) -> None:
    add("--name", help="name of the sweep's folder (time and objective)")
    add("--folder", help=default("where sweeps are kept", "folder"))
    add("--resume", action="store_true", help="go on with the sweep of this --name")


def _add_rarely(run: Any) -> None:
    """Adds options that few need: for commands, objectives with a memory, and our classifier."""
    add = run.add_argument_group("more on commands and objectives").add_argument
    add("--also", action="append", metavar="NAME", help="with --command: another number that it "
        "prints, kept beside the metric; repeat it for more")  # fmt: skip
    add("--pattern", metavar="REGEX", help="with --command: finds the metric where it isn't "
        "printed as NAME: NUMBER, NAME=NUMBER or the like: one group, or a named one for each "
        "metric")  # fmt: skip
    add("--fresh", action="store_true", help="a new process for each trial, for objectives that "
        "change what their modules hold")  # fmt: skip
    add = run.add_argument_group("sweeper's own classifier").add_argument
    add("--model", help="softmax, mlp, dropout_mlp or lenet (softmax)")
    add("--data", help="fashion_mnist or digits (fashion_mnist)")
    add("--batch-size", type=whole, metavar="N", help=default("examples a batch", "batch_size"))
    add("--checkpoint-every", type=whole, metavar="N", help="epochs between checkpoints, from "
        "which a trial goes on if its process dies (none)")  # fmt: skip


def _add_search(add: Any) -> None:
    """Adds the options that affect the configurations."""
    add("--space", action="append", metavar="NAME=VALUE", help="a hyperparameter: a distribution "
        "of scipy.stats such as loguniform(LOW,HIGH) or uniform(LOW,WIDTH), a list of choices, or "
        "a constant; repeat it for more")  # fmt: skip
    add("--searcher", help=f"{', '.join(SEARCHERS)} ({DEFAULTS['searcher']})")
    add("--trials", type=whole, metavar="N",
        help=default("number of trials; a grid has its own", "trials"))  # fmt: skip
    add("--seed", type=whole, metavar="N", help=default("the same seed draws the "
        "same configurations", "seed"))  # fmt: skip


def _add_more_search(add: Any, replicates: bool = True) -> None:
    add("--constraint", action="append", metavar="TEXT", help='what all configurations must '
        'fulfil, such as "depth * width <= 4096"; repeat it for more')  # fmt: skip
    add("--initial", action="append", metavar="DICT", help="a configuration that is tried first, "
        "such as \"{'lr': 0.1, 'depth': 2}\"; repeat it for more")  # fmt: skip
    if replicates:
        add("--replicates", type=whole, metavar="N", help=default("trainings a configuration, "
            "with other seeds", "replicates"))  # fmt: skip
    add("--unique", action="store_true", help="random search: no configuration twice")
    add("--points", action="append", metavar="N", help="grid search: points of each distribution, "
        "or NAME=N for one of them; repeat it for more")  # fmt: skip
    add("--surrogate", help=default("bayesian search: the model of the results, gp or tpe; "
        "auto is gp for some 250 trials, then tpe", "surrogate"))  # fmt: skip
    add("--lag", type=whole, metavar="N", help="bayesian search: trial i learns from trials up to "
        "i − N; the same lag gives the same table with other numbers of "
        "workers (chosen so that none of them waits)")  # fmt: skip


def add_space(commands: Any) -> None:
    """Adds `sweeper space`."""
    space = add_subcommand(
        commands,
        "space",
        help="show what a search would try, before anything is run",
        description="Prints the first configurations, the range and a histogram of each "
        "hyperparameter, how many trials a grid makes, and likely mistakes.",
        epilog='examples:\n  sweeper space --space "lr=loguniform(1e-4,1)" --space "depth=[2,4,8]"'
        "\n  sweeper space sweep.yaml --searcher grid --points 5",
        argument_default=argparse.SUPPRESS,
    )
    add = space.add_argument
    add("objective", nargs="?", metavar="FILE", help="a YAML file of options, as for `run`")
    _add_search(add)
    _add_more_search(add, replicates=False)
    add("--debug", action="store_true", help="show tracebacks")


def add_resources(add: Any) -> None:
    """Adds the options for a trial's CPUs and GPUs."""
    add("--cpus", type=number, metavar="X", help=default("CPUs a trial", "cpus"))
    add("--gpus", type=number, metavar="X", help=default("GPUs a trial", "gpus"))


def add_where(add: Any, inline: bool = True) -> None:
    """Adds the options that say which Ray runs the trials, or, `inline`, that none does."""
    none = "; inline for none, but this process, with --debug for a debugger" if inline else ""
    add("--address", metavar="ADDRESS", help="a running Ray: HOST:PORT on a machine of that "
        f"cluster, http://HEAD:8265 from elsewhere; local for a new one{none} (the first of "
        "RAY_ADDRESS, one on this machine, a new one)")  # fmt: skip
    add("--cluster", metavar="FILE", help="the cluster that `ray up FILE` has started: what is "
        "asked for runs there as a job; a sweep's record is mirrored here, Ctrl-C stops it, a lost "
        "connection or a closed terminal doesn't")  # fmt: skip


def add_how_to_run(command: Any, names: Any = None, confirms: bool = False) -> None:
    """Adds the options that may differ each time a sweep is run or goes on.

    Args:
        command: `run`, `resume` or `confirm`.
        names: adds the options of the sweep's folder; given that, those of a trial's resources are
            added too.
        confirms: True for `confirm`, which writes no report, and must not end because a training
            was lucky.
    """
    add = command.add_argument_group("where it runs").add_argument
    add("--workers", type=whole, metavar="N", help="trials at a time (all that fit)")
    if names:
        add_resources(add)
    add_where(add)
    add = command.add_argument_group("when it ends").add_argument
    _add_limits(add)
    if not confirms:
        _add_ends(add)
    add = command.add_argument_group("the sweep's folder and what is printed").add_argument
    if names:
        names(add)
    add("--retry-failed", action="store_true", help="on resuming, run failed trials again as well")
    add("--keep", metavar="WHICH", help=default("folders that trials made and that stay: best "
        "(of the best three), all or none", "keep"))  # fmt: skip
    add("--keep-checkpoints", action="store_true", help="leave those of ended trials")
    if not confirms:
        add("--no-report", action="store_true", help="write no report.html into the sweep's folder")
    add("--quiet", action="store_true", help="no progress")
    add("--debug", action="store_true", help="show tracebacks")


def _add_limits(add: Any) -> None:
    add("--time-budget", metavar="TIME", help="end after so long, to be resumed: seconds, or 30m, "
        "1.5h")  # fmt: skip
    add("--trial-time", metavar="TIME", help="a trial that takes longer fails")
    add("--total-epochs", type=whole, metavar="N",
        help="end after so many epochs of all trials together")  # fmt: skip
    add("--max-failures", type=whole, metavar="N", help=default("how often a trial is tried again "
        "after its process died", "max_failures"))  # fmt: skip
    add("--first-failures", type=whole_or_none, metavar="N", help=default("end if the first so "
        "many trials, at least twice the workers, all fail alike; none for never",
        "first_failures"))  # fmt: skip


def _add_ends(add: Any) -> None:
    add("--target", type=number, metavar="VALUE", help="end once a trial is at least as good")
    add("--patience", type=whole, metavar="N", help="end after so many trials in a row that were "
        "no better than the best before")  # fmt: skip


def default(text: str, name: str) -> str:
    """Returns a help text followed by the default."""
    return f"{text} ({DEFAULTS[name]})"
