"""The look at the test set after a sweep."""

from typing import Any

from sweeper import journal
from sweeper.cluster import Resources
from sweeper.objective import Objective, accepts, objective_faults, run_here
from sweeper.provenance import now
from sweeper.results import Results
from sweeper.trial import trial_context


def test(results: Results, objective: Objective, *, data: Any = None) -> float:
    """The error of the chosen configuration on the sealed test set; call it once, at the end.

    Runs the objective once more in this process, on `results.best_config` with its trial's seed
    and number of threads. sweeper's data modules hand out the test set for evaluation instead of
    the validation set; an objective that brings its own data takes an argument `test=False` and
    is called with `test=True`. The look is written into the sweep's record.

    Raises:
        LookupError: no trial has finished.
        ValueError: the objective neither read a test set of sweeper's nor takes `test`.
    """
    row = results.best_row
    faults = objective_faults(objective, data is not None)
    if faults:
        raise ValueError("\n".join(faults))
    arguments: dict[str, Any] = {} if data is None else {"data": data}
    own_test_set = accepts(objective, "test", by_name=True)
    if own_test_set:
        arguments["test"] = True
    resources = Resources(**results.sweep["resources"])
    look = {"time": now(), "trial": row["trial"], "config": row["config"], "test_error": None}
    with trial_context(test=True, gpus=resources.gpus) as trial:
        try:
            error = run_here(objective, row["config"], arguments, row["seed"], resources.cpus)
            look["test_error"] = error
        finally:
            if own_test_set or trial.test_set_read:  # a look that failed is a look too
                journal.append_look(results.folder, look)
    if not (own_test_set or trial.test_set_read):
        raise ValueError(
            "The objective did not use a data module of sweeper's, so that its test set is not "
            "known. Give it an argument `test=False`, and let it return its error on its own test "
            "set if test is True."
        )
    return error
