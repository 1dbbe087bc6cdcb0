"""Looks for a folder, an option file or a text that sweeper can't bear.

    python scripts/fuzz.py load 1000000        read them
    python scripts/fuzz.py everything 10000    and all that is made of a record, and previews
    python scripts/fuzz.py load --seed 17      one again; --keep 0,2 does some of its mutations

Each input (mutants.py) is right, or refused by a clean error: of a documented kind, of one or a few
lines, naming the file. Nothing else is raised, no warning let through, nothing is written or read
outside of the folder, nobody is spoken to, no process started; rows that nothing was done to are
read as they were; each step takes at most 10 s and 2 GB. What breaks that is made small and printed
with the command that repeats it.
"""

import argparse
import contextlib
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mutants
from mutants import FIFO, FOLDER, LINK, SECRET, Case

from sweeper.files import NotAPlainFileError
from sweeper.record import journal

MOST_S, MOST_BYTES, MOST_SAID = 10, 2 << 30, 25_000
KINDS = {
    "load": ("folder",) * 7 + ("options", "space", "space"),
    "everything": ("folder",) * 9 + ("options", "space"),
}
# SciPy's, for whoever wrote such a distribution.
ADVICE = ("Bin widths are not constant", "shape parameter of the erlang distribution")
SHOWN = "a secret that nothing shows"


# What an input must not do


class Watch:
    """Sees what this process opens, starts and speaks to."""

    def __init__(self, inside: Path) -> None:
        self._inside = os.fspath(inside)
        self.faults: list[str] = []
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if isinstance(path, str | bytes) and (writes or SECRET in str(path)):
                self._check(event, path)
        elif event in ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.chmod"):
            self._check(event, arguments[0])
        elif event == "subprocess.Popen" and arguments[1][:2] != ["git", "rev-parse"]:
            self.faults.append(f"{event} {arguments[1]}")
        elif event in ("socket.connect", "os.system", "os.exec", "socket.sendto"):
            self.faults.append(f"{event} {arguments}")

    def _check(self, event: str, path: Any) -> None:
        place = os.path.abspath(os.fsdecode(path)) if not isinstance(path, int) else self._inside
        outside = not place.startswith((self._inside, "/dev/null"))
        if outside or os.path.basename(place) in (SECRET, "canary"):
            self.faults.append(f"{event} {place}")


class FaultError(Exception):
    """What an input has done that none may do."""


@contextlib.contextmanager
def limited(step: str, watch: Watch, clean: tuple[type[Exception], ...]) -> Iterator[None]:
    """Carries a step out within its limits; raises a FaultError."""
    signal.setitimer(signal.ITIMER_PROF, MOST_S)  # ends the process: of its own time,
    signal.setitimer(signal.ITIMER_REAL, 12 * MOST_S)  # and of anybody's
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            yield
    except clean as error:
        text = str(error)
        if isinstance(error, UnicodeError) or not text.strip():
            raise FaultError(f"{step}: {_where(error)}") from error
    except BaseException as error:
        raise FaultError(f"{step}: {_where(error)}") from error
    finally:
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)
    for one in said:
        if any(text in str(one.message) for text in ADVICE):
            continue
        place = "/".join(Path(one.filename).parts[-2:])
        raise FaultError(f"{step}: warning {place}:{one.lineno}: {one.message}")
    if watch.faults:
        raise FaultError(f"{step}: {watch.faults.pop()}")


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/sweeper/" in f.filename] or frames
    place = f"{'/'.join(Path(ours[-1].filename).parts[-2:])}:{ours[-1].lineno}"
    return f"{type(error).__name__} at {place}: {str(error)[:200]!r}"


# The steps


