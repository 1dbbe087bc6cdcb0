"""The small model that tests train, and batches for it."""

import torch
from torch import nn

from sweeper.training.modules import Module


class Linear(Module):
    def __init__(self, lr=0.1, **options):
        super().__init__()
        self.save_hyperparameters()
        for name, value in options.items():
            setattr(self, name, value)
        self.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))


def make_batches(sizes=(5, 5, 3), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            torch.rand(n, 1, 2, 2, generator=generator),
            torch.randint(0, 3, (n,), generator=generator),
        )
        for n in sizes
    ]
