"""Prints what bare Ray Tune and bare Optuna do when things go wrong, as a Markdown table.

    python scripts/what_happens_when.py                      everything (about 15 minutes)
    python scripts/what_happens_when.py killed raised        only these situations

Every run is a process of its own (bare_runs.py): watched, killed or interrupted from outside.
Linux only. Optuna is no dependency of sweeper: `pip install optuna` fills the third column.
"""

import argparse
import ctypes
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

DEFAULTS = {"trials": 20, "seconds": 0.3, "seed": 0, "mode": "run", "faults": {}}
DEFAULTS |= {"max_failures": 0, "catch": False, "storage": "journal"}
WORKERS = {"tune": 2, "optuna": 1}  # what each takes here if nothing is said
TIMEOUT_S = 150
BARE_RUNS = str(Path(__file__).with_name("bare_runs.py"))
FOLDER = Path(tempfile.gettempdir(), f"what_happens_when_{os.getpid()}")


def processes():
    """The living descendants of this process: pid → name."""
    parents, names = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = stat.read_text().rpartition(")")
        except OSError:
            continue  # ended meanwhile
        pid, (state, parent) = int(stat.parent.name), after.split()[:2]
        parents[pid] = int(parent)
        if state != "Z":
            names[pid] = before.partition("(")[2]
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return {pid: names[pid] for pid in ours - {os.getpid()} if pid in names}


def clean_up(patience_s=0):
    """Waits for what this process has started, and then kills what is left of it."""
    end = time.monotonic() + patience_s
    while left := processes():
        if time.monotonic() > end:
            for pid in left:
                if pid in processes():
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


