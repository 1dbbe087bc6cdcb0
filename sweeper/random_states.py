"""States of all generators that training draws from: to go on from them, to leave no trace."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def random_states() -> dict[str, Any]:
    """The states of Python's, NumPy's and torch's global generators, with the GPUs' if used."""
    states = {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def set_random_states(states: dict[str, Any]) -> None:
    """Sets the global generators to what `random_states` gave."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    for gpu, state in enumerate(states.get("cuda", [])[: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(state, gpu)


def loader_state(loader: Any) -> dict[str, Any]:
    """Where a loader's own order of the data is: what its `state_dict` or its generators say."""
    if _keeps_its_state(loader):
        return {"state_dict": loader.state_dict()}
    return {name: _get(generator) for name, generator in _generators(loader).items()}


def set_loader_state(loader: Any, state: dict[str, Any]) -> None:
    """Sets a loader to what `loader_state` gave.

    Raises:
        ValueError: that was a loader with other generators.
    """
    if _keeps_its_state(loader):
        loader.load_state_dict(state["state_dict"])
        return
    generators = _generators(loader)
    if set(generators) != set(state):
        raise ValueError("its data loader is another")
    for name, generator in generators.items():
        _set(generator, state[name])


@contextmanager
def undisturbed(loader: Any) -> Iterator[None]:
    """Random numbers go on after the block as if nothing in it, nor `loader`, had drawn any."""
    generators = _generators(loader).values()
    before = random_states(), [_get(generator) for generator in generators]
    try:
        yield
    finally:
        set_random_states(before[0])
        for generator, state in zip(generators, before[1], strict=True):
            _set(generator, state)


def _keeps_its_state(loader: Any) -> bool:
    """Whether it is one like torchdata's StatefulDataLoader."""
    return hasattr(loader, "state_dict") and hasattr(loader, "load_state_dict")


def _generators(loader: Any) -> dict[str, torch.Generator | np.random.Generator]:
    """The generators of a loader and of its parts, by their names there."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    parts = {
        "loader": loader,
        "dataset": getattr(loader, "dataset", None),
        "sampler": getattr(loader, "sampler", None),
        "batch_sampler": batch_sampler,
        "batch_sampler.sampler": getattr(batch_sampler, "sampler", None),
    }
    return {
        f"{part_name}.{name}": value
        for part_name, part in parts.items()
        for name, value in getattr(part, "__dict__", {}).items()
        if isinstance(value, torch.Generator | np.random.Generator)
    }


def _get(generator: torch.Generator | np.random.Generator) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    return dict(generator.bit_generator.state)


def _set(generator: torch.Generator | np.random.Generator, state: Any) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    else:
        generator.bit_generator.state = state
