"""Results made in memory, for the tests of what is drawn from results."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.record.results import Results
from sweeper.record.rows import Row
from sweeper.record.settled import settled
from sweeper.search.asha import ASHA

STATUSES = ("finished", "diverged", "stopped", "failed", "interrupted")


def made(
    errors: Any,
    columns: dict[str, Any] | None = None,
    space: dict[str, str] | None = None,
    searcher: str = "RandomSearch",
    folder: str = "runs/made",
    curves: Any = None,
    **sweep: Any,
) -> Results:
    """A sweep with these errors, `(trials,)` or `(trials, replicates)`; None for a failed trial."""
    table = [list(e) if isinstance(e, list | tuple | np.ndarray) else [e] for e in errors]
    columns = columns or {"x": np.linspace(0, 1, len(table) + 2)[1:-1].tolist()}
    rows = []
    for trial, replicates in enumerate(table):
        for replicate, error in enumerate(replicates):
            rows.append(
                Row(
                    trial=trial,
                    replicate=replicate,
                    config={name: plain(values[trial]) for name, values in columns.items()},
                    value=None if error is None else float(error),
                    epochs=None if error is None else 4,
                    status="failed" if error is None else "finished",
                    seed=1,
                    start_s=float(trial),
                    runtime_s=1.0,
                    worker="w",
                    node="n",
                    exception=None,
                    traceback=None,
                    curve=curves[trial] if curves is not None else [],
                )
            )
    description = {
        "config_space": space or dict.fromkeys(columns, "uniform(0, 1)"),
        "searcher": {"kind": searcher, "initial_configs": []},
        "seed": 0,
        **sweep,
    }
    return Results(Path(folder), description, rows)


def made_stopped(results: Results) -> Results:
    """The same results, each trial stopped."""
    rows = [replace(row, status="stopped") for row in results.rows]
    return Results(results.folder, results.sweep, rows)


def plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def with_configs(results: Results, configs: list[dict[str, Any]]) -> Results:
    """The same results of other configurations, which may lack hyperparameters."""
    rows = [replace(row, config=configs[row.trial]) for row in results.rows]
    return Results(results.folder, results.sweep, rows)


def with_asha(
    total: int = 60,
    luck: int = 0,
    matters: float = 0.5,
    noise: float = 0.02,
    grace_epochs: int = 1,
    **sweep: Any,
) -> Results:
    """A sweep with ASHA whose error falls by epochs; `x` explains as much of it as `matters`."""
    rng = np.random.default_rng(luck)
    x, chance = rng.random((2, total))
    ends = 0.1 + matters * x + noise * chance
    curves = [[[e, float(end + 0.5**e), 0.1 * e] for e in range(1, 10)] for end in ends]
    columns = {"x": x.tolist(), "y": rng.random(total).tolist()}
    whole = made([curve[-1][1] for curve in curves], columns, curves=curves)
    for row in whole.rows:
        row.epochs = 9
    scheduler = ASHA(grace_epochs, 3)
    fields = {"scheduler": {"kind": "ASHA", **asdict(scheduler)}} | sweep
    return Results(whole.folder, whole.sweep | fields, settled(whole.rows, scheduler))


def odd_sweeps() -> dict[str, Results]:
    """Sweeps that nobody draws numbers from, and everybody has."""
    rng = np.random.default_rng(0)
    mixed = made(rng.random(60))
    for row in mixed.rows:
        row.status = STATUSES[row.trial % 5]
        if row.status != "finished":
            row.value = [None, float("nan"), float("inf")][row.trial % 3]
        if row.status == "interrupted":
            row.runtime_s = row.start_s = row.worker = None
    early = with_asha()
    for row in early.rows[::5]:  # as a damaged or hostile record may have them
        row.value = [None, float("nan"), -1e308][row.trial % 3]
        row.epochs = [None, 2**52, 0][row.trial % 3]
        row.status = "stopped"
    wrong = made([float("nan"), float("inf"), 0.5])
    choices = {"act": ["relu", "tanh"] * 20, "bias": [True, False, False, True] * 10}
    return {
        "no trials": made([]),
        "one trial": made([0.5]),
        "two equal": made([0.5, 0.5]),
        "one failed": made([None]),
        "all failed": made([None] * 20),
        "finished without numbers": wrong,
        "mixed": mixed,
        "stopped early": with_asha(),
        "all stopped": made_stopped(made(rng.random(20))),
        "stopped and damaged": early,
        "a hostile scheduler": made(rng.random(9), scheduler=["x"], lag={}, constraints=3),
        "only choices": made(
            rng.random(40), choices, {"act": "['relu', 'tanh']", "bias": "[True, False]"}
        ),
        "a constant": made(rng.random(40), {"lr": [0.1] * 40}, {"lr": "0.1"}),
        "no text form": made(rng.random(40), {"lr": rng.random(40)}, {"lr": "<my object>"}),
        "mixed kinds": made([1, 2, 3], {"x": [[1, 2], None, 10**400]}, {"x": "[[1, 2], None]"}),
        "equal errors": made([0.1] * 40, {"x": rng.random(40)}),
        "replicates": made(rng.random((20, 3))),
        "huge": made(rng.random(40) * 1e308, {"x": rng.random(40)}),
        "hostile space": made([1, 2], {"x": [1, 2]}, {"x": "__import__('os').system('true')"}),
    }