def place(case: Case, folder: Path) -> None:
    """Writes the files of a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in case.files.items():
        path = folder / name
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif content == FIFO:
                os.mkfifo(path)
            elif content == FOLDER:
                path.mkdir()
            else:
                path.symlink_to(content.removeprefix(LINK))


def load(case: Case, folder: Path, watch: Watch) -> bool:
    """Reads an input; whether it was right."""
    if case.kind == "options":
        return _load_options(folder, watch)
    if case.kind == "space":
        return _load_space(case, watch)
    from sweeper.record.results import load
    from sweeper.remote.job import sent

    loaded = None
    with limited("load", watch, (ValueError, OSError)):
        try:
            loaded = load(folder)
        except (ValueError, OSError) as error:
            if str(folder) not in str(error) or len(str(error)) > MOST_SAID:
                raise RuntimeError(f"no path, or too long: {error}") from error
            raise
    with limited("job", watch, (ValueError, OSError)):
        sent(folder)
    if loaded is not None:
        with limited("rows", watch, ()):
            _check_rows(case, folder)
    return loaded is not None


def _check_rows(case: Case, folder: Path) -> None:
    """Finds a row that nothing was done to and that is not read as it was."""
    lines = (folder / "trials.jsonl").read_bytes().split(b"\n")[:-1] if case.files.get(
        "trials.jsonl"
    ) else []  # fmt: skip
    untouched = {line: json.loads(line) for line in case.base if line in lines}
    others = {_key(line) for line in lines if line not in untouched}
    there = {tuple(row.key): row for row in journal.read(folder).rows}
    for line, row in untouched.items():
        key = (row["trial"], row["replicate"])
        if repr(key) in others:
            continue
        found = there.get(key)
        wanted = journal.decode({**row, "value": row.get("value", row.get("validation_error"))})
        if found is None or any(
            repr(getattr(found, name)) != repr(wanted.get(name, {})) for name in found.__slots__
        ):
            raise AssertionError(f"{line!r} is read as {found}")


def _key(line: bytes) -> Any:
    try:
        row = json.loads(line)
        return repr((row["trial"], row["replicate"]))
    except Exception:
        return None


def _load_options(folder: Path, watch: Watch) -> bool:
    from sweeper.cli.options import check, merge
    from sweeper.space.text import read_config_space

    right = False
    with limited("options", watch, (ValueError,)):
        options, said, faults = merge({"objective": str(folder / "options.yaml")})
        check(options, said, faults)
        read_config_space(options["space"] or {})
        right = True
    return right


def _load_space(case: Case, watch: Watch) -> bool:
    from sweeper.space.space import check_space
    from sweeper.space.text import read_config_space, to_text

    right = checked = False
    with limited("space", watch, (ValueError,)):
        read = read_config_space({case.name: case.text})
        right = True
    if right:
        with limited("check", watch, (ValueError, TypeError)):
            check_space(read)
            checked = True
        with limited("text", watch, ()):
            if checked:
                to_text(read[case.name])
    return right


def everything(case: Case, folder: Path, watch: Watch) -> bool:
    """Makes of an input all that can be made of it; whether it was right."""
    if not load(case, folder, watch):
        return False
    if case.kind == "folder":
        _read(folder, watch)
        return True
    given = [str(folder / "options.yaml")] if case.kind == "options" else []
    if case.kind == "space":
        for text in (f"{case.name}={case.text}", "act=[a, b]", "lr=[0, 1]"):
            given += ["--space", text]
    _command(watch, "space", *given)
    return True


def _read(folder: Path, watch: Watch) -> None:
    import sweeper
    from sweeper import plots
    from sweeper.record.results import load

    results = load(folder)
    rows = len(results.rows)
    out = folder / "out"
    out.mkdir(exist_ok=True)
    for command in (
        *(("show", folder), ("list", folder.parent), ("export", folder, "-o", out / "t.csv")),
        ("export", folder, "--to", "parquet", "-o", out / "t.parquet"),
        ("compare", folder, folder.parent / "another", "-o", out / "c.html"),
    ):
        _command(watch, *map(str, command))
    with limited("report", watch, (NotAPlainFileError,)):
        written = sweeper.write_report(results, out / "report.html").read_text()
        failed = written.find("This part failed")
        if failed >= 0:
            raise AssertionError(written[failed : failed + 200])
    with limited("results", watch, (LookupError, NotAPlainFileError)):
        if len(results.frame) != rows or len(results.curves) != sum(
            len(r.curve) for r in results.rows
        ):
            raise AssertionError("rows are lost")
        repr(results), results._repr_html_(), results.best_value
    with limited("compared", watch, (ValueError,)):
        plots.comparison(sweeper.compare([results, folder.parent / "another"])).to_json()
    with limited("resumed", watch, (ValueError, TypeError, LookupError, OSError)):
        _resume(folder)


def _resume(folder: Path) -> None:
    """All that a resume does before a trial would run."""
    from sweeper.record.own_sweeps import check_folders
    from sweeper.record.resume import continue_record, rebuild
    from sweeper.sweep.core import Core

    check_folders(folder)
    sweep = rebuild(journal.read(folder).sweep, "mutants:objective")
    sweep, _, kept = continue_record(folder, sweep, False, lambda message: None)
    Core(sweep, kept).rows()


def _command(watch: Watch, *arguments: str) -> None:
    """A command of `sweeper`, which must say a little and end with 0, 1 or 2."""
    from sweeper.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with limited(arguments[0], watch, ()):
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
        said = out.getvalue() + err.getvalue()
        refused = code == 2 and arguments[0] in ("show", "list", "export")
        if refused and "must be a plain file" not in said:
            raise AssertionError(said[-300:])
        if code not in (0, 1, 2) or "--debug" in said or SHOWN in said or len(said) > 1_000_000:
            raise AssertionError(f"exit code {code}: {said[-300:]}")
        if code == 2 and len(err.getvalue()) > MOST_SAID:
            raise AssertionError("said too much")
        if "\x1b" in said or "Warning" in err.getvalue():
            raise AssertionError(f"said {err.getvalue()[-300:]}")


# Many of them


LEVELS: dict[str, Callable[[Case, Path, Watch], bool]] = {"load": load, "everything": everything}


def tried(level: str, seed: int, keep: set[int] | None = None, rows: int = 99) -> str:
    """What one input does, in a process of its own: `right`, `refused`, or a fault in words."""
    return next(_in_child(level, [(seed, keep, rows)]))[1]


Inputs = list[tuple[int, set[int] | None, int]]


def _in_child(level: str, inputs: Inputs) -> Iterator[tuple[int, str]]:
    """Seeds and what became of them; a process that dies takes one input along."""
    at = 0
    while at < len(inputs):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _work(level, inputs[at:], writing)
        os.close(writing)
        with os.fdopen(reading) as told:
            for line in told:
                yield inputs[at][0], json.loads(line)
                at += 1
        _, status = os.waitpid(child, 0)
        if status and at < len(inputs):
            name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else status
            slow = {"SIGPROF": f" (more than {MOST_S} s)", "SIGALRM": " (waits for ever)"}
            yield inputs[at][0], f"the process died: {name}{slow.get(str(name), '')}"
            at += 1


def _work(level: str, inputs: Inputs, telling: int) -> None:
    """What a child does: a line to the parent for each input."""
    home = Path(
        tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    )
    status = 1
    try:
        runs = home / "runs"
        runs.mkdir()
        (home / SECRET).write_text(SHOWN)
        os.chdir(home)
        os.environ["XDG_STATE_HOME"] = str(home / "state")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        described, rows = mutants.sweeps()[0]
        files = {"sweep.json": [described | {"seed": 5}], "trials.jsonl": rows}
        lines = {n: b"".join(mutants.as_json(t) + b"\n" for t in f) for n, f in files.items()}
        place(Case("folder", lines), runs / "another")
        for name in ("sweeper.cli.main", "sweeper.html_report.page", "sweeper.sweep.core"):
            __import__(name)
        _warm(runs / "another")
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, used + MOST_BYTES))
        sys.dont_write_bytecode = True  # of what is loaded on first use, outside of `home`
        watch, path = Watch(home), list(sys.path)
        for seed, keep, most in inputs:
            case = mutants.make(seed, KINDS[level], keep, most)
            place(case, runs / "fuzzed")
            try:
                found = "right" if LEVELS[level](case, runs / "fuzzed", watch) else "refused"
            except FaultError as fault:
                found = str(fault).replace(str(home), "")
            watch.faults.clear()
            sys.path[:] = path
            os.write(telling, json.dumps(found).encode() + b"\n")
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        shutil.rmtree(home, ignore_errors=True)
        os._exit(status)


def _warm(folder: Path) -> None:
    """Loads what is loaded on first use, so that it counts as nobody's memory."""
    from sweeper.record.results import load

    len(load(folder).frame)
    mutants.make(0, ("space",))


