"""Saves and restores the states of all random generators that training uses."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

Generator = torch.Generator | np.random.Generator


def random_states() -> dict[str, Any]:
    """Returns the states of all global generators: Python, NumPy, torch, GPUs if used."""
    version, numbers, gauss = random.getstate()
    states = {
        "python": (version, np.array(numbers, np.uint32), gauss),  # small, and copied at once
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def set_random_states(states: dict[str, Any]) -> None:
    """Sets the global generators to what `random_states` gave."""
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers.tolist()), gauss))
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    for gpu, state in enumerate(states.get("cuda", [])[: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(state, gpu)


def loader_state(loader: Any) -> dict[str, Any]:
    """Returns the state of a loader's own order: its generators, and its `state_dict` if any."""
    generators = _generators(loader)
    state = {"generators": {name: _get(generator) for name, generator in generators.items()}}
    if _keeps_its_state(loader):
        state["state_dict"] = loader.state_dict()
        _set_generators(generators, state["generators"])  # it may have drawn random numbers
    return state


def set_loader_state(loader: Any, state: dict[str, Any]) -> None:
    """Sets a loader to what `loader_state` gave; the global generators may have drawn afterwards.

    Raises:
        ValueError: that was another kind of loader.
    """
    generators = _generators(loader)
    stateful = _keeps_its_state(loader)
    if set(generators) != set(state["generators"]) or stateful != ("state_dict" in state):
        raise ValueError("its data loader is another")
    if stateful:
        loader.load_state_dict(state["state_dict"])
        loader.state_dict()  # torchdata's loads only when next used, and would draw in the epoch
    _set_generators(generators, state["generators"])


@contextmanager
def undisturbed(loader: Any) -> Iterator[None]:
    """Restores all random states after the block, and `loader`'s, as if nothing had been drawn."""
    generators = _generators(loader)
    before = random_states(), {name: _get(generator) for name, generator in generators.items()}
    try:
        yield
    finally:
        set_random_states(before[0])
        _set_generators(generators, before[1])


def _keeps_its_state(loader: Any) -> bool:
    """Checks for a loader that keeps its state, like torchdata's StatefulDataLoader."""
    return hasattr(loader, "state_dict") and hasattr(loader, "load_state_dict")


def _generators(loader: Any) -> dict[str, Generator]:
    """Returns the generators of a loader and of its parts, by their names there."""
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
        if isinstance(value, Generator)
    }


def _get(generator: Generator) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    return dict(generator.bit_generator.state)


def _set_generators(generators: dict[str, Generator], states: dict[str, Any]) -> None:
    for name, generator in generators.items():
        if isinstance(generator, torch.Generator):
            generator.set_state(states[name])
        else:
            generator.bit_generator.state = states[name]
