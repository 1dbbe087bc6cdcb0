"""Functions with which an objective reports to a sweep, and asks about its trial, from anywhere."""

import threading
from collections.abc import Mapping
from typing import Any

from sweeper.training.trial import CurrentTrial, TrialContext, current_context, in_a_trial
from sweeper.worker.metrics import as_metrics


def report(metrics: float | Mapping[str, float]) -> None:
    """Reports the next point of the trial's learning curve to the sweep.

    Call it after each epoch, for instance in a callback of your framework. Each call counts as one
    epoch. Outside of a sweep it does nothing, so that the same code runs alone. An objective that
    reports may return nothing: then its last report counts.

    A trial is stopped in the thread that reports: where another thread reports, the objective goes
    on until that one has ended. A thread reports to the trial that has started it, and not beyond
    its end: wait for it in the objective. Reports of a child process, such as one of `ddp_fork`,
    don't reach the trial: report from the process that the sweep has called.

    Args:
        metrics: the value of the metric that is optimised, or numbers by name that include it.

    Raises:
        StopTrial: the trial is stopped early. It derives from BaseException, so that
            `except Exception` doesn't catch it; `finally` blocks run.
        TypeError, ValueError: a value is no number, or the metric is not among the names.
        RuntimeError: the objective already yields, `HPOTrainer` reports its epochs, or the trial
            that has started this thread has ended.

    Example:
        >>> def objective(config):
        ...     for epoch in range(1, 4):
        ...         sweeper.report({"accuracy": 1 - 1 / epoch, "train_loss": 0.3})
        >>> options = {"metric": "accuracy", "mode": "max", "address": "inline"}
        >>> results = sweeper.run(objective, {"lr": [0.1]}, sweeper.GridSearch(), **options)
        >>> results.curves["accuracy"].round(2).to_list()
        [0.0, 0.5, 0.67]
    """
    if not in_a_trial():
        return
    context = current_context()
    if context.has_ended:
        raise RuntimeError(
            f"sweeper.report in the thread {threading.current_thread().name!r}: the trial that has "
            "started it has ended. Wait for the thread before the objective returns (join)."
        )
    value, others = as_metrics(metrics, context.metric)
    if context.yields:
        raise RuntimeError("The objective yields its epochs. Yield them, or report them, not both.")
    if context.record_curve and context.curve:
        raise RuntimeError(
            "HPOTrainer has reported the validation error of this epoch itself. Leave out "
            "sweeper.report, or train with sweeper.Trainer."
        )
    context.record_curve = False
    context.add_to_curve(value, others)
    context.report()


def in_the_end(returned: Any, context: TrialContext) -> tuple[float, dict[str, float]]:
    """Returns the metric's value and the others, from an objective's return value or last report.

    Raises:
        TypeError, ValueError: as `as_metrics` does.
    """
    if returned is None and not context.record_curve and context.curve:
        value, _, *others = context.curve[-1]
        return value, others[0] if others else {}
    return as_metrics(returned, context.metric)


def current_trial() -> CurrentTrial:
    """Returns the trial that runs now: its number, replicate, seed, configuration, folder.

    Outside of a sweep number, replicate and seed are None, the configuration is empty, and the
    folder a temporary one, so that the same code runs alone.

    Example:
        >>> path = sweeper.current_trial().folder / "model.pt"  # for torch.save
        >>> sweeper.current_trial().seed is None
        True
    """
    return current_context().trial
