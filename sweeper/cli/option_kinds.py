"""Converts the values of options, from flags and YAML files alike: text, numbers, yes or no."""

import difflib
from collections.abc import Callable, Collection
from typing import Any

from sweeper.cli.option_texts import read_seconds
from sweeper.space.words import is_number

_YES, _NO = ("true", "yes", "on"), ("false", "no", "off")
# Names in other libraries: W&B, Optuna, Ray Tune, scikit-learn.
_ELSEWHERE = {
    **dict.fromkeys(("parameters", "params", "hyperparameters", "param_space"), "space"),
    **dict.fromkeys(("config_space", "search_space", "param_distributions"), "space"),
    **dict.fromkeys(("method", "search", "sampler", "search_alg", "algorithm"), "searcher"),
    **dict.fromkeys(("program", "script", "entrypoint", "cmd"), "command"),
    **dict.fromkeys(("num_trials", "n_trials", "num_samples", "run_cap", "n_iter"), "trials"),
    **dict.fromkeys(("early_terminate", "early_stopping", "pruner"), "scheduler"),
    **dict.fromkeys(("direction", "goal"), "mode"),
    **dict.fromkeys(("num_workers", "n_jobs", "max_concurrent_trials"), "workers"),
    **dict.fromkeys(("timeout", "time_budget_s"), "time_budget"),
    **{"random_state": "seed", "epochs": "max_epochs", "storage": "folder"},
}


def whole(value: Any) -> Any:
    """Returns the whole number of a text such as `20` or `1e3`; anything else unchanged."""
    found = number(value)
    if isinstance(found, float) and found.is_integer():
        return int(found)
    return found


def number(value: Any) -> Any:
    """Returns the number of a text such as `0.5` or `1e-3`; anything else unchanged, `010` too."""
    if not isinstance(value, str) or not is_number(value):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def whole_or_none(value: Any) -> Any:
    """Works as `whole`, and turns `none` into None."""
    return None if value == "none" else whole(value)


def _yes_or_no(value: Any) -> Any:
    word = value.lower() if isinstance(value, str) else value
    return True if word in _YES else False if word in _NO else value


def _as_it_is(value: Any) -> Any:
    return value


_Kind = tuple[Callable[[Any], Any], Callable[[Any], bool], str]  # reads it, checks it, the rule


def _is(*kinds: type) -> Callable[[Any], bool]:
    """Returns a check; a bool is no number."""
    return lambda value: isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _at_least(low: int) -> _Kind:
    is_whole = _is(int)
    return (
        whole,
        lambda value: is_whole(value) and value >= low,
        f"a whole number of at least {low}",
    )


_TEXT: _Kind = (_as_it_is, _is(str), "text")
_FLAG: _Kind = (_yes_or_no, _is(bool), "true or false")
_COUNT = _at_least(1)
_NUMBER: _Kind = (number, _is(int, float), "a number such as 0.5")
_KINDS: dict[str, _Kind] = {
    **dict.fromkeys(("command", "metric", "mode", "pattern"), _TEXT),
    **dict.fromkeys(("objective", "model", "data", "searcher", "name", "folder"), _TEXT),
    **dict.fromkeys(("address", "cluster", "scheduler", "surrogate", "keep"), _TEXT),
    **dict.fromkeys(("resume", "retry_failed", "keep_checkpoints", "dry_run", "test"), _FLAG),
    **dict.fromkeys(("no_report", "quiet", "unique", "fresh"), _FLAG),
    **dict.fromkeys(("max_epochs", "batch_size", "checkpoint_every", "trials", "lag"), _COUNT),
    **dict.fromkeys(("grace_epochs", "replicates", "workers", "total_epochs"), _COUNT),
    **dict.fromkeys(("patience", "top", "max_replicates"), _COUNT),
    **dict.fromkeys(("seed", "max_failures"), _at_least(0)),
    "reduction_factor": _at_least(2),
    **dict.fromkeys(("cpus", "gpus", "target", "until"), _NUMBER),
    "first_failures": (whole_or_none, _is(int, type(None)), "a whole number or none"),
}


def read_kinds(given: dict[str, Any], told: Callable[[str], str], faults: list[str]) -> None:
    """Converts values to what their options take; drops others and appends them to `faults`.

    Args:
        given: options by name; changed in place.
        told: returns the name of an option as the user wrote it.
        faults: gets one sentence per fault.
    """
    for name, value in list(given.items()):
        if value is None:
            continue
        if name in ("time_budget", "trial_time"):
            try:
                given[name] = read_seconds(value, told(name))
            except ValueError as error:
                faults.append(str(error))
                del given[name]
            continue
        if name not in _KINDS:
            continue
        read, fits, rule = _KINDS[name]
        value = given[name] = read(value)
        if not fits(value):
            faults.append(f"{told(name)}: must be {rule}, but got {value!r} ({_kind(value)}).")
            del given[name]


def unknown_fault(name: str, told: Callable[[str], str], known: Collection[str]) -> str:
    """Says that there is no such option, and which one may be meant."""
    plain = name.lstrip("-").partition("=")[0].replace("-", "_")
    close = difflib.get_close_matches(plain, known, n=1)
    meant = _ELSEWHERE.get(plain, close[0] if close else None)
    cure = f"Did you mean {told(meant)}?" if meant else "sweeper run --help lists all."
    return f"{name.partition('=')[0]}: no such option. {cure}"


def _kind(value: Any) -> str:
    return type(value).__name__
