"""Kills simulated sweeps, of every searcher and scheduler, by the hundred thousand.

    python scripts/simulated_kills.py --sweeps 100000 --seed 0

Each is killed, interrupted and gone on with several times: by other numbers of workers, some of
which die, with more trials and replicates, and once a file is there that was missing. In the end
its table must be that of one undisturbed worker, to the last bit, no trial with a line may have
been trained again, and the incumbent must be the best of the rows. The exit code is 1 if one
differs, and the command that shows the smallest of these alone is printed.
"""

import argparse
import functools
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import pandas as pd
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "sweep"))

from disturbed import NOWHERE, Drawn, Nature, Run, Trouble, on_record, table
from simulated import Learner

import sweeper
from sweeper.record import sweep_definition
from sweeper.record.results import Results
from sweeper.record.rows import Row
from sweeper.record.settled import settled
from sweeper.record.sweep_definition import Sweep
from sweeper.search.metric import Metric
from sweeper.space.space import Space, check_space

# The same seed is made for each run of a sweep; that takes longer than what is done with it.
sweep_definition.trial_seed = functools.cache(sweep_definition.trial_seed)

MOST, SEEDS = 60, 40  # trials of a sweep, and different seeds
X = {"x": stats.uniform(0, 1)}
RICH = check_space(
    {
        **X,
        "optimizer": ["sgd", "adam"],
        "momentum": sweeper.when("optimizer == 'sgd'", stats.uniform(0.5, 0.49)),
        "width": sweeper.rounded(stats.loguniform(4, 64)),
    },
    ["x * width < 50"],
)
FIRST = [{"x": 0.25, "optimizer": "adam", "width": 8}]
SCHEDULERS = [
    None, sweeper.ASHA(), sweeper.ASHA(2, 2), sweeper.ASHA(max_epochs=9), sweeper.ASHA(1, 2, 5)
]  # fmt: skip
METRICS = [Metric(), Metric("accuracy", "max")]


Search = Callable[[int, random.Random], object]  # of so many trials


def drawing(searcher: object) -> Search:
    """Searches of any length that draw what this one does."""
    return lambda trials, rng: Drawn(searcher, trials)


def learning(trials: int, rng: random.Random) -> Learner:
    """A search whose every answer depends on all that is known."""
    first = ({"x": 0.5},) * rng.randrange(2)
    return Learner(trials, rng.choice([None, 1, 3, 8]), initial_configs=first)


def modelled(model: str) -> Search:
    """Searches by a model, which starts at the tenth trial."""
    return lambda trials, rng: sweeper.BayesianSearch(
        trials, model, rng.choice([None, 2, 5]), FIRST[: rng.randrange(2)]
    )


@dataclass(frozen=True)
class Kind:
    """Searches of one kind.

    Attributes:
        search: makes one of so many trials.
        share: how many of a million sweeps are such.
        most: trials.
        space: of the configurations.
    """

    search: Search
    share: int
    most: int = 40
    space: Space = RICH


GRID = sweeper.GridSearch({"x": 3, "momentum": 2, "width": 2})
KINDS = {
    "random": Kind(drawing(sweeper.RandomSearch(MOST)), 150_000),
    "random, first given": Kind(drawing(sweeper.RandomSearch(MOST, FIRST)), 50_000),
    "random, unique": Kind(drawing(sweeper.RandomSearch(MOST, unique=True)), 50_000),
    "Sobol": Kind(drawing(sweeper.SobolSearch(MOST, FIRST)), 150_000),
    "grid": Kind(drawing(GRID), 100_000, GRID.num_configs(RICH)),
    "learner": Kind(learning, 498_800, space=check_space(X)),
    "TPE": Kind(modelled("tpe"), 1_000, 20),
    "GP": Kind(modelled("gp"), 200, 16),
}


