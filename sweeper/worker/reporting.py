"""What an objective can tell a sweep, and ask it, from anywhere inside of it."""

from collections.abc import Mapping
from typing import Any

from sweeper.training.trial import CurrentTrial, TrialContext, current_context, in_a_trial
from sweeper.worker.metrics import as_metrics


def report(metrics: float | Mapping[str, float]) -> None:
    """Tells the sweep how far the trial has come: the next point of its learning curve.

    Call it after each epoch, say in a callback of the framework that owns the loop. Each call
    counts as one epoch. Outside of a sweep it does nothing, so that the same code runs alone.
    An objective that reports may return nothing: then what it reported last counts.

    Args:
        metrics: the value of the metric that is optimised; or numbers by name, it among them.

    Raises:
        StopTrial: the trial is stopped early. It is derived from BaseException, so that
            `except Exception` lets it pass; `finally` blocks run.
        TypeError, ValueError: a value is no number, or the metric is not among the names.
        RuntimeError: the objective yields, or `HPOTrainer` reports its epochs already.

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
    """The metric's value and the others, from what an objective returned or reported last.

    Raises:
        TypeError, ValueError: as `as_metrics` does.
    """
    if returned is None and not context.record_curve and context.curve:
        value, _, *others = context.curve[-1]
        return value, others[0] if others else {}
    return as_metrics(returned, context.metric)


def current_trial() -> CurrentTrial:
    """The trial that the objective runs in: its number, replicate, seed, configuration, folder.

    Outside of a sweep number, replicate and seed are None, the configuration is empty, and the
    folder a temporary one, so that the same code runs alone.

    Example:
        >>> path = sweeper.current_trial().folder / "model.pt"  # for torch.save
        >>> sweeper.current_trial().seed is None
        True
    """
    return current_context().trial
