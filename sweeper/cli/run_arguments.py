"""Makes the arguments of `sweeper.run` from the options of the command line."""

from typing import Any

from sweeper.cli.options import BUILT_IN_ONLY, check, is_own, merge


def checked(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns all options, and those that the user has given, if they are all valid.

    Raises:
        ValueError: there are faults; all are in one message.
    """
    options, said, faults = merge(given)
    make_execution(
        options, faults, **{name: options[name] for name in ("name", "folder", "resume")}
    )
    try:
        make_resources(options)
    except (ValueError, TypeError) as error:
        faults.append(str(error))
    check(options, said, faults)
    return options, said


def make_execution(options: dict[str, Any], faults: list[str], **where: Any) -> Any:
    """Returns the way a sweep is run this time; appends what is wrong with it.

    Args:
        options: all options.
        faults: gets one sentence per fault.
        where: `name`, `folder` and `resume`, as of `sweeper.run`.
    """
    from sweeper.sweep.execution import Execution

    try:
        execution = Execution(**where, **how_to_run(options))
    except ValueError as error:
        faults.append(str(error))
        return Execution(**where)
    faults += execution.faults()
    return execution


def how_to_run(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments of `sweeper.run` that may differ each time a sweep is run."""
    import sweeper
    from sweeper.sweep.execution import INLINE

    return {
        "num_workers": options["workers"],
        "limits": sweeper.Limits(
            max_failures=options["max_failures"],
            time_budget_s=options["time_budget"],
            total_epochs=options["total_epochs"],
            target=options["target"],
            patience=options["patience"],
            trial_time_s=options["trial_time"],
            first_failures=options["first_failures"],
        ),
        "retry_failed": options["retry_failed"],
        "keep_checkpoints": options["keep_checkpoints"],
        "keep": options["keep"],
        "address": options["address"],
        "debug": options.get("debug", False) and options["address"] == INLINE,
        "progress": not options["quiet"],
    }


def make_resources(options: dict[str, Any]) -> Any:
    """Makes the resources that each trial gets."""
    import sweeper

    return sweeper.Resources(cpus=options["cpus"], gpus=options["gpus"])


def make_searcher(options: dict[str, Any]) -> Any:
    """Makes the searcher with its first configurations."""
    import sweeper

    first = [_config(text) if isinstance(text, str) else text for text in options["initial"] or ()]
    if options["searcher"] == "grid":
        return sweeper.GridSearch(points=options["points"], initial_configs=first)
    if options["searcher"] == "random":
        return sweeper.RandomSearch(options["trials"], first, unique=options["unique"])
    if options["searcher"] == "sobol":
        return sweeper.SobolSearch(options["trials"], first)
    return sweeper.BayesianSearch(
        options["trials"], model=options["surrogate"], lag=options["lag"], initial_configs=first
    )


def _config(text: str) -> Any:
    """Returns the configuration that a text stands for."""
    from sweeper.space.text import read_value

    try:
        config = read_value(text)
        reason = f"but it is a {type(config).__name__}"
    except ValueError as error:
        config, reason = None, f"but {error}"
    if not isinstance(config, dict):
        raise ValueError(
            f"--initial {text!r}: must be a configuration such as {{'lr': 0.1, 'depth': 2}}, "
            f"{reason.rstrip('.')}."
        )
    return config


def make_scheduler(options: dict[str, Any], said: dict[str, Any]) -> Any:
    """Makes ASHA, or returns None."""
    import sweeper

    if options["scheduler"] is None:
        return None
    known = not is_own(options) or "max_epochs" in said
    return sweeper.ASHA(
        options["grace_epochs"],
        options["reduction_factor"],
        options["max_epochs"] if known else None,
    )


def make_command(options: dict[str, Any]) -> Any:
    """Makes the command that is the objective."""
    import sweeper

    also = tuple(options["also"] or ())
    return sweeper.Command(options["command"], options["metric"], also, options["pattern"])


def make_objective(options: dict[str, Any], space: dict[str, Any]) -> Any:
    """Loads the user's own objective, or makes a command or the built-in classifier."""
    reference = options["objective"]
    if options["command"] is not None:
        return make_command(options)
    if reference is None:
        from sweeper.training.classifier import Classifier

        classifier = Classifier(**{name: options[name] for name in BUILT_IN_ONLY})
        faults = classifier.faults(list(space))
        if faults:
            raise ValueError("\n".join(faults))
        return classifier
    from sweeper.worker.objective_loading import load_objective

    return load_objective(reference)
