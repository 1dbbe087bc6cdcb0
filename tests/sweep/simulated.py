"""A sweep on simulated workers with a clock of their own, without Ray, threads or files."""

import hashlib
import heapq
import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scipy import stats

from sweeper.record.rows import Row, Trial
from sweeper.record.sweep_definition import Sweep
from sweeper.search.asha import ASHA
from sweeper.search.known import Known
from sweeper.search.metric import Metric
from sweeper.space.space import check_space
from sweeper.sweep.core import Core
from sweeper.sweep.suggestions import Here, Suggestions


@dataclass(frozen=True)
class Learner:
    """A searcher whose every answer depends on every bit of what it knows."""

    num_trials: int
    lag: int | None = None
    looks_back: bool = True
    initial_configs: tuple = ()

    def num_configs(self, space) -> int:
        return self.num_trials

    def config(self, space, seed: int, trial: int, known: Sequence[Known]) -> dict:
        assert len(known) == trial
        if trial < len(self.initial_configs):
            return dict(self.initial_configs[trial])
        digest = hashlib.sha256(repr((seed, trial, known)).encode()).digest()
        return {"x": int.from_bytes(digest[:4], "big") / 2**32}


@dataclass
class Training:
    """What an objective would do with a configuration: its errors, and how it ends."""

    errors: list[float]
    ending: str = "finished"  # or failed, after these errors


def trained(config: dict, seed: int, epochs: int = 9) -> Training:
    """A pure function of configuration and seed, as objectives are; some fail, some are NaN."""
    rng = random.Random(f"{config} {seed}")
    kind = rng.random()
    length = rng.randint(0, epochs) if kind < 0.2 else epochs
    errors = [rng.choice([0.1, 0.2, 0.3]) + rng.random() / (e + 1) for e in range(length)]
    if 0.2 <= kind < 0.3 and errors:
        errors[rng.randrange(len(errors)) :] = [math.nan] * (
            len(errors) - rng.randrange(len(errors))
        )
    return Training(errors, "failed" if kind < 0.1 or not errors else "finished")


@dataclass
class Outcome:
    """What a simulated run leaves: its rows, its journal, and the clock."""

    rows: list[Row]
    lines: list[Row]
    ended_s: float
    busy_s: float
    epochs: int


def sweep_of(
    searcher,
    scheduler: ASHA | None = None,
    replicates: int = 1,
    lag: int | None = None,
    seed=0,
    metric: Metric = Metric(),
) -> Sweep:
    space = check_space({"x": stats.uniform(0, 1)})
    return Sweep(lambda config: 0.0, space, searcher, scheduler, metric, seed, replicates, lag=lag)


def run(
    sweep: Sweep,
    workers: int,
    rng: random.Random,
    lines: Sequence[Row] = (),
    kill_after: int | None = None,
    deaths: float = 0.0,
    training: Callable[[dict, int], Training] = trained,
    epoch_s: Callable[[Trial], float] | None = None,
) -> Outcome:
    """A sweep on so many workers, whose epochs take random times; killed after so many events."""
    core = Core(sweep, [row for row in lines if row.status != "interrupted"])
    suggestions = Suggestions(core, Here(sweep))
    epoch_s = epoch_s or (lambda trial: rng.choice([0.1, 1, 1, 5]) * rng.random())
    journal, done = list(lines), set(core.lines)
    events: list[tuple[float, int, Trial, int]] = []  # when, tie, which, epochs trained by then
    ties, now, busy = itertools.count(), 0.0, 0.0

    def begin(trial: Trial, epoch: int) -> None:
        nonlocal busy
        seconds = epoch_s(trial)
        busy += seconds
        heapq.heappush(events, (now + seconds, next(ties), trial, epoch))

    def hand_out() -> None:
        while len(events) < workers:
            suggestions.step()
            trial = core.next_trial()
            if trial is None:
                return
            assert trial.key not in done, "a trial that has a line is trained again"
            begin(trial, 1)

    hand_out()
    for count in itertools.count(1):
        if not events:
            break
        if kill_after is not None and count > kill_after:
            return Outcome(core.rows(), journal, now, busy, core.epochs_trained)
        now, _, trial, epoch = heapq.heappop(events)
        if rng.random() < deaths:
            begin(trial, 1)
            continue
        what = training(trial.config, trial.seed)
        ended = False
        if epoch <= len(what.errors):
            core.reported(trial.key, [[epoch, what.errors[epoch - 1], 0.0]])
            ended = core.should_stop(trial.key)
        if ended or epoch > len(what.errors):
            row = _row(trial, core.curves[trial.key], what.ending, stopped=ended)
            journal.append(core.ended(row))
            done.add(trial.key)
        else:
            begin(trial, epoch + 1)
        hand_out()
    assert core.is_over
    return Outcome(core.rows(), journal, now, busy, core.epochs_trained)


def _row(trial: Trial, curve: list, ending: str, stopped: bool) -> Row:
    error = curve[-1][1] if curve else None
    status = "stopped" if stopped else ending
    if status == "finished" and not math.isfinite(error):
        status = "diverged"
    return Row(
        trial=trial.trial,
        replicate=trial.replicate,
        config=trial.config,
        value=None if status == "failed" else error,
        epochs=len(curve) or None,
        status=status,
        seed=trial.seed,
        exception="ValueError: no" if status == "failed" else None,
        curve=list(curve),
    )
