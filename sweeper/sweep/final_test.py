"""Evaluates the chosen configuration on the test set, after a sweep."""

from typing import Any

from sweeper.cluster.resources import Resources
from sweeper.faults import bool_fault, refuse
from sweeper.record.looks import append_look
from sweeper.record.objective_changes import check_objective
from sweeper.record.provenance import now
from sweeper.record.results import Results, check_results
from sweeper.record.unwritable import check_room, writing
from sweeper.terminal import printable, tell
from sweeper.training.trial import trial_context
from sweeper.worker.objective import Objective, accepts, objective_faults, run_here


def test(
    results: Results, objective: Objective, *, with_validation: bool = False, data: Any = None
) -> float:
    """Returns the chosen configuration's error on the sealed test set; call it once, at the end.

    It runs the objective once more in this process, on `results.best_config` with its trial's seed
    and number of threads. sweeper's data modules hand out the test set for evaluation instead of
    the validation set; an objective with its own data takes an argument `test=False` and is called
    with `test=True`. The sweep's record notes each such look at the test set.

    Example:
        >>> def objective(config, test=False):
        ...     return abs(config["x"] - (2.5 if test else 2))
        >>> results = sweeper.run(
        ...     objective, {"x": [1, 2, 3]}, sweeper.GridSearch(), address="inline"
        ... )
        >>> sweeper.test(results, objective)
        0.5

    Args:
        results: the results of the sweep that chose the configuration.
        objective: the same as in the sweep.
        with_validation: True to train on training and validation data together, since nothing is
            left to choose. An objective with its own data takes an argument `with_validation=False`
            for this.
        data: the same as in the sweep.

    Raises:
        TypeError: `results` are not results, or `with_validation` is neither True nor False.
        LookupError: no configuration has finished.
        ValueError: the objective neither read a test set of sweeper's nor takes `test`, or it
            can't train on the validation data as well; or it doesn't take the arguments, or
            computes with other values than in the sweep.
        NotImplementedError: the objective's data has no test set.
        TypeError: the objective does not return a number.
        RuntimeError: the objective calls `sys.exit`.
        OSError: the look can't be noted in the sweep's folder.
        Exception: whatever the objective itself raises.
    """
    check_results(results)
    wrong = bool_fault("with_validation", with_validation)
    if wrong:
        raise TypeError(wrong)
    row = results.best_row
    refuse(*objective_faults(objective, data is not None))
    check_objective(results.sweep, objective, _say)
    arguments: dict[str, Any] = {} if data is None else {"data": data}
    own_test_set = accepts(objective, "test", by_name=True)
    if own_test_set:
        arguments["test"] = True
        if with_validation and not accepts(objective, "with_validation", by_name=True):
            raise ValueError(
                "with_validation=True needs an argument of that name in an objective that brings "
                "its own data. Add `with_validation=False` to it, or leave it out here."
            )
        arguments |= {"with_validation": True} if with_validation else {}
    resources = Resources(**results.sweep["resources"])
    with writing(
        results.folder, "The test set was not read, since the look could not be recorded."
    ):
        check_room(results.folder)
    look = {"time": now(), "trial": row.trial, "config": row.config, "test_error": None}
    look["with_validation"] = with_validation
    with trial_context(
        test=True,
        with_validation=with_validation,
        gpus=resources.gpus,
        metric=results.metric.name,
    ) as trial:
        try:
            error = run_here(objective, row.config, arguments, row.seed, resources.cpus)
            look["test_error"] = error
        except SystemExit as ended:  # it would end the caller, with whatever code
            raise RuntimeError(f"The objective ended its process: SystemExit: {ended}") from ended
        finally:
            if own_test_set or trial.test_set_read:  # a look that failed is a look too
                found = f"The test error is {look['test_error']}: note the look yourself."
                with writing(results.folder, found):
                    append_look(results.folder, look)
    if not (own_test_set or trial.test_set_read):
        raise ValueError(
            "The objective did not use a data module of sweeper's, so that its test set is not "
            "known. Give it an argument `test=False`, and let it return its error on its own test "
            "set if test is True."
        )
    if with_validation and not (own_test_set or trial.sets_joined):
        raise ValueError(
            "with_validation=True: the objective's data module hands out no validation data for "
            "training. Leave it out, or hand out both together where "
            "sweeper.training.trial.joins_sets() is True."
        )
    return error


def _say(message: str) -> None:
    tell(printable(message) + "\n")
