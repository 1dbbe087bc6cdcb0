"""Runs a script as an objective: arguments from the configuration, metrics from its output."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.files import named
from sweeper.space.conditions import ABSENT, When, parents
from sweeper.training.trial import current_context
from sweeper.worker.command_words import SCRIPT, fill, placeholders, script_of, split
from sweeper.worker.objective import num_threads
from sweeper.worker.printed_metrics import PrintedMetrics, groups, names_in
from sweeper.worker.script import Script

_PAUSE_S = 1.0
_OF_THE_TRIAL = ("trial", "seed", "folder")


@dataclass(frozen=True)
class Command:
    """An objective that runs a command and reads metrics from what it prints.

    >>> train = sweeper.Command("echo val_acc={lr}", metric="val_acc")  # or python train.py …
    >>> options = {"metric": "val_acc", "mode": "max", "address": "inline"}
    >>> sweeper.run(train, {"lr": [0.1, 0.2]}, sweeper.GridSearch(), **options).best_value
    0.2

    The command is split into words as a shell does, but no shell runs it: a value is one argument,
    or part of one, whatever it holds. Each `{name}` stands for the hyperparameter's value: text as
    it is, numbers, True, False and None as Python writes them, lists, tuples and dicts as JSON;
    `{trial}`, `{seed}` and `{folder}` stand for the trial's own, unless a hyperparameter has that
    name (the trial's own seed is in `SWEEPER_SEED` all the same). `{name:--flag}` stands for the
    flag where the value is True, for nothing where it is False. A hyperparameter absent from a
    configuration (see `when`) is left out with its option: `--momentum {momentum}` and
    `--momentum={momentum}` disappear as a whole. A brace is written `{{` or `}}`. A value that
    begins with - is safe in `--option={name}` only, as argparse takes it for an option elsewhere.

    Standard output and error are read line by line: `val_acc: 0.91`, `val_acc=0.91`,
    `epoch 3 val_acc 0.91`, `{"val_acc": 0.91}` and the like, without colours; a progress bar counts
    as it stands when its line ends. Each printed `metric` is a point of the learning curve. A
    percent sign changes nothing: 91.2% is 91.2. All output is kept in `output.txt` in the trial's
    folder. A script that prints no metric, exits with another code than 0, or dies by a signal has
    failed.

    The script runs in the trial's environment (working directory, GPUs) with `SWEEPER_TRIAL`,
    `SWEEPER_SEED`, `SWEEPER_FOLDER` and `PYTHONUNBUFFERED=1`; `python` is sweeper's own, or the
    first one on the PATH where a virtual or conda environment is activated. When the trial ends,
    even by the death of its worker, all processes that the command has started are ended: SIGTERM,
    SIGKILL 5 s later.

    Attributes:
        command: the program and its arguments, with placeholders.
        metric: the name of the number that is reported.
        also: names of other numbers; they belong to a point if they were printed in its line, or
            since the line of the point before.
        pattern: a regular expression for other forms of output, with one group for the metric,
            or named groups for several (with _ for what can't stand in a group's name).
    """

    command: str
    metric: str
    also: Sequence[str] = ()
    pattern: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.also, list):
            object.__setattr__(self, "also", tuple(self.also))

    def faults(self, config_space: Mapping[str, Any], metric: str | None = None) -> list[str]:
        """Lists the faults of this command for such a space and metric, one sentence each."""
        faults = [*self._faults_of_command(config_space), *self._faults_of_metrics()]
        if metric not in (None, self.metric):
            faults.append(
                f"metric={metric!r}: the command's metric is {self.metric!r}. Give both the same: "
                f"sweeper.run(…, metric={self.metric!r}, mode='max') or mode='min'."
            )
        return faults

    def _faults_of_command(self, config_space: Mapping[str, Any]) -> list[str]:
        if not isinstance(self.command, str):
            return [
                "command must be one string, such as 'python train.py --lr {lr}', but got "
                f"{self.command!r} ({type(self.command).__name__}). shlex.join makes one of a list."
            ]
        words, faults = split(self.command)
        used = placeholders(words)
        for name in used:
            if name not in config_space and name not in _OF_THE_TRIAL:
                faults.append(
                    f"{{{name}}} is not a hyperparameter. Those of the space are "
                    f"{list(config_space)}; {', '.join(f'{{{n}}}' for n in _OF_THE_TRIAL)} are "
                    "known too, and a brace is written {{ or }}."
                )
        program = fill(words[:1], {})
        if program and shutil.which(program[0], path=_path(os.environ)) is None:
            faults.append(_no_program(program[0]))
        script = script_of(words)
        if script is not None and not Path(script).is_file():
            faults.append(f"there is no file {script} in {os.getcwd()}. Go to its folder.")
        return [f"command: {fault}" for fault in faults] + _faults_of_space(config_space, used)

    def _faults_of_metrics(self) -> list[str]:
        if isinstance(self.also, str) or not isinstance(self.also, Sequence):
            return [
                f"also must be a list of names, but got {self.also!r} ({type(self.also).__name__})."
            ]
        names = [self.metric, *self.also]
        faults = [
            f"{'also' if i else 'metric'}: must be the name of a number that the command prints, "
            f"but got {name!r} ({type(name).__name__})."
            for i, name in enumerate(names)
            if not isinstance(name, str) or not name.strip()
        ]
        twice = {name for name in names if isinstance(name, str) and names.count(name) > 1}
        faults += [f"also: {name!r} is given twice. Leave it out." for name in sorted(twice)]
        return faults + ([] if self.pattern is None else self._faults_of_pattern(names))

    def _faults_of_pattern(self, names: Sequence[Any]) -> list[str]:
        try:
            groups(re.compile(self.pattern or ""), [str(name) for name in names])
        except (re.error, TypeError) as error:
            return [f"pattern {self.pattern!r} is not a regular expression: {error}."]
        except ValueError as error:
            return [f"pattern {self.pattern!r} {error}"]
        return []

    def arguments(self, values: Mapping[str, Any]) -> list[str]:
        """Returns program and arguments for these values of hyperparameters and of the trial."""
        return fill(split(self.command)[0], values)

    def files(self) -> list[str]:
        """Returns the scripts among the words: the metric depends on them and their imports."""
        words = shlex.split(self.command)
        return [word for word in words if SCRIPT.search(word) and Path(word).is_file()]

    def __call__(self, config: dict[str, Any]) -> Iterator[dict[str, float]]:
        """Yields the metrics, by name, as soon as they are printed.

        Raises:
            OSError: the program can't be started.
            ChildProcessError: it exited with another code than 0, or died by a signal.
            ValueError: it printed no metric.
        """
        pattern = None if self.pattern is None else re.compile(self.pattern)
        printed = PrintedMetrics(self.metric, self.also, pattern)
        context = current_context()
        trial = context.trial
        of_trial = {"trial": trial.number, "seed": trial.seed, "folder": str(trial.folder)}
        values = {name: value for name, value in of_trial.items() if value is not None}
        environment = _environment(values, context.cpus, context.gpus)
        arguments = self.arguments(values | config)
        path = trial.folder / "output.txt"
        with (
            named(path),
            open(path, "wb", buffering=0) as output,
            _started(arguments, environment, output) as script,
        ):
            paused = time.monotonic()
            while (chunk := script.read(timeout_s=_PAUSE_S)) is not None:
                yield from printed.feed(chunk)
                if time.monotonic() - paused >= _PAUSE_S:
                    context.pause()  # the trial may be stopped even if nothing is printed
                    paused = time.monotonic()
            yield from printed.feed(b"", last=True)
        fault = self._fault(script.returncode, printed)
        if fault is not None:
            raise fault

    def _fault(self, returncode: int | None, printed: PrintedMetrics) -> Exception | None:
        """Says why a finished command has failed, if it has, with its last lines as a note."""
        fault = self._in_a_line(returncode, printed)
        if fault is not None and printed.last_lines:
            lines = "".join(f"\n    {line}" for line in printed.last_lines)
            fault.add_note(f"Its last lines:{lines}")
        return fault

    def _in_a_line(self, returncode: int | None, printed: PrintedMetrics) -> Exception | None:
        last = printed.last_lines[-1] if printed.last_lines else "it printed nothing"
        if returncode is None:
            return ChildProcessError(f"killed with the process that watches over it: {last}")
        if returncode < 0:
            known = {each.value: each.name for each in signal.Signals}
            name = known.get(-returncode, f"signal {-returncode}")
            why = ", as Linux does when memory is short" if name == "SIGKILL" else ""
            return ChildProcessError(f"killed by {name}{why}: {last}")
        if returncode:
            return ChildProcessError(f"exit code {returncode}: {last}")
        if printed.num_points:
            return None
        seen = names_in(printed.last_lines)
        told = f"It has {', '.join(seen)}." if seen else f"The last line: {last}"
        return ValueError(f"the command printed no number named {self.metric}. {told}")


def _faults_of_space(config_space: Mapping[str, Any], used: Sequence[str]) -> list[str]:
    """Lists hyperparameters that would have no effect, or never reach the script."""
    faults = []
    switches: set[str] = set()
    for value in config_space.values():
        with contextlib.suppress(ValueError, TypeError, AttributeError):  # reported elsewhere
            switches |= set(parents(value))
    for name, value in config_space.items():
        if name in _OF_THE_TRIAL and name in used and _may_be_absent(value):
            faults.append(
                f"config_space[{name!r}]: where it is absent, {{{name}}} would stand for the "
                f"trial's own {name}. Rename the hyperparameter, or give it a value always."
            )
        elif name not in used and name not in switches:
            faults.append(
                f"config_space[{name!r}]: the command doesn't use it. Write {{{name}}} where "
                "its value is to stand."
            )
    return faults


def _may_be_absent(value: Any) -> bool:
    while isinstance(value, When):
        value = value.otherwise
    return value is ABSENT


def _started(arguments: list[str], environment: dict[str, str], output: Any) -> Script:
    try:
        return Script(arguments, environment, output)
    except FileNotFoundError:
        raise FileNotFoundError(_no_program(arguments[0])) from None


def _environment(
    of_trial: Mapping[str, Any], cpus: float | None, gpus: float | None
) -> dict[str, str]:
    own = {f"SWEEPER_{name.upper()}": str(value) for name, value in of_trial.items()}
    own |= {"PATH": _path(os.environ), "PYTHONUNBUFFERED": "1"}
    # As in Ray's workers, so that results are the same without them.
    threads = {} if cpus is None else {"OMP_NUM_THREADS": str(num_threads(cpus))}
    no_gpu = {"CUDA_VISIBLE_DEVICES": ""} if gpus == 0 else {}
    return threads | os.environ | no_gpu | own


def _path(environment: Mapping[str, str]) -> str:
    """Returns where programs are looked for: first beside sweeper's own Python, as callers of
    `.venv/bin/sweeper` expect; last if another environment is activated.
    """
    own, places = str(Path(sys.executable).parent), environment.get("PATH", os.defpath)
    activated = "VIRTUAL_ENV" in environment or "CONDA_PREFIX" in environment
    return os.pathsep.join([places, own] if activated else [own, places])


def _no_program(name: str) -> str:
    if "=" in name:
        return f"{name} is not a program. For a variable of the environment write env {name} …."
    return (
        f"there is no program {name!r} here. Give its path, or put its folder on the PATH; a "
        "script may need python before it, or chmod +x."
    )
