"""Sweeps made up for pictures and reports: ordinary, odd, large and hostile ones."""

import math
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
from made_records import row
from mirrored import mirrored, share

from sweeper.record.results import Results
from sweeper.record.settled import settled
from sweeper.search.asha import ASHA

MARKUP = "<img src=x onerror=window.hacked=1></script><script>window.hacked=1</script><!--"
SPACE = {
    "learning_rate": "loguniform(0.0001, 1)",
    "num_hiddens": "[64, 128, 256]",
    "momentum": "uniform(0, 0.99)",
    "optimizer": "['sgd', 'adam']",
}


def made(rows: list[dict], space: dict, folder: Path | None = None, **fields) -> Results:
    sweep = {
        "format": 1,
        "created": "2026-11-23T15:44:40+00:00",
        "objective": "mine:objective",
        "fixed_arguments": ["max_epochs=8"],
        "config_space": space,
        "searcher": {"kind": "RandomSearch", "num_trials": len(rows), "initial_configs": []},
        "num_trials": len({one.trial for one in rows}),
        "seed": 0,
        "resources": {"cpus": 1, "gpus": 0},
        "versions": {"python": "3.11.2", "ray": "2.60.0", "torch": "2.14.0"},
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        **fields,
    }
    return Results(folder, sweep, rows)


def ordinary(n: int = 60, replicates: int = 1, folder: Path | None = None) -> Results:
    """Random search over four hyperparameters on three workers, with every status."""
    rng = np.random.default_rng(1)
    free = [0.0, 0.0, 0.0]
    rows = []
    for trial in range(n):
        config = {
            "learning_rate": float(10 ** rng.uniform(-4, 0)),
            "num_hiddens": int(rng.choice([64, 128, 256])),
            "momentum": float(rng.uniform(0, 0.99)),
            "optimizer": str(rng.choice(["sgd", "adam"])),
        }
        for replicate in range(replicates if trial < 8 else 1):
            worker = int(np.argmin(free))
            seconds = float(rng.gamma(4, 2))
            rows.append(_trained(rng, trial, replicate, config, free[worker], seconds, worker))
            free[worker] += seconds + 0.3
    return made(rows, SPACE, folder)


def _trained(rng, trial, replicate, config, start_s, seconds, worker) -> dict:
    """A row as if the learning rate mattered most and large ones diverged."""
    rate = math.log10(config["learning_rate"])
    error = 0.14 + 0.03 * (rate + 1.7) ** 2 + 4 / config["num_hiddens"] + rng.normal(0, 0.005)
    error += 0.02 * (config["optimizer"] == "sgd")
    curve = [[e, error + 0.5 * math.exp(-e / 2), seconds * e / 8] for e in range(1, 9)]
    ending = {"status": "finished", "value": error, "curve": curve, "epochs": 8}
    if rate > -0.15:
        ending = {"status": "diverged", "value": math.nan, "curve": curve[:2]}
    elif rng.random() < 0.05:
        text = f"RuntimeError: CUDA out of memory on <device {worker}>"
        trace = f'Traceback (most recent call last):\n  File "mine.py", line 12\n{text}\n'
        ending = {"status": "failed", "value": None, "curve": [], "epochs": None}
        ending |= {"exception": text, "traceback": trace}
    elif rng.random() < 0.08:
        ending = {"status": "stopped", "value": curve[3][1], "curve": curve[:4]}
    times = {"start_s": start_s, "runtime_s": seconds, "worker": f"{worker}", "node": "here"}
    return row(trial, replicate=replicate, config=dict(config), **times | ending)


