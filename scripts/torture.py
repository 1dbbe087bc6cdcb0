"""Kills sweeps of every kind, by any of their processes, until so many kills are done.

    python scripts/torture.py --kills 300 --seed 1

Each sweep is killed, and gone on with, until it ends by itself. Then its table and curves must be
those of an undisturbed run, to the last bit, and no trial with a line on record may have started
again. A sweep that shows no sign of life for two minutes hangs: py-spy says where, and it is
killed. The exit code is 1 if anything of this went wrong.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from drivers import environment
from killing import title
from tortured import MIRRORED, SWEEPS
from victims import TORTURED, Local, Sent

import sweeper

HANGS_AFTER_S = 120
TIMED = ["start_s", "runtime_s", "worker", "node"]
STARTS_IN_VAIN = 5  # in a row, after which a sweep that nobody kills is given up


class HangsError(Exception):
    """A sweep shows no sign of life."""


@dataclass
class Tally:
    """What has been done and what came of it; faults by the kind of sweep."""

    kills: Counter = field(default_factory=Counter)  # (kind, way)
    longest_s: dict = field(default_factory=lambda: defaultdict(float))  # of silence, by way
    sweeps: Counter = field(default_factory=Counter)
    starts: int = 0
    again: Counter = field(default_factory=Counter)
    different: Counter = field(default_factory=Counter)
    hangs: Counter = field(default_factory=Counter)

    def faults(self) -> int:
        """How much went wrong."""
        return sum(sum(of.values()) for of in (self.again, self.different, self.hangs))


class Torture:
    """Kills one sweep again and again."""

    def __init__(self, victim: Local, rng: random.Random, deck: list[str], tally: Tally) -> None:
        self.victim, self.rng, self.deck, self.tally = victim, rng, deck, tally
        self.killed: set[str] = set()  # ways that what comes is put down to
        self.lived = True  # since the last kill
        self.settled: dict[int, int] = {}  # seeds of trials with a line → starts by then
        self.seen = self.signs()
        self.since = time.monotonic()

    def to_the_end(self, most: int) -> None:
        """Goes on until the sweep ends by itself; kills at most so often."""
        left, in_vain = most, 0
        while in_vain < STARTS_IN_VAIN:
            before = left
            self.victim.start(self.rng)
            self.tally.starts += 1
            try:
                left = self.kill_some(left)
                self.watch(lambda: False)
            except HangsError:
                self.dump()
                self.victim.clear()
                self.victim.last = "hang"
                self.since = time.monotonic()
            self.look_for_repetitions()
            code = self.victim.process.poll()
            if code == 0:
                return
            if code == -signal.SIGKILL and self.victim.last not in (*DRIVERS, "hang"):
                self.say("was killed by somebody else")
            in_vain = in_vain + 1 if left == before else 0
        self.say(f"ended with {code} though nothing was killed, again and again")
        self.tally.different[self.victim.kind] += 1

    def kill_some(self, left: int) -> int:
        """Kills while the sweep runs; how many kills are left."""
        if left and self.rng.random() < 0.2:  # while Ray starts, or before
            self.watch_for(self.rng.uniform(0.2, 6))
            left -= self.kill()
        while left and self.victim.process.poll() is None:
            more = self.epochs() + self.rng.choice([1, 1, 3, 6, 10])
            self.watch(lambda more=more: self.epochs() >= more)
            self.watch_for(self.rng.uniform(0, 0.3))
            left -= self.kill()
        return left

    def kill(self) -> int:
        """Kills in the next way that is possible now; how many kills that was."""
        if self.victim.process.poll() is not None:
            return 0
        there = self.victim.processes()
        possible = [way for way in self.deck if way in there]
        if not possible:
            self.deck += shuffled(self.victim.ways, self.rng)
            return 0
        way = possible[0]
        self.deck.remove(way)
        self.victim.kill(way, self.rng)
        with open(self.victim.folder / "kills.txt", "a") as kills:
            kills.write(f"{time.strftime('%H:%M:%S')} {way}\n")
        self.killed = {way} if self.lived else {way, *self.killed}
        self.lived = False
        time.sleep(0.1)
        self.seen = self.signs()  # what was on its way is no sign of life
        self.since = time.monotonic()
        self.tally.kills[self.victim.kind, way] += 1
        return 1

    def epochs(self) -> int:
        """How many epochs, and starts, the trials have noted."""
        return self.victim.log.read_bytes().count(b"\n")

    def watch_for(self, seconds: float) -> None:
        """Watches the sweep for a while."""
        end = time.monotonic() + seconds
        self.watch(lambda: time.monotonic() > end)

    def watch(self, until: Callable[[], bool]) -> None:
        """Watches the sweep until something is, or its driver has ended.

        Raises:
            HangsError: it shows no sign of life.
        """
        while not until() and self.victim.process.poll() is None:
            longest_s, silent_s = self.tally.longest_s, time.monotonic() - self.since
            longest_s.update({way: max(longest_s[way], silent_s) for way in self.killed})
            if (seen := self.signs()) != self.seen:
                self.seen, self.since, self.lived = seen, time.monotonic(), True
            if time.monotonic() - self.since > HANGS_AFTER_S:
                raise HangsError
            time.sleep(0.05)

    def signs(self) -> tuple[int, ...]:
        """What grows as the sweep goes on."""
        files = self.victim.log, self.victim.record / "trials.jsonl"
        return tuple(file.stat().st_size if file.exists() else 0 for file in files)

    def dump(self) -> None:
        """Writes down where the driver and the workers are."""
        self.tally.hangs[self.victim.kind] += 1
        py_spy = shutil.which("py-spy") or Path(sys.executable).with_name("py-spy")
        self.say("hangs")
        self.victim.processes()
        for pid in self.victim.left if Path(py_spy).exists() else ():
            what = title(pid)
            if what.startswith(("ray::", sys.executable)) and "/ray/" not in what:
                done = subprocess.run([py_spy, "dump", "--pid", str(pid)], capture_output=True)
                print(what, done.stdout.decode(), done.stderr.decode(), sep="\n")

    def look_for_repetitions(self) -> None:
        """Counts trials that were started again though they had a line, or have two."""
        lines = Counter(seeds_on_record(self.victim.record / "trials.jsonl"))
        notes = self.victim.log.read_text().splitlines()
        starts = Counter(int(note.split()[1]) for note in notes if note.startswith("start"))
        again = [seed for seed, before in self.settled.items() if starts[seed] != before]
        again += [seed for seed, number in lines.items() if number > 1]
        if again:
            self.tally.again[self.victim.kind] += len(again)
            self.say(f"trials with the seeds {again} ran again")
        self.settled = {seed: starts[seed] for seed in lines}

    def compare(self, undisturbed: sweeper.Results) -> None:
        """Counts a table, or anything else, that is not as it should be."""
        faults = self.victim.faults()
        try:
            results = sweeper.load(self.victim.record)
            for name, aside in (("frame", TIMED), ("curves", ["elapsed_s"])):
                frames = [getattr(one, name).drop(columns=aside) for one in (results, undisturbed)]
                pd.testing.assert_frame_equal(*frames, check_exact=True)
        except (AssertionError, OSError, ValueError) as error:
            faults.append(str(error))
        if faults:
            self.tally.different[self.victim.kind] += 1
            self.say("; ".join(faults))

    def say(self, what: str) -> None:
        """Prints a finding."""
        killed = f" after the kill of {', '.join(sorted(self.killed))}" if self.killed else ""
        print(f"{self.victim.kind}{killed}: {what}; see {self.victim.folder}", flush=True)


DRIVERS = ("driver", "client", "everything")  # ways after which the driver was killed


def seeds_on_record(path: Path) -> list[int]:
    """The seeds of trials that have ended, of each line one."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # cut short
        if row["status"] != "interrupted":
            found.append(row["seed"])
    return found


