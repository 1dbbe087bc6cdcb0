"""Trains a `Module` on a `DataModule`: `Trainer`, and `HPOTrainer` for the trials of a sweep.

They follow https://d2l.ai/chapter_linear-regression/oo-design.html and
https://d2l.ai/chapter_hyperparameter-optimization/hyperopt-intro.html of *Dive into Deep Learning*.
"""

from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from sweeper.faults import float_fault, int_fault, refuse
from sweeper.training.checkpoints import FitCheckpoint, Trained, find_checkpoint
from sweeper.training.loaders import loaders, no_batches
from sweeper.training.modules import Batch, Loader, Module
from sweeper.training.random_states import random_states, undisturbed
from sweeper.training.trial import TrialContext, current_context


class Trainer:
    """Trains a model for some epochs.

    After `fit` it has `model`, `optim`, `train_dataloader`, `val_dataloader`, and `epoch`, the
    number of epochs trained so far.

    Args:
        max_epochs: epochs that `fit` trains; 0 only prepares.
        num_gpus: 0 stays on the CPU; otherwise the trial's GPU is used if it has one, outside of a
            sweep any that torch sees.
        gradient_clip_val: the largest Euclidean norm of the gradient; 0 doesn't clip.

    Raises:
        ValueError: an argument is unusable; lists all faults.
        RuntimeError: the trial was given a GPU, and torch sees none.

    Example:
        >>> trainer = sweeper.Trainer(max_epochs=1)
        >>> trainer.fit(sweeper.SoftmaxRegression(lr=0.1), sweeper.Digits())
        >>> trainer.epoch
        1
    """

    model: Module
    optim: torch.optim.Optimizer
    train_dataloader: Loader
    val_dataloader: Loader

    def __init__(
        self, max_epochs: int, num_gpus: int | None = None, gradient_clip_val: float = 0
    ) -> None:
        refuse(*_faults(max_epochs, num_gpus, gradient_clip_val))
        self.max_epochs = max_epochs
        self.gradient_clip_val = gradient_clip_val
        self.epoch = 0
        self.device = _device(num_gpus)

    def fit(self, model: Module, data: Any) -> None:
        """Trains `model` for `max_epochs` epochs.

        Args:
            model: the model, trained in place.
            data: a `DataModule`, any object with its methods, or a pair (training, validation) of
                iterables of batches `(X, y)` that can be gone through again and again.

        Raises:
            TypeError: `model` or `data` is something else.
            ValueError: the data has no batches, or the model's optimiser can't be made.
            NotImplementedError: the test set is asked for, and `data` has none.
        """
        self._begin(model, data)
        for _ in range(self.max_epochs):
            self.fit_epoch()

    def _begin(self, model: Module, data: Any) -> None:
        self.prepare_data(data)
        self.prepare_model(model)
        self.optim = model.configure_optimizers()
        self.epoch = 0
        current_context().fits += 1

    def fit_epoch(self) -> None:
        """Trains one more epoch.

        Raises:
            ValueError: the training data has no batches.
        """
        self.model.train()
        batch = None
        for batch in self.train_dataloader:
            loss = self.model.training_step(self.prepare_batch(batch))
            _forget_gradients(self.optim)
            loss.backward()
            with torch.no_grad():  # d2l's optimisers from scratch rely on it
                if self.gradient_clip_val:
                    nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_clip_val)
                self.optim.step()
        if batch is None:
            raise ValueError(no_batches("training"))
        self._count_epoch()

    def _count_epoch(self) -> None:
        self.epoch += 1
        current_context().epochs += 1

    def prepare_data(self, data: Any) -> None:
        """Takes the loaders out of `data`; in test mode the test set is the one to validate on."""
        self.train_dataloader, self.val_dataloader = loaders(data)

    def prepare_model(self, model: Module) -> None:
        """Gives lazy layers their shapes and moves the model to the device."""
        if not isinstance(model, Module):
            raise TypeError(
                f"model must be a sweeper.Module, but got a {type(model).__name__}. "
                "Write a subclass of Module that sets self.net to it."
            )
        if any(map(is_lazy, chain(model.parameters(), model.buffers()))):
            # An early look at the data must not change the order in which it is shuffled.
            with undisturbed(self.train_dataloader):
                batch = next(iter(self.train_dataloader), None)
            if batch is None:
                raise ValueError(no_batches("training"))
            model.apply_init(batch[:-1])
        self.model = model.to(self.device)

    def prepare_batch(self, batch: Batch) -> Batch:
        """Returns the batch on the device of the model."""
        if self.device.type == "cpu":
            return batch
        return [tensor.to(self.device, non_blocking=True) for tensor in batch]