class Run:
    """One process with a run of Ray Tune or Optuna, and what can be seen of it from outside."""

    def __init__(self, tool, **spec):
        FOLDER.mkdir(exist_ok=True)
        folder = spec.pop("folder", None) or tempfile.mkdtemp(dir=FOLDER, prefix=f"{tool}-")
        self.spec = {"workers": WORKERS[tool], **DEFAULTS, **spec, "tool": tool, "folder": folder}
        self.folder = Path(folder)
        self.output_path = self.folder / f"output-{time.monotonic_ns()}"
        (self.folder / "table.json").unlink(missing_ok=True)
        self.old = len(self.lines())
        command = [sys.executable, BARE_RUNS, json.dumps(self.spec)]
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        environment |= {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONUNBUFFERED": "1"}
        with self.output_path.open("w") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True, env=environment
            )

    def again(self, **changes):
        """Another process with the same sweep."""
        return Run(**{**self.spec, **changes})

    def lines(self):
        """What the trials of the sweep have written, in all processes."""
        path = self.folder / "events"
        return path.read_text().splitlines() if path.exists() else []

    def events(self, kind):
        """The trials that started (`start`) or ended (`end`) in this process."""
        split = [line.split() for line in self.lines()[self.old :]]
        return [
            SimpleNamespace(number=int(number), x=float(x), pid=int(pid))
            for what, number, x, pid in split
            if what == kind
        ]

    def after(self, num_ended):
        """The run itself, in the middle of the trials that follow so many ended ones."""
        end = time.monotonic() + TIMEOUT_S
        while len(self.events("end")) < num_ended and time.monotonic() < end:
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        time.sleep(self.spec["seconds"] / 2)
        self.printed, self.after_s = len(self.output()), time.monotonic()
        return self

    def end(self, timeout_s=TIMEOUT_S):
        """The exit code as a shell shows it, or `hung` where there is none after `timeout_s`."""
        try:
            code = self.process.wait(timeout_s)
            code = code if code >= 0 else 128 - code
        except subprocess.TimeoutExpired:
            code = "hung"
        self.end_s = time.monotonic()
        clean_up(patience_s=10 if code != "hung" else 0)
        return code

    def table(self):
        """Rows by number and what wins, shown at the end or, failing that, read afterwards."""
        path = self.folder / "table.json"
        if not path.exists() and self.spec["mode"] != "read":
            self.again(mode="read").end()
        table = json.loads(path.read_text()) if path.exists() else {"rows": [], "best": "nothing"}
        rows = [SimpleNamespace(number=n, x=x, value=v, state=s) for n, x, v, s in table["rows"]]
        return {row.number: row for row in rows}, table["best"]

    def states(self):
        """How many rows there are, and in which states, as text."""
        rows = [row.state for row in self.table()[0].values()]
        if self.spec["tool"] == "tune":
            return f"{len(rows)} rows ({rows[0] if rows else 'no states'})"
        return ", ".join(f"{n} {state}" for state, n in sorted(Counter(rows).items())) or "no rows"

    def output(self):
        """What the process has printed, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.output_path.read_text(errors="replace"))

    def said(self, pattern):
        """The first line printed since `after` that matches, short."""
        lines = self.output()[self.printed :].splitlines()
        found = [line.strip() for line in lines if re.search(pattern, line)]
        # Times at the start of the line say nothing.
        return f"`{re.sub(r'^.*?:[0-9]{2},[0-9]+', '', found[0])[:110]}`" if found else "nothing"

    def error(self, code):
        """The exit code, and with it the last exception that was printed."""
        if code == "hung":
            return "still hung"
        found = re.findall(r"^[\w.]*(?:Error|Interrupt)\b.*", self.output(), re.MULTILINE)
        return f"exit code {code}" + (f", `{found[-1][:90]}`" if code and found else "")


# The situations: each takes the tool's name and gives back what was seen


def killed(tool):
    """The driver is killed with SIGKILL after 10 of 30 trials, then the sweep is resumed."""

    def once(seconds, seed=0):
        first = Run(tool, trials=30, seconds=seconds, seed=seed).after(10)
        done = {event.x for event in first.events("end")}
        first.process.kill()
        first.end()
        second = first.again(mode="resume")
        code, (rows, _) = second.end(), second.table()
        again = len(done & {event.x for event in second.events("start")})
        lost = len(done - {row.x for row in rows.values()})
        text = (
            f"{again} of {len(done)} finished configurations ran again, {lost} lost from the table"
        )
        return f"{text}, {second.states()}, {second.error(code)}"

    if tool == "optuna":
        return f"{once(0.3, None)}; sampler with a seed: {once(0.3)}"
    return f"trials of 0.3 s: {once(0.3)}; of 3 s: {once(3)}"


def raised(tool):
    """5 of 20 trials raise."""

    def once(faults=("3", "7", "11", "15", "19"), **options):
        run = Run(tool, faults=dict.fromkeys(faults, "raise"), **options)
        code, starts = run.end(), run.events("start")
        text = f"{len(starts)} of 20 started, {run.states()}, {run.error(code)}"
        return text, len({event.pid for event in starts})

    if tool == "optuna":
        return f"{once()[0]}; with `catch=(Exception,)`: {once(catch=True)[0]}"
    (text, with_faults), (_, without) = once(), once(faults=())
    return f"{text}; 2 workers took {with_faults} processes, {without} where none raises"


def not_a_number(tool):
    """One of 4 trials returns NaN, None or the string "0.0"."""
    texts = []
    for fault in ("nan", "none", "text"):
        run = Run(tool, trials=4, workers=1, faults={"1": fault})
        code, (rows, best) = run.end(), run.table()
        state = f" {rows[1].state}" if tool == "optuna" and 1 in rows else ""
        row = f"recorded as {rows[1].value}{state}" if 1 in rows else "no row"
        if best == min((row.value for n, row in rows.items() if n != 1), default=None):
            best = "the lowest number"
        started = len(run.events("start"))
        texts.append(f"{fault}: {row}, best is {best}, {started} of 4 started, {run.error(code)}")
    return "; ".join(texts)


def died(tool):
    """The process of trial 3 of 8 dies (`os._exit`), and trial 5 raises."""
    faults = {"3": "exit", "5": "raise"}
    run = Run(tool, trials=8, workers=1, faults=faults, max_failures=1, catch=True)
    code, starts = run.end(), [event.number for event in run.events("start")]
    text = f"{len(set(starts))} of 8 started, {run.states()}, {run.error(code)}"
    if tool == "tune":
        ran = f"{starts.count(3)} × and the raising one {starts.count(5)} ×"
        return f"`max_failures=1` ran the dead one {ran}, {text}"
    again = run.again(mode="resume", faults={})
    code = again.end()
    return f"{text}; run again: {again.states()}, the dead one is {again.table()[0][3].state}"


def raylet(tool):
    """The raylet is killed while trials run."""
    if tool == "optuna":
        return "has none"
    run = Run(tool, trials=200, seconds=1).after(4)
    (pid,) = [pid for pid, name in processes().items() if name == "raylet"]
    os.kill(pid, signal.SIGKILL)
    while run.said("(?i)raylet") == "nothing" and time.monotonic() - run.after_s < 60:
        time.sleep(0.2)
    said_s = time.monotonic() - run.after_s
    code = run.end(60 - said_s)
    status = re.findall("Trial status: (.*)", run.output())[-1]
    return (
        f"after {run.end_s - run.after_s:.0f} s: {run.error(code)}, last status of 200: {status}; "
        f"printed after {said_s:.0f} s: {run.said('(?i)raylet')}"
    )


def interrupted(tool):
    """Ctrl-C once, after 10 of 30 trials of 1 s."""
    run = Run(tool, trials=30, seconds=1).after(10)
    starts = run.events("start")
    running, workers = len(starts) - len(run.events("end")), {event.pid for event in starts}
    os.killpg(run.process.pid, signal.SIGINT)
    while workers & set(processes()) and time.monotonic() - run.after_s < 60:
        run.process.poll()
        time.sleep(0.05)
    gone_s, code = time.monotonic() - run.after_s, run.end()
    return (
        f"{running} were running; workers gone after {gone_s:.1f} s, {run.error(code)}, "
        f"{run.states()}; said: {run.said('SIGINT|nterrupt')}"
    )


def more(tool):
    """10 more trials are wanted after the end of 20."""
    first = Run(tool)
    first.end()
    before = {row.x for row in first.table()[0].values()}
    texts = []
    for mode in ("resume", "run") if tool == "tune" else ("resume",):
        run = first.again(trials=30, mode=mode)
        code, starts = run.end(), {event.x for event in run.events("start")}
        same = len(before & {row.x for row in run.table()[0].values()})
        texts.append(
            f"{len(starts - before)} new ones ran, {len(starts & before)} of the first 20 "
            f"configurations again, {same} of them in the table, {run.states()}, {run.error(code)}"
        )
    names = ["`Tuner.restore`: ", "; 30 under the same name: "] if tool == "tune" else [""]
    return "".join(name + text for name, text in zip(names, texts, strict=True))


def same_seed(tool):
    """The same seed with 1 worker and with 2."""
    tables = []
    for workers in (1, 1, 2):
        run = Run(tool, workers=workers)
        run.end()
        tables.append({(row.number, row.x, row.value) for row in run.table()[0].values()})
    one, twice, two = tables
    return f"{len(one & two)} of 20 rows equal ({len(one & twice)} where 1 worker runs it twice)"


def read(tool):
    """The table is read by another process after 14 of 30 trials of 1 s."""
    run = Run(tool, trials=30, seconds=1).after(14)
    ended, reader = len(run.events("end")), run.again(mode="read")
    code = reader.process.wait(TIMEOUT_S)
    text = f"{reader.states()} a moment after {ended} had ended, {reader.error(code)}"
    clean_up()
    return text


def removed(tool):
    """The folder of the results is removed after 10 of 30 trials."""

    def once(**options):
        run = Run(tool, trials=30, **options).after(10)
        ended = len(run.events("end"))
        shutil.rmtree(run.folder / "results", ignore_errors=True)
        code, later = run.end(), len(run.events("end")) - ended
        return f"{ended} ended before and {later} after it, {run.error(code)}, {run.states()}"

    if tool == "optuna":
        return f"journal: {once()}; SQLite: {once(storage='sqlite')}"
    return once()


SITUATIONS = {
    function.__name__: function
    for function in (
        *(killed, raised, not_a_number, died, raylet),
        *(interrupted, more, same_seed, read, removed),
    )
}


def main():
    """Prints the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("situations", nargs="*", help=", ".join(SITUATIONS))
    arguments = parser.parse_args()
    # A shell starts what it runs in the background deaf to Ctrl-C, which children would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Orphans of a killed driver become children of this process, which can then find them.
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    has_optuna = importlib.util.find_spec("optuna") is not None
    optuna = importlib.metadata.version("optuna") if has_optuna else "(not installed)"
    print(f"outputs are kept in {FOLDER}", file=sys.stderr)
    print(f"| situation | Ray Tune {importlib.metadata.version('ray')} | Optuna {optuna} |")
    print("|---|---|---|", flush=True)
    for name in arguments.situations or SITUATIONS:
        cells = [SITUATIONS[name].__doc__.removesuffix(".")]
        for tool in ("tune", "optuna"):
            missing = tool == "optuna" and not has_optuna
            try:
                cells.append("not installed" if missing else SITUATIONS[name](tool))
            except Exception as error:
                cells.append(f"not measured: {error!r}")
            clean_up()
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    try:
        main()
    finally:
        clean_up()
