"""Parallel hyperparameter sweeps of PyTorch training code on Ray Tune.

Public names load their module on first use, so that `import sweeper` and `sweeper --help` need not
load torch or Ray.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeper.analysis.comparison import compare as compare
    from sweeper.cluster.resources import Resources as Resources
    from sweeper.html_report.page import write_report as write_report
    from sweeper.record.results import Results as Results
    from sweeper.record.results import load as load
    from sweeper.search.asha import ASHA as ASHA
    from sweeper.search.bayesian_search import BayesianSearch as BayesianSearch
    from sweeper.search.grid_search import GridSearch as GridSearch
    from sweeper.search.random_search import RandomSearch as RandomSearch
    from sweeper.search.sobol_search import SobolSearch as SobolSearch
    from sweeper.space.conditions import when as when
    from sweeper.space.rounded import rounded as rounded
    from sweeper.space.search_space import to_search_space as to_search_space
    from sweeper.sweep.confirmation import confirm as confirm
    from sweeper.sweep.final_test import test as test
    from sweeper.sweep.limits import Limits as Limits
    from sweeper.sweep.preview import preview as preview
    from sweeper.sweep.sweep import run as run
    from sweeper.training.data import Digits as Digits
    from sweeper.training.data import FashionMNIST as FashionMNIST
    from sweeper.training.models import MLP as MLP
    from sweeper.training.models import DropoutMLP as DropoutMLP
    from sweeper.training.models import LeNet as LeNet
    from sweeper.training.models import SoftmaxRegression as SoftmaxRegression
    from sweeper.training.models import init_cnn as init_cnn
    from sweeper.training.modules import DataModule as DataModule
    from sweeper.training.modules import Module as Module
    from sweeper.training.trainer import HPOTrainer as HPOTrainer
    from sweeper.training.trainer import Trainer as Trainer
    from sweeper.training.trial import StopTrial as StopTrial
    from sweeper.worker.command import Command as Command
    from sweeper.worker.reporting import current_trial as current_trial
    from sweeper.worker.reporting import report as report

__version__ = "0.1.0"

_MODULE_OF = {
    "to_search_space": "space.search_space",
    "when": "space.conditions",
    "ASHA": "search.asha",
    "RandomSearch": "search.random_search",
    "GridSearch": "search.grid_search",
    "SobolSearch": "search.sobol_search",
    "BayesianSearch": "search.bayesian_search",
    "rounded": "space.rounded",
    "Module": "training.modules",
    "DataModule": "training.modules",
    "Trainer": "training.trainer",
    "HPOTrainer": "training.trainer",
    "FashionMNIST": "training.data",
    "Digits": "training.data",
    "SoftmaxRegression": "training.models",
    "MLP": "training.models",
    "DropoutMLP": "training.models",
    "LeNet": "training.models",
    "init_cnn": "training.models",
    "StopTrial": "training.trial",
    "current_trial": "worker.reporting",
    "report": "worker.reporting",
    "Command": "worker.command",
    "Resources": "cluster.resources",
    "confirm": "sweep.confirmation",
    "Limits": "sweep.limits",
    "Results": "record.results",
    "load": "record.results",
    "compare": "analysis.comparison",
    "write_report": "html_report.page",
    "preview": "sweep.preview",
    "run": "sweep.sweep",
    "test": "sweep.final_test",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'sweeper' has no attribute {name!r}")
    from sweeper.extras import extras_named

    with extras_named():
        value = getattr(importlib.import_module(f"sweeper.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
