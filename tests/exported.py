"""Sweeps to be exported: with all kinds of hyperparameters and ends, and a hostile one."""

from contextlib import closing
from pathlib import Path

from made_records import row, sweep

from sweeper.record.journal import Journal
from sweeper.record.results import Results, load
from sweeper.space.config_space import draw
from sweeper.space.text import read_config_space

SPACE = {
    "lr": "loguniform(1e-4, 1)",
    "decay": "norm(0, 1)",
    "n": "randint(16, 256)",
    "depth": "rounded(loguniform(1, 64))",
    "events": "poisson(3)",
    "act": "['relu', 'tanh', None]",
    "widths": "[[64, 64], (128, 32)]",
    "mixed": "['auto', 0.1, True]",
    "clip": "[0, 0.5]",
    "batch": "32",
    "momentum": "uniform(0, 1) if act == 'relu' else 0",
    "nesterov": "[True, False] if act == 'relu'",
    "seed": "uniform(0, 1)",
}
ENDS = ("finished", "stopped", "failed", "diverged", "interrupted", "finished")


def made(folder: Path, trials: int = 12, **fields) -> Results:
    """A sweep with these hyperparameters, of which trial 5 is the best."""
    folder.mkdir(parents=True)
    sweep(folder, **{"config_space": SPACE, "num_trials": trials} | fields)
    space = read_config_space(SPACE)
    with closing(Journal(folder)) as journal:
        for trial in range(trials):
            error = 0.125 + abs(trial - 5) / 16
            status = ENDS[trial % len(ENDS)]
            ends = {"failed": None, "diverged": float("nan"), "interrupted": None}
            journal.append(
                row(
                    trial,
                    config=draw(space, 0, trial),
                    status=status,
                    value=ends.get(status, error),
                    start_s=10.0 * trial,
                    exception="E: no" if status == "failed" else None,
                    curve=[[1, 0.75, 1.0, {"loss": 2.0}], [2, error, 2.0, {"loss": 1.5}]],
                    metrics={"loss": 1.5},
                )
            )
    return load(folder)


def hostile(folder: Path) -> Results:
    """A sweep that nobody made: odd names, halves of surrogate pairs, huge numbers."""
    names = ["\udc80", "?", "status", "a/b\n\x1b[31m", "=x", "", "x" * 5000, "_hparams_/x", "law"]
    values = [
        10**400,
        -(10**300),
        1.7e308,
        float("nan"),
        "\udc81",
        [["\udc82"], None],
        {"a": 1e999},
    ]
    folder.mkdir(parents=True)
    space = dict.fromkeys(names, "__import__('os').system('true')") | {"law": "uniform(0, 1e999)"}
    sweep(folder, config_space=space, created="9999-12-31T23:59:59+00:00", metric="a/b")
    with closing(Journal(folder)) as journal:
        for trial in range(21):
            config = {name: values[(trial + i) % len(values)] for i, name in enumerate(names)}
            value = [1e308, -1e308, float("nan"), None, float("inf")][trial % 5]
            odd = {"\udc80": 1e308, "a/b": 1.0, "trial": float("nan"), "status": -1e308}
            journal.append(
                row(
                    2**52 + trial,
                    config=config,
                    value=value,
                    start_s=[1e308, None, float("nan")][trial % 3],
                    runtime_s=-1e308,
                    exception="\udc80\x1b",
                    status=["finished", "stopped", "failed"][trial // 7],
                    curve=[[2**52, 1e308, 1e308, odd], [0, float("nan"), -5.0], [2**52, 1, 1e9]],
                    metrics=odd,
                )
            )
    return load(folder)
