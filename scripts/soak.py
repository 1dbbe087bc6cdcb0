"""Prints what a very long sweep costs as it grows: memory, files, threads, time, its record.

    python scripts/soak.py                         100,000 trials that do nothing, on Ray
    python scripts/soak.py --trials 5000 --inline  the same in this process
    python scripts/soak.py --core 20000            the decisions alone, with early stopping

Flat columns are what is hoped for: a sweep of a week must not be slower on its last day.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

MARKS = [m * 10**k for k in range(2, 7) for m in (1, 2, 5)]  # trials at which it is measured


def no_op(config):
    """A trial that does nothing."""
    return config["x"]


def memory_mb(process="self"):
    """The resident memory of a process."""
    try:
        with open(f"/proc/{process}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0


def descendants():
    """The processes that this one has started, and they, in turn."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(
                Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
    found = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


class Watch(threading.Thread):
    """Follows a sweep's journal, and prints a line at each of the marks."""

    def __init__(self, journal: Path, scratch: Path):
        super().__init__(daemon=True)
        self.journal, self.scratch, self.ended = journal, scratch, threading.Event()

    def run(self):
        """Until it is told that the sweep has ended."""
        print("  trials  ms a trial  driver MB  others MB  journal MB  bytes a row", end="")
        print("  files  threads  in /tmp", flush=True)
        rows, size, at, before = 0, 0, time.monotonic(), 0
        marks = iter(MARKS)
        mark = next(marks)
        while not self.ended.wait(0.05):
            try:
                with open(self.journal, "rb") as file:
                    file.seek(size)
                    new = file.read()
            except FileNotFoundError:
                continue
            if not rows and new:
                at = time.monotonic()
            rows, size = rows + new.count(b"\n"), size + len(new)
            if rows >= mark:
                now = time.monotonic()
                self.say(rows, (now - at) / (rows - before), size)
                at, before = now, rows
                mark = next((m for m in marks if m > rows), sys.maxsize)

    def say(self, rows, trial_s, size):
        """Prints the state."""
        others = sum(map(memory_mb, descendants()))
        in_tmp = sum(1 for _ in self.scratch.rglob("*"))
        print(
            f"{rows:>8,} {1000 * trial_s:>11.2f} {memory_mb():>10.0f} {others:>10.0f} "
            f"{size / 1e6:>11.2f} {size / rows:>12.0f} {len(os.listdir('/proc/self/fd')):>6} "
            f"{threading.active_count():>8} {in_tmp:>8,}",
            flush=True,
        )


def soak(trials: int, inline: bool, most_s: float | None = None) -> None:
    """Runs the sweep, for so many seconds at most, reads it, and reports on it."""
    from scipy import stats

    import sweeper

    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        scratch = Path(folder, "tmp")
        scratch.mkdir()
        tempfile.tempdir = str(scratch)
        watch = Watch(Path(folder, "s", "trials.jsonl"), scratch)
        watch.start()
        start = time.monotonic()
        results = sweeper.run(
            no_op,
            {"x": stats.uniform(0, 1), "lr": stats.loguniform(1e-4, 1), "depth": [1, 2, 3, 4]},
            sweeper.RandomSearch(trials),
            name="s",
            folder=folder,
            address="inline" if inline else "local",
            limits=sweeper.Limits(time_budget_s=most_s),
            progress=False,
        )
        trials = len(results.rows)
        wall_s = time.monotonic() - start
        watch.ended.set()
        watch.join()
        each = f"{1000 * wall_s / trials:.2f} ms each, start and end included"
        print(f"{trials:,} trials in {wall_s:,.1f} s: {each}", flush=True)
        read(results.folder)


def read(folder: Path) -> None:
    """Prints what it takes to read the record."""
    import sweeper

    def timed(what, work):
        start, before = time.monotonic(), memory_mb()
        value = work()
        print(f"{what:<28} {time.monotonic() - start:>8.2f} s   {memory_mb() - before:>+7.0f} MB")
        return value

    results = timed("load", lambda: sweeper.load(folder))
    timed("frame", lambda: results.frame)
    timed("best_config", lambda: results.best_config)
    path = timed("report", lambda: sweeper.write_report(results, folder / "report.html"))
    print(f"{'size of the report':<28} {path.stat().st_size / 1e6:>8.2f} MB")
    print(f"{'size of the record':<28} {(folder / 'trials.jsonl').stat().st_size / 1e6:>8.2f} MB")


def decide(trials: int, workers: int = 8, epochs: int = 9) -> None:
    """Prints what a decision takes as a sweep with early stopping grows; nothing is trained."""
    import random

    from scipy import stats

    import sweeper
    from sweeper.record.rows import Row
    from sweeper.record.sweep_definition import Sweep
    from sweeper.space.space import check_space
    from sweeper.sweep.core import Core

    space = check_space({"x": stats.uniform(0, 1)})
    core = Core(Sweep(no_op, space, sweeper.RandomSearch(trials), sweeper.ASHA(1, 3, epochs)))
    rng = random.Random(0)
    running, events, ended, start, before = {}, 0, 0, time.perf_counter(), 0
    marks = [mark for mark in MARKS if mark <= trials]
    print("  trials  µs a decision  memory MB")
    while ended < trials:
        while len(running) < workers and (trial := core.next_trial()):
            running[trial.key] = [trial, 0]
        key = rng.choice(list(running))
        trial, epoch = running[key] = [running[key][0], running[key][1] + 1]
        core.reported(key, [[epoch, rng.random(), 0.0]])
        events += 1
        if epoch < epochs and not core.should_stop(key):
            continue
        del running[key]
        curve = list(core.curves[key])
        status = "stopped" if core.should_stop(key) else "finished"
        value = curve[-1][1]
        core.ended(Row(*key, trial.config, value, len(curve), status, trial.seed, curve=curve))
        ended += 1
        if marks and ended == marks[0]:
            mark, now = marks.pop(0), time.perf_counter()
            each = 1e6 * (now - start) / (events - before)
            print(f"{mark:>8,} {each:>14.1f} {memory_mb():>10.0f}", flush=True)
            start, before = now, events


def main() -> None:
    """Reads the options."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--trials", type=int, default=100_000)
    options.add_argument("--inline", action="store_true", help="without Ray")
    options.add_argument("--seconds", type=float, help="ends the sweep after so many")
    options.add_argument("--core", type=int, metavar="TRIALS", help="the decisions alone")
    given = options.parse_args()
    if given.core:
        decide(given.core)
    else:
        soak(given.trials, given.inline, given.seconds)


if __name__ == "__main__":
    sys.exit(main())