def stopped_early(n: int = 60, folder: Path | None = None) -> Results:
    """A sweep with ASHA and a conditional hyperparameter, one of its verdicts still open."""
    rng = np.random.default_rng(3)
    rows = []
    for trial in range(n):
        config = {"lr": float(10 ** rng.uniform(-4, 0)), "optimizer": ["sgd", "adam"][trial % 2]}
        if config["optimizer"] == "sgd":
            config["momentum"] = float(rng.uniform(0.5, 0.99))
        config["lr"] = config["lr"] if trial else 1e-4  # the first one goes on, however bad it is
        error = 0.1 + 0.03 * (math.log10(config["lr"]) + 2) ** 2
        curve = [[e, error + 0.5 * math.exp(-e / 6), 0.1 * e] for e in range(1, 28)]
        times = {"start_s": 3.0 * (trial // 2), "runtime_s": 2.7, "worker": str(trial % 2)}
        ending = {"value": curve[-1][1], "epochs": 27, "curve": curve}
        if trial % 17 == 16:
            ending = {"value": None, "epochs": 1, "curve": curve[:1]}
            ending |= {"status": "failed", "exception": "RuntimeError: out of memory"}
        elif trial % 23 == 22:
            ending |= {"curve": [[1, math.nan, 0.1], *curve[1:]]}
        rows.append(row(trial, config=config, **times | ending))
    rows[-1] = replace(rows[-1], status="interrupted", curve=rows[-1].curve[:2])
    space = {"lr": "loguniform(0.0001, 1)", "optimizer": "['sgd', 'adam']"}
    space |= {"momentum": "uniform(0.5, 0.49) if optimizer == 'sgd'"}
    scheduler = ASHA(grace_epochs=1, reduction_factor=3)
    fields = {"scheduler": {"kind": "ASHA", **asdict(scheduler)}, "lag": None}
    fields["constraints"] = ["lr < 0.9 or optimizer == 'sgd'"]
    return made(settled(rows, scheduler), space, folder, **fields)


def grid() -> Results:
    """A grid of 6 × 5, one corner of it diverged."""
    rates, moments = np.geomspace(1e-4, 1, 6).tolist(), np.linspace(0, 0.9, 5).tolist()
    configs = [{"learning_rate": a, "momentum": b} for a in rates for b in moments]
    rows = [
        row(i, config=c, value=abs(math.log10(c["learning_rate"]) + 2) / 9 + 0.1)
        for i, c in enumerate(configs)
    ]
    rows[-1].status, rows[-1].value = "diverged", math.inf
    space = {"learning_rate": "loguniform(0.0001, 1)", "momentum": "uniform(0, 0.9)"}
    return made(rows, space, searcher={"kind": "GridSearch", "points": {"learning_rate": 6}})


def of_twenty(n: int = 40) -> Results:
    """Twenty hyperparameters with long names."""
    rng = np.random.default_rng(2)
    names = [f"weight_decay_of_the_layer_number_{i}" for i in range(20)]
    rows = [
        row(t, config=dict(zip(names, rng.random(20).tolist(), strict=True)),
            value=float(rng.random()), start_s=float(t), runtime_s=1.0)
        for t in range(n)
    ]  # fmt: skip
    return made(rows, dict.fromkeys(names, "uniform(0, 1)"))


def of_categories() -> Results:
    """Only categories: words, None beside numbers, lists; one configuration lacks a value."""
    options = {"optimizer": ["sgd", "adam", "1"], "decay": [None, 1, 0.1], "sizes": [[8, 8], [64]]}
    rows = [
        row(i, config={name: values[i % len(values)] for name, values in options.items()},
            value=0.1 + 0.01 * i)
        for i in range(12)
    ]  # fmt: skip
    del rows[3].config["sizes"]
    return made(rows, {name: repr(values) for name, values in options.items()})


def all_failed() -> Results:
    ending = {"status": "failed", "value": None, "epochs": None, "curve": []}
    ending |= {"exception": "ValueError: no", "traceback": "Traceback …\nValueError: no"}
    return made([row(i, **ending) for i in range(5)], {"lr": "uniform(0, 1)"})


def hostile() -> Results:
    """Markup wherever a sweep's record has text."""
    name, other = f"{MARKUP}%{{y}}", "b\u2028c"
    rows = [
        row(i, config={name: 0.1 * i, other: MARKUP if i % 2 else "a\ud800"},
            value=0.5 - 0.01 * i, worker=MARKUP, node=MARKUP)
        for i in range(20)
    ]  # fmt: skip
    for one in rows[::5]:
        one.status, one.value, one.curve = "failed", None, []
        one.exception, one.traceback = MARKUP, MARKUP + "\u2028\x00"
    fields = {"objective": MARKUP, "git_commit": MARKUP, "versions": {MARKUP: MARKUP}}
    fields |= {MARKUP: [MARKUP], "fixed_arguments": [MARKUP], "created": {"a": MARKUP}}
    results = made(rows, {name: MARKUP, other: "uniform(0, 1)"}, **fields)
    results.unreadable = [MARKUP]
    return results


def accurate(n: int = 60, replicates: int = 1, folder: Path | None = None) -> Results:
    """An accuracy to be maximised, with curves of a training loss and a size at the end alone;
    some trials lack one or the other.
    """
    results = mirrored(ordinary(n, replicates, folder), "accuracy", share)
    for one in results.rows:
        if one.trial % 7 != 3:
            one.curve = [[*point, {"train_loss": 2.3 * (1 - point[1])}] for point in one.curve]
            one.metrics = dict(one.curve[-1][3]) if one.curve else {}
        if one.trial % 5:
            one.metrics["megabytes"] = math.nan if one.trial % 5 == 1 else 1.5 * one.trial
    return results


def hostile_metrics() -> Results:
    """Metrics with markup, the names of columns, and without a single number."""
    others = {MARKUP: 0.5, "epochs": 2.0, "value": 1e300, "none": math.nan, "\ud800": -0.0, "": 1}
    results = mirrored(ordinary(30), MARKUP, share)
    for one in results.rows[1:]:
        one.metrics = dict(others)
        one.curve = [[*point, others] for point in one.curve]
    return results


@cache
def odd() -> dict[str, Results]:
    """Every kind of sweep that a picture must be sensible for."""
    several = ordinary(60, replicates=3)
    return {
        "none": made([], SPACE, num_trials=8),
        "one": ordinary(1),
        "three": ordinary(3),
        "ordinary": ordinary(),
        "replicates": several,
        "running": made(several.rows[:20], SPACE, num_trials=100),
        "one_hyperparameter": made([row(i) for i in range(9)], {"lr": "uniform(0, 1)"}),
        "grid": grid(),
        "twenty": of_twenty(),
        "categories": of_categories(),
        "all_failed": all_failed(),
        "no_times": made([row(0, start_s=None, runtime_s=None, worker=None)], {"lr": "0.5"}),
        "hostile": hostile(),
        "stopped_early": stopped_early(),
        "all_stopped": made(
            [replace(r, status="stopped") for r in ordinary(9).rows], SPACE, scheduler={"kind": 3}
        ),
        "accurate": accurate(),
        "accurate_replicates": accurate(60, replicates=3),
        "hostile_metrics": hostile_metrics(),
        "large": ordinary(10_000),
    }
