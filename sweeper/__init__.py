"""Parallel hyperparameter sweeps of PyTorch training code on Ray Tune.

Public names load their module on first use, so that `import sweeper` and `sweeper --help` wait for
neither torch nor Ray.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeper.cluster import Resources as Resources
    from sweeper.comparison import compare as compare
    from sweeper.confirmation import confirm as confirm
    from sweeper.data import Digits as Digits
    from sweeper.data import FashionMNIST as FashionMNIST
    from sweeper.final_test import test as test
    from sweeper.limits import Limits as Limits
    from sweeper.models import MLP as MLP
    from sweeper.models import DropoutMLP as DropoutMLP
    from sweeper.models import LeNet as LeNet
    from sweeper.models import SoftmaxRegression as SoftmaxRegression
    from sweeper.models import init_cnn as init_cnn
    from sweeper.modules import DataModule as DataModule
    from sweeper.modules import Module as Module
    from sweeper.report import write_report as write_report
    from sweeper.results import Results as Results
    from sweeper.results import load as load
    from sweeper.search_space import to_search_space as to_search_space
    from sweeper.searchers import GridSearch as GridSearch
    from sweeper.searchers import RandomSearch as RandomSearch
    from sweeper.sweep import run as run
    from sweeper.training import HPOTrainer as HPOTrainer
    from sweeper.training import Trainer as Trainer

__version__ = "0.1.0"

_MODULE_OF = {
    "to_search_space": "search_space",
    "RandomSearch": "searchers",
    "GridSearch": "searchers",
    "Module": "modules",
    "DataModule": "modules",
    "Trainer": "training",
    "HPOTrainer": "training",
    "FashionMNIST": "data",
    "Digits": "data",
    "SoftmaxRegression": "models",
    "MLP": "models",
    "DropoutMLP": "models",
    "LeNet": "models",
    "init_cnn": "models",
    "Resources": "cluster",
    "confirm": "confirmation",
    "Limits": "limits",
    "Results": "results",
    "load": "results",
    "compare": "comparison",
    "write_report": "report",
    "run": "sweep",
    "test": "final_test",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'sweeper' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"sweeper.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