@dataclass
class Case:
    """One sweep and what is done to it: a function of `seed` and `number`."""

    seed: int
    number: int

    def __post_init__(self) -> None:
        rng = self.rng = random.Random(f"{self.seed} {self.number}")
        (self.kind,) = rng.choices(list(KINDS), [kind.share for kind in KINDS.values()])
        kind = KINDS[self.kind]
        self.scheduler = rng.choice(SCHEDULERS) if rng.random() < 0.7 else None
        # Rarely many; a grid is always whole.
        trials = rng.randint(1, kind.most if rng.random() < 0.2 else min(15, kind.most))
        self.trials = kind.most if self.kind == "grid" else trials
        replicates = 1 if self.scheduler else rng.choice([1, 1, 2, 3])
        self.workers = [rng.choice([1, 2, 3, 4, 8, 40]) for _ in range(rng.randint(2, 6))]
        sweep = Sweep(
            None, kind.space, kind.search(self.trials, rng), self.scheduler, rng.choice(METRICS),
            rng.randrange(SEEDS), replicates,
        )  # fmt: skip
        sweep = replace(sweep, lag=sweep.searcher.lag).with_lag_for(self.workers[0])
        self.sweep = sweep
        may_retry = not (sweep.searcher.looks_back or sweep.scheduler)
        broken = may_retry and rng.random() < 0.3
        self.nature = Nature(rng.randrange(2**32), rng.choice([1, 3, 5, 9]), broken)
        self.max_failures = rng.randrange(3)
        self.counts: Counter[str] = Counter()

    def check(self) -> str:
        """What is wrong after all that has happened; empty if nothing is."""
        lines: list[Row] = []
        retries = self.nature.broken
        for number, workers in enumerate(self.workers):
            last = number == len(self.workers) - 1
            self.nature.broken &= not last
            kept = on_record(lines, retries)
            run = self._run(self._grown(number), kept, workers, last)
            try:
                over = run.to_the_end()
            except Exception as error:
                return f"{type(error).__name__}: {error}"
            self._count(run, over, number, len(on_record(lines, False)) - len(kept))
            lines += run.lines.rows[len(kept) :]
        alone = Run(self.sweep, [], 1, self.nature, Trouble(), random.Random(0), self.max_failures)
        alone.to_the_end()
        return self._difference(run.core.rows(), lines, alone.core.rows())

    def _grown(self, number: int) -> Sweep:
        """The sweep as far as it is wanted by then."""
        sweep, part = self.sweep, (number + 1) / len(self.workers)
        if part == 1 or self.number % 2 or self.kind == "grid":
            return sweep
        searcher = replace(sweep.searcher, num_trials=max(1, int(self.trials * part)))
        replicates = sweep.replicates if sweep.searcher.looks_back else 1
        return replace(sweep, searcher=searcher, replicates=replicates)

    def _run(self, sweep: Sweep, lines: list[Row], workers: int, last: bool) -> Run:
        rng = self.rng
        events = rng.randrange(rng.choice([4, 16, 2 * self.trials, 6 * self.trials]))
        way = rng.choice(["killed", "killed", "killed in writing", "interrupted"])
        end_at = None if last or rng.random() < 0.1 else events
        trouble = Trouble(end_at, way, rng.choice([0, 0.02, 0.1]))
        return Run(sweep, lines, workers, self.nature, trouble, rng, self.max_failures)

    def _count(self, run: Run, over: bool, number: int, retried: int) -> None:
        counts = self.counts
        counts["interrupts" if run.trouble.way == "interrupted" else "kills"] += not over
        counts["deaths"] += run.deaths
        counts["resumes"] += number > 0
        counts["retried"] += retried

    def _difference(self, rows: list[Row], lines: list[Row], right: list[Row]) -> str:
        if table(rows) != table(right):
            return "the table differs"
        read = settled(on_record(lines, False), self.sweep.scheduler, self.sweep.metric)
        if table(read) != table(right):
            return "the record, as it is read, differs"
        if self.number % 20 == 0 and self._incumbent(rows) != self._best(rows):
            return "the incumbent is not the best"
        return ""

    def _incumbent(self, rows: list[Row]) -> int | None:
        """The trial that the results call the best."""
        sweep = self.sweep
        described = {
            "config_space": dict.fromkeys(sweep.space.entries, ""), "metric": sweep.metric.name,
            "mode": sweep.metric.mode, "replicates": sweep.replicates,
        }  # fmt: skip
        try:
            return Results(NOWHERE, described, rows).best_row.trial
        except LookupError:
            return None

    def _best(self, rows: list[Row]) -> int | None:
        """The same, found by looking at one trial after the other."""
        means = {}
        for trial in range(self.sweep.num_trials):
            its = [row for row in rows if row.trial == trial]
            if all(row.status == "finished" for row in its):
                means[trial] = self.sweep.metric.loss(fmean(row.value for row in its))
        return min(means, key=means.__getitem__, default=None)


def simulate(seed: int, numbers: Iterable[int]) -> tuple[pd.DataFrame, list[tuple[Case, str]]]:
    """How much was done to which kinds of sweeps, and those that went wrong."""
    counts: dict[str, Counter] = {}
    wrong = []
    for number in numbers:
        case = Case(seed, number)
        what = case.check()
        if what:
            wrong.append((case, what))
        name = f"{case.kind}, ASHA" if case.scheduler else case.kind
        counts.setdefault(name, Counter()).update(
            {"sweeps": 1, "trials": case.trials * case.sweep.replicates, **case.counts,
             "differences": bool(what)}
        )  # fmt: skip
    columns = ["sweeps", "trials", "kills", "interrupts", "deaths", "resumes", "retried",
               "differences"]  # fmt: skip
    frame = pd.DataFrame.from_dict(counts, orient="index", columns=columns)
    frame = frame.fillna(0).astype(int).sort_index()
    frame.loc["all"] = frame.sum()
    return frame, wrong


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sweeps", type=int, default=1000, help="how many (1,000)")
    parser.add_argument("--seed", type=int, default=0, help="of them all (0)")
    parser.add_argument("--only", type=int, help="the number of a sweep, which is run alone")
    options = parser.parse_args()
    began_s = time.monotonic()
    numbers = range(options.sweeps) if options.only is None else [options.only]
    frame, wrong = simulate(options.seed, numbers)
    print(f"{frame.to_string()}\n\n{time.monotonic() - began_s:.0f} s")
    if wrong:
        case, what = min(wrong, key=lambda found: (found[0].trials, len(found[0].workers)))
        print(
            f"{len(wrong)} sweeps went wrong. The smallest: {what}; {case.kind}, "
            f"{case.trials} trials, {case.scheduler}, workers {case.workers}:\n"
            f"  python scripts/simulated_kills.py --seed {case.seed} --only {case.number}"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
