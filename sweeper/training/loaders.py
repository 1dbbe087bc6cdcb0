"""Takes the loaders for a fit out of its data."""

from collections.abc import Iterable, Iterator
from typing import Any

from sweeper.training.modules import Loader, no_test_set
from sweeper.training.trial import current_context, open_test_set


def loaders(data: Any) -> tuple[Loader, Loader]:
    """Returns the loaders for training and evaluation, each of which can be gone through again."""
    if isinstance(data, tuple | list) and len(data) == 2:
        train, evaluation = data
    elif hasattr(data, "train_dataloader") and hasattr(data, "val_dataloader"):
        train = data.train_dataloader()
        evaluation = _test_loader(data) if current_context().test else data.val_dataloader()
    else:
        raise TypeError(
            "data must be a DataModule or a pair (training, validation) of iterables of batches, "
            f"but got a {type(data).__name__}."
        )
    for name, loader in (("training", train), ("validation", evaluation)):
        if not isinstance(loader, Iterable) or isinstance(loader, Iterator):
            raise TypeError(
                f"Each epoch must be able to go through the {name} data again, but got a "
                f"{type(loader).__name__}. Give a list of batches or a DataLoader."
            )
    return train, evaluation


def _test_loader(data: Any) -> Loader:
    if not hasattr(data, "test_dataloader"):
        raise NotImplementedError(no_test_set(data))
    loader = data.test_dataloader()
    open_test_set()
    return loader


def no_batches(name: str) -> str:
    """Says what is wrong with data of this name, and the cure."""
    return f"The {name} data has no batches. Give at least one batch (X, y)."