def small(level: str, seed: int, fault: str) -> tuple[str, str]:
    """The command that repeats a fault with as little as possible, and what is done there."""
    case = mutants.make(seed, KINDS[level])
    keep, rows = set(range(6)), 99
    if not fault.startswith("the process died"):
        for number in range(6):
            if _same(tried(level, seed, keep - {number}), fault):
                keep -= {number}
        for fewer in (0, 1, 2, 4):
            if _same(tried(level, seed, keep, fewer), fault):
                rows = fewer
                break
    case = mutants.make(seed, KINDS[level], keep, rows)
    command = f"python scripts/fuzz.py {level} --seed {seed}"
    command += "" if keep == set(range(6)) else f" --keep {','.join(map(str, sorted(keep))) or '-'}"
    return command + (f" --rows {rows}" if rows != 99 else ""), "; ".join(case.done)[:500]


def _same(one: str, other: str) -> bool:
    return what(one) == what(other)


def what(fault: str) -> str:
    """A fault without what is said of this one input."""
    return re.split(r"""(?<=:\d)(?=: ['"])|(?<=:\d\d)(?=: ['"])|(?<=:\d{3})(?=: ['"])""", fault)[0]


def main() -> int:
    """The exit code: 1 if something was found."""
    options = argparse.ArgumentParser(description="Looks for inputs that sweeper can't bear.")
    options.add_argument("level", choices=LEVELS)
    options.add_argument("count", type=int, nargs="?", default=10_000)
    options.add_argument("--seed", type=int, help="of the one input to be tried")
    options.add_argument("--keep", help="the mutations to be done, such as 0,2; - for none")
    options.add_argument("--rows", type=int, default=99, help="of the sweep, at most")
    options.add_argument("--first", type=int, default=0, help="seed of several")
    given = options.parse_args()
    keep = given.keep and {int(one) for one in given.keep.split(",") if one != "-"}
    mutants.sweeps()
    if given.seed is not None:
        case = mutants.make(given.seed, KINDS[given.level], keep, given.rows)
        for name, content in case.files.items():
            print(f"{name}: {content!a}"[:5000])
        print(*(case.done or ["nothing was done"]), sep="\n")
        print(found := tried(given.level, given.seed, keep, given.rows))
        return int(found not in ("right", "refused"))
    return many(given.level, given.first, given.count, keep)


def many(level: str, first: int, count: int, keep: set[int] | None = None) -> int:
    """Tries `count` inputs; the exit code."""
    began, counts, faults = time.monotonic(), Counter(), Counter()
    inputs: Inputs = [(seed, keep, 99) for seed in range(first, first + count)]
    for number, (seed, found) in enumerate(_in_child(level, inputs), start=1):
        kind = found if found in ("right", "refused") else "faults"
        counts[kind] += 1
        if kind == "faults":
            faults[what(found)] += 1
            if faults[what(found)] == 1:
                command, done = f"python scripts/fuzz.py {level} --seed {seed}", "?"
                with contextlib.suppress(Exception):  # if it can't even be made
                    command, done = small(level, seed, found)
                print(f"\n{found}\n  {command}\n  {done!a}", flush=True)
        if number % max(1, count // 20) == 0 or number == count:
            spent = time.monotonic() - began
            print(f"{level}: {number:,} inputs, {spent:,.0f} s: {dict(counts)}", flush=True)
    for fault, often in faults.most_common():
        print(f"{level}: {often:,} × {fault}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
