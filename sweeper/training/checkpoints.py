"""Checkpoints, from which a fit whose process died goes on exactly, to the last bit.

A file holds the last checkpoint of a fit. Reading it executes nothing: it holds tensors, numbers,
text and containers of these.
"""

import copy
import math
import sys
import time
import zipfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sweeper.files import write_whole
from sweeper.training.random_states import (
    loader_state,
    random_states,
    set_loader_state,
    set_random_states,
)
from sweeper.training.trial import current_context

_ARRAY = "numpy dtype"  # the key that marks an array or a scalar of NumPy


@dataclass(frozen=True)
class Trained:
    """Everything that a fit works with, and that may change while it runs."""

    model: nn.Module
    optim: Any
    loaders: tuple[Any, Any]  # the loaders of the training and of the validation data


@dataclass
class FitCheckpoint:
    """The last checkpoint of one fit, and what must be known of the epochs before it.

    A fit that finds a checkpoint goes through the epochs up to it without training. After each of
    them errors, curve and random states are as when it was trained, so that the objective sees no
    difference.

    Args:
        path: the file.
        errors: the validation errors that were computed, by epoch.
        curve: what the epochs added to the trial's learning curve.
        left: the random states at the end of epochs after which the objective used them.
        ahead: the checkpoint, until the fit has come to its epoch.
    """

    path: Path
    errors: dict[int, float] = field(default_factory=dict)
    curve: dict[int, tuple[float, float]] = field(default_factory=dict)
    left: dict[int, dict[str, Any]] = field(default_factory=dict)
    ahead: dict[str, Any] | None = None

    def replay(self, epoch: int, trained: Trained) -> None:
        """Sets what this epoch left when trained; at the checkpoint's epoch all that was saved."""
        assert self.ahead is not None
        trial = current_context()
        if epoch in self.curve and trial.record_curve:
            error, seconds = self.curve[epoch]
            # The epochs trained before this fit may have taken longer this time.
            trial.curve.append(
                (error, max(seconds, *(entry[1] for entry in trial.curve[-1:]), 0.0))
            )
        if epoch in self.left:
            set_random_states(self.left[epoch])
        if epoch == self.ahead["epoch"]:
            _set_state(trained, self.ahead)
            trial.start = min(trial.start, time.perf_counter() - self.ahead["seconds"])
            self.ahead = None

    def error(self, epoch: int) -> float:
        """Returns the validation error that this epoch had when it was trained.

        Raises:
            RuntimeError: none was computed then.
        """
        assert self.ahead is not None
        if epoch not in self.errors:
            raise RuntimeError(
                f"Epoch {epoch} is not trained again, because {self.path} goes on after epoch "
                f"{self.ahead['epoch']}, and no validation error was computed after epoch {epoch} "
                "the first time. Call validation_error() after the same epochs as before, or "
                "delete that file."
            )
        return self.errors[epoch]

    def save(self, epoch: int, trained: Trained) -> None:
        """Replaces the last checkpoint by a new one; a full disk is only a warning.

        Raises:
            TypeError: the model, the optimiser or a loader has a state that is not plain.
        """
        content = _plain(
            {
                "epoch": epoch,
                "seconds": time.perf_counter() - current_context().start,
                "errors": self.errors,
                "curve": self.curve,
                "left": self.left,
                **_state(trained),
            }
        )
        try:
            for folder in (self.path.parents[1], self.path.parent):  # the sweep's own is there
                folder.mkdir(exist_ok=True)
            write_whole(self.path, lambda file: torch.save(content, file))
        except (OSError, RuntimeError) as error:  # torch's own writer raises the second
            _warn(f"{self.path} was not written, the trial goes on without it", error)


def find_checkpoint(path: Path, trained: Trained) -> FitCheckpoint:
    """Returns the checkpoint in this file; an empty one if this fit can't go on from it.

    Raises:
        TypeError: no checkpoint can hold all that is trained.
    """
    _refuse_hidden_state(trained)
    if not path.exists():
        return FitCheckpoint(path)
    before = copy.deepcopy(_state(trained))
    try:
        content = _read(path)
        # A part that doesn't fit must be found before the first epoch is left out.
        for states in content["left"].values():
            set_random_states(states)
        _set_state(trained, content)
    except Exception as error:
        _warn(f"can't resume from {path}, so the fit starts from the beginning", error)
        return FitCheckpoint(path)
    finally:
        _set_state(trained, before)
    return FitCheckpoint(path, content["errors"], content["curve"], content["left"], ahead=content)


