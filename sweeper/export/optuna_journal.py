"""A sweep as a study of Optuna, in a journal that its `JournalFileBackend` reads."""

import json
import math
from pathlib import Path
from typing import Any

from sweeper.analysis.axes import read_recorded
from sweeper.export.moments import moment
from sweeper.export.optuna_values import Counterpart, counterpart
from sweeper.files import write_named
from sweeper.record.columns import columns_for
from sweeper.record.lines import encode
from sweeper.record.results import Results
from sweeper.record.rows import Row
from sweeper.search.bayesian_search import quiet_optuna
from sweeper.terminal import whole_characters

_ATTRIBUTES = ("trial", "replicate", "seed", "status", "worker", "node", "exception")


def write_optuna_journal(results: Results, path: Path) -> None:
    """Writes a study named after the sweep's folder: finished trials are COMPLETE, stopped ones
    PRUNED, all others FAIL. What Optuna has no place for is in the user attributes of each trial.

    Raises:
        OSError: the file can't be written.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import BaseJournalBackend

    class Lines(BaseJournalBackend):
        """Keeps the lines of a journal, which are written at once."""

        def __init__(self) -> None:
            self.logs: list[dict[str, Any]] = []

        def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
            return self.logs[log_number_from:]

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            self.logs += logs

    lines = Lines()
    forms = _forms(results)
    with quiet_optuna():
        study = optuna.create_study(
            storage=JournalStorage(lines),
            study_name=whole_characters(results.folder.resolve().name) or "sweep",
            direction="maximize" if results.metric.is_high_good else "minimize",
        )
        study.set_metric_names([results.metric.name])
        for row in results.rows:
            study.add_trial(_trial(results, row, forms))
    text = "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines.logs)
    write_named(path, lambda file: file.write(text.encode()))


def _forms(results: Results) -> dict[str, tuple[str, Counterpart | None]]:
    """The name of each hyperparameter in the study, and its form there."""
    space = results.sweep["config_space"]
    found = {}
    for name, shown in columns_for(space, "config.", set()).items():
        values = [row.config[name] for row in results.rows if name in row.config]
        has_text = name not in results.sweep.get("without_text", ())
        form = counterpart(read_recorded(space[name]) if has_text else None, values)
        found[name] = shown if form else results.hyperparameter_columns[name], form
    return found


def _trial(results: Results, row: Row, forms: dict[str, tuple[str, Counterpart | None]]) -> Any:
    from optuna.trial import FrozenTrial, TrialState

    params, distributions, attributes = {}, {}, {}
    for name, (shown, form) in forms.items():
        if name in row.config and form:
            params[shown] = form.value(row.config[name])
            distributions[shown] = form.distribution
        elif name in row.config:
            attributes[shown] = encode(row.config[name])
    columns = results.other_metrics
    attributes |= {columns[name]: value for name, value in row.metrics.items()}
    attributes |= {name: getattr(row, name) for name in _ATTRIBUTES}
    value = row.value if row.value is not None and math.isfinite(row.value) else None
    state = TrialState.PRUNED if row.status == "stopped" else TrialState.FAIL
    if row.status == "finished" and value is not None:
        state = TrialState.COMPLETE
    return FrozenTrial(
        number=-1,  # the study gives them
        trial_id=-1,
        state=state,
        value=None if state == TrialState.FAIL else value,
        params=params,
        distributions=distributions,
        user_attrs=attributes,
        system_attrs={},
        intermediate_values={int(epoch): value for epoch, value, *_ in row.curve},
        datetime_start=moment(results.sweep, row.start_s),
        datetime_complete=moment(results.sweep, row.start_s, row.runtime_s),
    )
