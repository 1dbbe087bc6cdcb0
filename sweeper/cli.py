"""The command `sweeper`."""

import argparse
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_RUN_EXAMPLES = """
examples:
  sweeper run                                   softmax regression on Fashion-MNIST, 5 trials
  sweeper run --model mlp --data digits --trials 20 \\
      --space "learning_rate=loguniform(1e-3,1)" --space "num_hiddens=randint(16,257)"
  sweeper run --searcher grid --points 5 --dry-run
  sweeper run my_training.py:objective --space "lr=loguniform(1e-4,1)" --space "depth=[2,4,8]"
  sweeper run sweep.yaml --seed 1               a file with the same words: model, space, trials …
"""

# The sweep that runs when nothing is said: d2l, section 19.1.
_DEFAULTS: dict[str, Any] = {
    "objective": None,
    "model": "softmax",
    "data": "fashion_mnist",
    "max_epochs": 8,
    "batch_size": 16,
    "space": None,
    "searcher": "random",
    "trials": 5,
    "points": None,
    "seed": 0,
    "workers": None,
    "cpus": 1,
    "gpus": 0,
    "name": None,
    "folder": "runs",
    "address": None,
    "dry_run": False,
    "test": False,
    "quiet": False,
}
_KINDS = {
    **dict.fromkeys(("objective", "model", "data", "searcher", "name", "folder", "address"), str),
    **dict.fromkeys(("dry_run", "test", "quiet"), bool),
}
_DEFAULT_SPACE = {"learning_rate": "loguniform(1e-4, 1)"}
_BUILT_IN_ONLY = ("model", "data", "max_epochs", "batch_size")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, 1 if no trial finished, 2 for a mistake, 130 if interrupted."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    command: Callable[[dict[str, Any]], int] | None = options.pop("command", None)
    debug = options.pop("debug", False)
    if command is None:
        parser.print_help()
        return 2
    try:
        return command(options)
    except KeyboardInterrupt:
        print("sweeper: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            traceback.print_exc()
        expected = isinstance(error, ValueError | TypeError | LookupError | OSError | ImportError)
        kind = "" if expected else f"{type(error).__name__}: "
        print(f"sweeper: {kind}{error}", file=sys.stderr)
        if not expected and not debug:
            print("sweeper: --debug shows where this comes from", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sweeper", description="Parallel hyperparameter sweeps of PyTorch training code."
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_run(commands)
    _add_show(commands)
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
    run.set_defaults(command=_run)
    add = run.add_argument
    add("objective", nargs="?", metavar="OBJECTIVE", help="module:function, file.py:function, or a "
        "YAML file of these options; without it a classifier of sweeper's own")  # fmt: skip
    add("--model", help="softmax, mlp, dropout_mlp or lenet (softmax)")
    add("--data", help="fashion_mnist or digits (fashion_mnist)")
    add("--max-epochs", type=int, metavar="N", help="epochs a trial (8)")
    add("--batch-size", type=int, metavar="N", help="examples a batch (16)")
    add("--space", action="append", metavar="NAME=VALUE", help="a hyperparameter: a distribution "
        "of scipy.stats, a list of choices, or a constant; repeat it for more")  # fmt: skip
    add("--searcher", help="random or grid (random)")
    add("--trials", type=int, metavar="N", help="trials of random search (5)")
    add("--points", action="append", metavar="N", help="grid search: points of each distribution, "
        "or NAME=N for one of them; repeat it for more")  # fmt: skip
    add("--seed", type=int, metavar="N", help="the same seed draws the same configurations (0)")
    add("--workers", type=int, metavar="N", help="trials at a time (all that fit)")
    add("--cpus", type=float, metavar="X", help="CPUs a trial (1)")
    add("--gpus", type=float, metavar="X", help="GPUs a trial (0)")
    add("--name", help="name of the sweep's folder (time and objective)")
    add("--folder", help="where sweeps are kept (runs)")
    add("--address", metavar="HOST:PORT", help="a running Ray; local for a new one (the first of "
        "RAY_ADDRESS, one on this machine, a new one)")  # fmt: skip
    add("--dry-run", action="store_true", help="only print the configurations")
    add("--test", action="store_true", help="then measure the best configuration on the test set")
    add("--quiet", action="store_true", help="no progress")
    add("--debug", action="store_true", help="show tracebacks")


def _add_show(commands: Any) -> None:
    show = commands.add_parser(
        "show",
        help="print the trials of a sweep",
        description="Prints the trials of a sweep, best first, also while it runs.",
        epilog="example:\n  sweeper show runs/2026-01-31_12-00-00_Classifier",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.set_defaults(command=_show)
    show.add_argument("folder", metavar="FOLDER", help="the sweep's folder")
    show.add_argument("--most", type=int, default=20, metavar="N", help="trials to print (20)")
    show.add_argument("--debug", action="store_true", help="show tracebacks")


def _run(given: dict[str, Any]) -> int:
    from sweeper.space_text import read_config_space

    options, said = _merge(given)
    space = read_config_space(options["space"] or _DEFAULT_SPACE)
    objective = _objective(options, space, said)
    import sweeper

    results = sweeper.run(
        objective,
        space,
        _searcher(options),
        seed=options["seed"],
        num_workers=options["workers"],
        resources=sweeper.Resources(cpus=options["cpus"], gpus=options["gpus"]),
        name=options["name"],
        folder=options["folder"],
        address=options["address"],
        dry_run=options["dry_run"],
        progress=not options["quiet"],
    )
    if isinstance(results, list):
        for config in results:
            print(config)
        return 0
    _print(results)
    print(f"folder: {results.folder}")
    finished = any(row["status"] == "finished" for row in results.rows)
    if options["test"] and finished:
        error = sweeper.test(results, objective)
        print(f"test set: error {error:.4g}, accuracy {1 - error:.4g}")
    return 0 if finished else 1


def _show(options: dict[str, Any]) -> int:
    from sweeper.results import load

    results = load(options["folder"])
    _print(results, options["most"])
    for line in results.unreadable:
        print(f"left out {line}", file=sys.stderr)
    return 0


def _print(results: Any, most: int = 20) -> None:
    from sweeper.results import table

    print(table(results, most))
    print(f"\n{results.statuses()}")
    if any(row["status"] == "finished" for row in results.rows):
        print(f"best: {results.best_error:.4g} with {results.best_config}")


def _merge(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """All options, and those that were said: by a YAML file or, which counts more, by flags."""
    source = given.get("objective")
    described = {}
    if source is not None and Path(source).suffix in (".yaml", ".yml"):
        described = _read_yaml(Path(source))
        given = {name: value for name, value in given.items() if name != "objective"}
    flags = dict(given)
    if "space" in flags:
        flags["space"] = dict(_name_and_value(text, "--space") for text in flags["space"])
    if "points" in flags:
        flags["points"] = _points(flags["points"])
    said = {**described, **flags}
    return {**_DEFAULTS, **said}, said


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        described = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: is no YAML: {error}") from error
    if not isinstance(described, dict):
        raise ValueError(f"{path}: must map names to values, such as `trials: 20`.")
    wrong = [
        f"{name}: must be {kind.__name__}, but got {described[name]!r}"
        for name, kind in _KINDS.items()
        if described.get(name) is not None and not isinstance(described[name], kind)
    ]
    if wrong:
        raise ValueError(f"{path}: " + "; ".join(wrong))
    unknown = [name for name in described if name not in _DEFAULTS]
    if unknown:
        raise ValueError(f"{path}: {unknown} mean nothing here; known are {list(_DEFAULTS)}.")
    if not isinstance(described.get("space", {}), dict):
        raise ValueError(f"{path}: space must map hyperparameters to values.")
    return described


def _name_and_value(text: str, flag: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"{flag} {text!r}: must be NAME=VALUE, such as lr=loguniform(1e-4,1).")
    return name.strip(), value.strip()


def _points(texts: list[str]) -> int | dict[str, int]:
    """`["5"]` as 5, `["lr=5", "depth=3"]` as a dict."""
    try:
        if len(texts) == 1 and "=" not in texts[0]:
            return int(texts[0])
        named = dict(_name_and_value(text, "--points") for text in texts)
        return {name: int(value) for name, value in named.items()}
    except ValueError:
        raise ValueError(f"--points {' '.join(texts)}: must be N, or NAME=N for each.") from None


def _searcher(options: dict[str, Any]) -> Any:
    import sweeper

    if options["searcher"] == "random":
        return sweeper.RandomSearch(num_trials=options["trials"])
    if options["searcher"] == "grid":
        return sweeper.GridSearch(points=options["points"])
    raise ValueError(f"--searcher {options['searcher']!r}: choose random or grid.")


def _objective(options: dict[str, Any], space: dict[str, Any], said: dict[str, Any]) -> Any:
    """The user's own objective, or the built-in classifier."""
    reference = options["objective"]
    if reference is None:
        from sweeper.classifier import Classifier

        classifier = Classifier(**{name: options[name] for name in _BUILT_IN_ONLY})
        faults = classifier.faults(list(space))
        if faults:
            raise ValueError("\n".join(faults))
        return classifier
    useless = [f"--{name.replace('_', '-')}" for name in _BUILT_IN_ONLY if name in said]
    if useless:
        raise ValueError(f"{', '.join(useless)}: only for sweeper's own classifier.")
    if options["space"] is None:
        raise ValueError("--space NAME=VALUE: needed to say what your objective's choices are.")
    return load_objective(reference)


def load_objective(reference: str) -> Any:
    """The function that `module:function` or `file.py:function` names.

    Raises:
        ValueError: the reference is of another form, or there is no such function.
        FileNotFoundError: there is no such file.
        ImportError: the module can't be imported.
    """
    place, colon, name = reference.rpartition(":")
    if not (place and colon and name):
        raise ValueError(f"{reference!r}: must be module:function, file.py:function or a .yaml.")
    if place.endswith(".py"):
        module = _load_file(Path(place))
    else:
        sys.path.insert(0, os.getcwd())
        module = importlib.import_module(place)
    if not callable(getattr(module, name, None)):
        there = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise ValueError(f"{reference}: {place} has no function {name!r}; it has {there}.")
    return getattr(module, name)


def _load_file(path: Path) -> Any:
    """A module from a file; it travels to the workers whole, neighbours are found beside it."""
    import cloudpickle

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    sys.path.insert(0, str(path.parent.absolute()))
    name = path.stem if path.stem not in sys.modules else f"objective_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    cloudpickle.register_pickle_by_value(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