def shuffled(ways: dict[str, int], rng: random.Random) -> list[str]:
    """Each way as often as it is wanted, in any order."""
    deck = [way for way, number in ways.items() for _ in range(number)]
    rng.shuffle(deck)
    return deck


def undisturbed(kind: str, folder: Path) -> sweeper.Results:
    """The sweep as it is in one process, without Ray."""
    command = [sys.executable, TORTURED, kind, folder, "inline"]
    variables = environment(TORTURED_PAUSE_S="0", OMP_NUM_THREADS="1", TORTURED_LOG="/dev/null")
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return sweeper.load(folder / "s")


def torture(kills: int, seed: int, kinds: list[str], folder: Path) -> Tally:
    """Tortures one kind of sweep after the other until there were so many kills."""
    rng, tally = random.Random(seed), Tally()
    decks: dict[type, list[str]] = {Local: [], Sent: []}
    right: dict[str, sweeper.Results] = {}
    while (left := kills - tally.kills.total()) > 0:
        kind = kinds[tally.sweeps.total() % len(kinds)]
        if kind not in right:
            right[kind] = undisturbed(kind, folder / f"undisturbed {kind}")
        tally.sweeps[kind] += 1
        place = folder / f"{tally.sweeps.total()} {kind}"
        place.mkdir()
        faults, began_s = tally.faults(), time.monotonic()
        victim = (Sent if kind == MIRRORED else Local)(kind, place)
        try:
            one = Torture(victim, rng, decks[type(victim)], tally)
            one.to_the_end(left)
            one.compare(right[kind])
        except Exception:  # of this script, or of a machine that can't start a head
            traceback.print_exc()
            tally.different[kind] += 1
        finally:
            victim.clear()
        seconds, new = time.monotonic() - began_s, tally.faults() - faults
        killed = left - kills + tally.kills.total()
        print(f"{place.name}: {killed} kills, {seconds:.0f} s, {new} faults", flush=True)
        if tally.faults() == faults:
            shutil.rmtree(place, ignore_errors=True)
    return tally