def _refuse_hidden_state(trained: Trained) -> None:
    faults = []
    name = type(trained.optim).__name__
    if not (hasattr(trained.optim, "state_dict") and hasattr(trained.optim, "load_state_dict")):
        faults.append(
            f"checkpoint_every needs an optimiser with state_dict and load_state_dict, but {name} "
            "has none. Give it these, take one of torch.optim, or leave checkpoint_every out."
        )
    kept = {id(tensor) for tensor in trained.model.state_dict(keep_vars=True).values()}
    groups = getattr(trained.optim, "param_groups", [])
    parameters = [*trained.model.parameters(), *(p for group in groups for p in group["params"])]
    if not {id(parameter) for parameter in parameters} <= kept:
        faults.append(
            f"checkpoint_every needs all that is trained in the model's state_dict, but "
            f"{type(trained.model).__name__} has parameters which are not there. Make them "
            "attributes of type nn.Parameter, or leave checkpoint_every out."
        )
    if faults:
        raise TypeError("\n".join(faults))


# The state that changes while a fit trains


def _state(trained: Trained) -> dict[str, Any]:
    states = random_states()
    model, optim = trained.model, trained.optim
    state = {
        "model": model.state_dict(),
        "modes": [module.training for module in model.modules()],
        "optimizer": optim.state_dict(),
        "optimized": _optimized(optim),
        "loaders": [loader_state(loader) for loader in trained.loaders],
        "random": states,
    }
    set_random_states(states)  # some loaders draw when they are asked for their state
    return state


def _set_state(trained: Trained, state: dict[str, Any]) -> None:
    model, optim = trained.model, trained.optim
    if _shapes(state["model"]) != _shapes(model.state_dict()):
        raise ValueError("its model is another")
    if state["optimized"] != _optimized(optim):
        raise ValueError("its optimiser is another")
    model.load_state_dict(state["model"])
    for module, training in zip(model.modules(), state["modes"], strict=True):
        module.training = bool(training)
    optim.load_state_dict(state["optimizer"])
    for loader, loaders_state in zip(trained.loaders, state["loaders"], strict=True):
        set_loader_state(loader, loaders_state)
    set_random_states(state["random"])


def _shapes(tensors: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (value.shape, value.dtype)
        for name, value in tensors.items()
        if isinstance(value, torch.Tensor)
    }


def _optimized(optim: Any) -> list[Any]:
    """Returns the optimiser's class and the shapes of what it changes, group by group."""
    groups = getattr(optim, "param_groups", [])
    shapes = [[list(parameter.shape) for parameter in group["params"]] for group in groups]
    return [f"{type(optim).__module__}.{type(optim).__qualname__}", shapes]


# Files


def _read(path: Path) -> dict[str, Any]:
    """Returns the content of a file.

    Raises:
        Exception: of any kind, if the file is damaged or no checkpoint.
    """
    with zipfile.ZipFile(path) as file:  # torch doesn't compare the checksums
        damaged = file.testzip()
    if damaged is not None:
        raise ValueError(f"{damaged} is damaged")
    content = _unplain(torch.load(path, map_location="cpu", weights_only=True))
    numbers = [content["seconds"], *content["errors"].values()]
    for error, seconds in content["curve"].values():
        numbers += [error, seconds]
    if any(type(number) is not float or not 0 <= number < math.inf for number in numbers):
        raise ValueError("it has unusable numbers")
    if type(content["epoch"]) is not int or content["epoch"] < 1:
        raise ValueError(f"its epoch is {content['epoch']!r:.20}")
    return content


def _plain(value: Any, where: tuple[Any, ...] = ()) -> Any:
    """Returns a copy made of tensors, numbers, text and containers alone.

    Raises:
        TypeError: something else is in it.
    """
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufc":
        raw = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        return {
            _ARRAY: value.dtype.str,
            "shape": list(value.shape),
            "raw": torch.from_numpy(raw.copy()),
        }
    if type(value) in (dict, OrderedDict):
        made = copy.copy(value)  # with the attribute in which torch keeps versions of layers
        made.update({key: _plain(each, (*where, key)) for key, each in value.items()})
        return made
    if type(value) in (list, tuple, torch.Size):
        kind = list if type(value) is list else tuple
        return kind(_plain(each, (*where, i)) for i, each in enumerate(value))
    plain = (type(None), bool, int, float, complex, str, bytes, torch.Tensor, nn.Parameter)
    if type(value) in plain or isinstance(value, torch.dtype | torch.device):
        return value
    raise TypeError(
        f"checkpoint_every can't save {'.'.join(map(str, where))}, a {type(value).__name__}. "
        "Keep tensors, numbers, text, lists and dicts there, or leave checkpoint_every out."
    )


def _unplain(value: Any) -> Any:
    """Returns what `_plain` was given; changes containers in place."""
    if isinstance(value, dict):
        if _ARRAY in value:
            return value["raw"].numpy().view(value[_ARRAY]).reshape(value["shape"])[()]
        for key in value:
            value[key] = _unplain(value[key])
        return value
    if isinstance(value, list | tuple):
        return type(value)(map(_unplain, value))
    return value


def _warn(what: str, error: Exception) -> None:
    line = next(iter(str(error).splitlines()), "")
    print(f"sweeper: {what}: {type(error).__name__}: {line:.200}", file=sys.stderr, flush=True)