class HPOTrainer(Trainer):
    """Trains a model, computes its validation error, and reports it to the sweep after each epoch.

    Args:
        max_epochs: epochs that `fit` trains; 0 only prepares.
        num_gpus: 0 stays on the CPU; otherwise the trial's GPU is used if it has one, outside of a
            sweep any that torch sees.
        gradient_clip_val: the largest Euclidean norm of the gradient; 0 doesn't clip.
        checkpoint_every: the number of epochs between checkpoints; the end of `fit` has one too. A
            checkpoint holds all that is needed to go on if the process dies: the `state_dict` of
            the model and of the optimiser, the order of the data, and the global random states of
            Python, NumPy and torch. A trial that runs again goes through the saved epochs without
            training: until the last of them the model is still untrained, but `validation_error`
            returns what it was. None, or outside of a sweep: nothing is saved.

    Raises:
        ValueError: an argument is unusable; lists all faults.
        RuntimeError: the trial was given a GPU, and torch sees none; by `fit`, if checkpoints are
            wanted on nodes that share no storage.
        TypeError: by `fit`, if checkpoints can't hold all that is trained.

    Example:
        >>> trainer = sweeper.HPOTrainer(max_epochs=3)
        >>> trainer.fit(sweeper.SoftmaxRegression(lr=0.1), sweeper.Digits())
        >>> bool(trainer.validation_error() < 0.3)
        True
    """

    def __init__(
        self,
        max_epochs: int,
        num_gpus: int | None = None,
        gradient_clip_val: float = 0,
        checkpoint_every: int | None = None,
    ) -> None:
        refuse(
            *_faults(max_epochs, num_gpus, gradient_clip_val),
            None
            if checkpoint_every is None
            else int_fault("checkpoint_every", checkpoint_every, 1),
        )
        super().__init__(max_epochs, num_gpus, gradient_clip_val)
        self.checkpoint_every = checkpoint_every
        self._checkpoint: FitCheckpoint | None = None

    def _begin(self, model: Module, data: Any) -> None:
        super()._begin(model, data)
        trial = current_context()
        self._checkpoint = None
        if self.checkpoint_every and trial.no_checkpoints:
            raise RuntimeError(trial.no_checkpoints)
        if self.checkpoint_every and trial.checkpoints is not None and not trial.test:
            path = trial.checkpoints / f"fit-{trial.fits}.pt"
            self._checkpoint = find_checkpoint(path, self._trained())

    def _trained(self) -> Trained:
        return Trained(self.model, self.optim, (self.train_dataloader, self.val_dataloader))

    def fit_epoch(self) -> None:
        """Trains one more epoch and adds its validation error to the trial's learning curve.

        Raises:
            ValueError: the training data has no batches, or the validation data has none.
            StopTrial: the sweep stops the trial here; it is no `Exception`.
        """
        checkpoint = self._checkpoint
        trial = current_context()
        if checkpoint is not None and checkpoint.ahead is not None:
            self._count_epoch()
            checkpoint.replay(self.epoch, self._trained())
        else:
            self._train_epoch(checkpoint, trial)
        trial.report()  # last of all: a checkpoint holds what has been reported

    def _train_epoch(self, checkpoint: FitCheckpoint | None, trial: TrialContext) -> None:
        super().fit_epoch()
        if trial.record_curve and not trial.test:
            error = float(self.validation_error())
            trial.add_to_curve(error)
            if checkpoint is not None:
                checkpoint.curve[self.epoch] = trial.curve[-1][:2]
        if checkpoint is not None:
            self._save(checkpoint)

    def _save(self, checkpoint: FitCheckpoint) -> None:
        """Saves a checkpoint if it is time to."""
        assert self.checkpoint_every is not None
        if self.epoch >= self.max_epochs:  # `fit` ends or has ended: the objective goes on
            checkpoint.left[self.epoch] = random_states()
        if self.epoch == self.max_epochs or self.epoch % self.checkpoint_every == 0:
            checkpoint.save(self.epoch, self._trained())

    def validation_error(self) -> torch.Tensor:
        """Returns the misclassified fraction of the validation examples: a 0-d float64 CPU tensor.

        It is exactly k / n, counted over examples: means of batches would depend on their size.
        The random states afterwards are as if it had not been called.

        Raises:
            ValueError: the validation data has no batches.
            RuntimeError: a resumed trial asks for the error of an epoch that wasn't evaluated the
                first time.
        """
        checkpoint = self._checkpoint
        if checkpoint is not None and checkpoint.ahead is not None:
            return torch.tensor(checkpoint.error(self.epoch), dtype=torch.float64)
        self.model.eval()
        hits = examples = 0
        with torch.no_grad(), undisturbed(self.val_dataloader):
            for batch in self.val_dataloader:
                *inputs, y = self.prepare_batch(batch)
                each = self.model.accuracy(self.model(*inputs), y, averaged=False)
                hits += int(each.sum())
                examples += each.numel()
        if not examples:
            raise ValueError(no_batches("validation"))
        error = torch.tensor((examples - hits) / examples, dtype=torch.float64)
        if checkpoint is not None:
            checkpoint.errors[self.epoch] = float(error)
        return error


def _faults(max_epochs: int, num_gpus: int | None, gradient_clip_val: float) -> list[str | None]:
    return [
        int_fault("max_epochs", max_epochs, 0),
        None if num_gpus is None else int_fault("num_gpus", num_gpus, 0),
        float_fault("gradient_clip_val", gradient_clip_val),
    ]


def _forget_gradients(optim: Any) -> None:
    if not isinstance(optim, torch.optim.Optimizer):  # made from scratch, as in d2l
        optim.zero_grad()
        return
    # The same without a record for torch's profiler, which takes a twentieth of a small model's
    # time.
    for group in optim.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def _device(num_gpus: int | None) -> torch.device:
    given = current_context().gpus
    if num_gpus == 0 or given == 0:
        return torch.device("cpu")
    if given and not torch.cuda.is_available():
        raise RuntimeError(
            f"The trial was given gpus={given}, but torch {torch.__version__} sees none. "
            "Install a torch built for this GPU, or sweep with Resources(gpus=0)."
        )
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
