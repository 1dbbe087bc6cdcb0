"""Saves the state that trials in one process could pass on to each other, and restores it for each.

Without it a trial depends on which ones ran before it on its worker, and the table on the number
of workers. Standard streams, torch's threads, gradient mode and autocast are `Surroundings`, for
each part of a trial. State in modules' own variables is not restored: `fresh=True` is for that.
"""

import decimal
import functools
import gc
import locale
import logging
import multiprocessing.context
import os
import random
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import Any

import numpy as np
import wrapt

_Setting = tuple[Callable[[], Any], Callable[[Any], object]]  # reads it, sets it to what was read


def _attribute(of: Any, path: str) -> _Setting:
    *owners, name = path.split(".")
    return (
        lambda: attrgetter(path)(of),
        lambda value: setattr(functools.reduce(getattr, owners, of), name, value),
    )


def _contents(of: list[Any]) -> _Setting:
    return lambda: list(of), lambda value: of.__setitem__(slice(None), value)


def directory() -> str | None:
    """Returns the working directory; None if it was removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _set_environment(environment: dict[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _set_filters(filters: list[Any]) -> None:
    with warnings.catch_warnings():  # a context manager whose end makes the change known
        warnings.simplefilter("default")
    warnings.filters[:] = filters  # type: ignore[index]


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _set_handlers(handlers: dict[int, Any]) -> None:
    if threading.current_thread() is threading.main_thread():  # or Python refuses
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


_SIGNALS = [
    *(signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE),
]
_root = logging.getLogger()
_PYTHON: list[_Setting] = [
    (directory, lambda value: None if value is None else os.chdir(value)),
    (lambda: dict(os.environ), _set_environment),
    (_umask, os.umask),
    (_handlers, _set_handlers),
    _contents(sys.argv),
    _contents(sys.path),
    *(_attribute(sys, name) for name in ("excepthook", "unraisablehook", "displayhook")),
    _attribute(threading, "excepthook"),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (sys.getswitchinterval, sys.setswitchinterval),
    (gc.isenabled, lambda value: gc.enable() if value else gc.disable()),
    (gc.get_threshold, lambda value: gc.set_threshold(*value)),
    (lambda: os.sched_getaffinity(0), lambda value: os.sched_setaffinity(0, value)),
    (lambda: locale.setlocale(locale.LC_ALL), lambda value: locale.setlocale(locale.LC_ALL, value)),
    (socket.getdefaulttimeout, socket.setdefaulttimeout),
    (lambda: list(warnings.filters), _set_filters),
    _attribute(warnings, "showwarning"),
    _attribute(_root, "level"),
    _contents(_root.handlers),
    _attribute(_root.manager, "disable"),
    (np.geterr, lambda value: np.seterr(**value)),
    (np.get_printoptions, lambda value: np.set_printoptions(**value)),
    _attribute(multiprocessing.context._default_context, "_actual_context"),
]


def _in_torch(torch: Any) -> list[_Setting]:
    """Lists torch's settings. To read one that this version lacks is an AttributeError."""

    def calls(read: str, write: str, *arguments: Any) -> _Setting:
        return (
            lambda: attrgetter(read)(torch)(*arguments),
            lambda value: attrgetter(write)(torch)(*arguments, value),
        )

    def device() -> Any:
        return getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)

    def put_device(context: Any) -> None:
        torch.set_default_device(context and context.device)
        if context is None:  # as before it was ever set: torch 2.6 can't read None back
            vars(torch._GLOBAL_DEVICE_CONTEXT).pop("device_context", None)

    def flushes() -> bool:
        return bool((torch.tensor(1e-40, dtype=torch.float32, device="cpu") * 1).item() == 0)

    return [
        calls("get_default_dtype", "set_default_dtype"),
        (device, put_device),
        (
            lambda: (
                torch.are_deterministic_algorithms_enabled(),
                torch.is_deterministic_algorithms_warn_only_enabled(),
            ),
            lambda value: torch.use_deterministic_algorithms(value[0], warn_only=value[1]),
        ),
        _attribute(torch, "utils.deterministic.fill_uninitialized_memory"),
        calls("is_anomaly_enabled", "autograd.set_detect_anomaly"),
        (flushes, lambda value: torch.set_flush_denormal(value)),
        calls("get_float32_matmul_precision", "set_float32_matmul_precision"),
        *(calls("get_autocast_dtype", "set_autocast_dtype", kind) for kind in ("cpu", "cuda")),
        calls("multiprocessing.get_sharing_strategy", "multiprocessing.set_sharing_strategy"),
        *(
            _attribute(torch, f"backends.cudnn.{name}")
            for name in ("benchmark", "deterministic", "enabled", "allow_tf32")
        ),
        *(
            _attribute(torch, f"backends.cuda.matmul.allow_{kind}_reduced_precision_reduction")
            for kind in ("fp16", "bf16")
        ),
        *(
            calls(f"backends.cuda.{kind}_enabled", f"backends.cuda.enable_{kind}")
            for kind in ("flash_sdp", "mem_efficient_sdp", "math_sdp", "cudnn_sdp")
        ),
        calls("_C._get_mkldnn_enabled", "_C._set_mkldnn_enabled"),
        (
            lambda: dict(vars(torch._tensor_str.PRINT_OPTS)),
            lambda value: vars(torch._tensor_str.PRINT_OPTS).update(value),
        ),
    ]


class ProcessState:
    """The state of this process at the moment of creation.

    If torch is imported only later, its state is taken right after that.
    """

    def __init__(self) -> None:
        self._python = [(setting, setting[0]()) for setting in _PYTHON]
        self._decimal = decimal.getcontext().copy()
        self._torch: list[tuple[_Setting, Any]] = []
        wrapt.when_imported("torch")(self._take_torch)  # at once, if it is imported

    def _take_torch(self, torch: Any) -> None:
        for setting in _in_torch(torch):
            with suppress(AttributeError):  # of another version than those tested
                self._torch.append((setting, setting[0]()))

    def restore(self) -> None:
        """Restores the process to that state, where it differs."""
        for (read, write), value in (*self._python, *self._torch):
            if read() != value:
                with suppress(OSError):  # a directory that was removed
                    write(value)
        if str(decimal.getcontext()) != str(self._decimal):
            decimal.setcontext(self._decimal.copy())


@contextmanager
def left_as_it_was() -> Iterator[ProcessState]:
    """Restores the process after the block, the states of its random generators included."""
    state = ProcessState()
    python, numpy = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")
    of_torch = None if torch is None else torch.get_rng_state()
    try:
        yield state
    finally:
        state.restore()
        random.setstate(python)
        np.random.set_state(numpy)
        if torch is not None:
            torch.set_rng_state(of_torch)