def table(tally: Tally) -> str:
    """What was killed how often in which kind of sweep, and what came of it."""
    kinds, ways = list(tally.sweeps), sorted({way for _, way in tally.kills})
    counts = {way: [tally.kills[kind, way] for kind in kinds] for way in ways}
    for name in ("sweeps", "again", "different", "hangs"):
        counts[name] = [getattr(tally, name)[kind] for kind in kinds]
    rows = [[name, *map(str, of), str(sum(of))] for name, of in counts.items()]
    waits = [f"{tally.longest_s[way]:.0f}" if way in ways else "" for way in counts]
    frame = pd.DataFrame(rows, columns=["killed", *kinds, "all"])
    return frame.assign(**{"longest wait (s)": waits}).to_string(index=False)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=25, help="how many (25)")
    parser.add_argument("--seed", type=int, default=0, help="of what is killed when (0)")
    parser.add_argument("--kinds", nargs="+", choices=SWEEPS, default=list(SWEEPS), metavar="KIND",
                        help=f"of sweeps, in turn: {', '.join(map(repr, SWEEPS))}")  # fmt: skip
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    began_s = time.monotonic()
    tally = torture(options.kills, options.seed, options.kinds, folder)
    print(f"\n{table(tally)}\n\n{tally.kills.total()} kills in {tally.starts} starts of "
          f"{tally.sweeps.total()} sweeps, {time.monotonic() - began_s:.0f} s; "
          f"{tally.again.total()} trials run again, {tally.different.total()} tables that differ, "
          f"{tally.hangs.total()} hangs of more than {HANGS_AFTER_S} s")  # fmt: skip
    return 1 if tally.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
