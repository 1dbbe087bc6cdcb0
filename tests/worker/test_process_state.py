import decimal
import gc
import locale
import logging
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import warnings

import numpy as np
import pytest
import torch

from sweeper.worker.process_state import ProcessState, left_as_it_was


def chdir(tmp_path):
    os.chdir(tmp_path)


def remove_directory(tmp_path):
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()


def change_environment(tmp_path):
    os.environ["NEW"] = "1"
    os.environ["HOME"] = "/elsewhere"
    os.environ.pop("PATH")


def change_loggers(tmp_path):
    logging.getLogger().setLevel(7)
    logging.getLogger().addHandler(logging.NullHandler())
    logging.disable(logging.ERROR)


def change_warnings(tmp_path):
    warnings.simplefilter("error")
    warnings.showwarning = print


def change_decimals(tmp_path):
    decimal.getcontext().prec = 3


def change_numpy(tmp_path):
    np.seterr(all="raise")
    np.set_printoptions(precision=2)


def change_python(tmp_path):
    sys.argv.append("--more")
    sys.path.insert(0, str(tmp_path))
    sys.setrecursionlimit(sys.getrecursionlimit() + 100)
    sys.excepthook = sys.unraisablehook = sys.displayhook = threading.excepthook = print
    sys.setswitchinterval(0.5)
    gc.disable()
    gc.set_threshold(7, 7, 7)
    socket.setdefaulttimeout(3)
    os.umask(0o077)
    locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C")
    signal.signal(signal.SIGUSR1, print)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)


def change_start_method(tmp_path):
    multiprocessing.set_start_method("spawn", force=True)


def change_torch(tmp_path):
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.autograd.set_detect_anomaly(True)
    torch.set_float32_matmul_precision("medium")
    for of, name in TORCH_SWITCHES:
        setattr(of, name, not getattr(of, name))
    for kind in SDP_KINDS:
        getattr(torch.backends.cuda, f"enable_{kind}")(False)
    torch._C._set_mkldnn_enabled(False)
    torch.set_autocast_dtype("cpu", torch.float16)
    torch.set_autocast_dtype("cuda", torch.bfloat16)
    torch.set_flush_denormal(True)
    torch.set_printoptions(precision=1)


TORCH_SWITCHES = [
    *((torch.backends.cudnn, name) for name in ("benchmark", "deterministic", "allow_tf32")),
    (torch.backends.cuda.matmul, "allow_fp16_reduced_precision_reduction"),
    (torch.backends.cuda.matmul, "allow_bf16_reduced_precision_reduction"),
    (torch.utils.deterministic, "fill_uninitialized_memory"),
]
SDP_KINDS = ("flash_sdp", "mem_efficient_sdp", "math_sdp", "cudnn_sdp")


def seen():
    """All that is changed above, as anybody can read it."""
    logger = logging.getLogger()
    return {
        "directory": os.getcwd(),
        "environment": dict(os.environ),
        "logging": (logger.level, list(logger.handlers), logger.manager.disable),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "decimal": decimal.getcontext().prec,
        "numpy": (np.geterr(), np.get_printoptions()),
        "python": (list(sys.argv), list(sys.path), sys.getrecursionlimit()),
        "hooks": (
            sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook,
            sys.getswitchinterval(), gc.isenabled(), gc.get_threshold(),
        ),
        "sockets": socket.getdefaulttimeout(),
        "mask": os.umask(os.umask(0o022)),
        "locale": locale.setlocale(locale.LC_ALL),
        "signals": [signal.getsignal(n) for n in (signal.SIGUSR1, signal.SIGALRM)],
        "multiprocessing": multiprocessing.get_start_method(allow_none=True),
        "torch": (
            torch.get_default_dtype(), torch.get_default_device(), torch.empty(()).device,
            torch.are_deterministic_algorithms_enabled(), torch.is_anomaly_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.get_float32_matmul_precision(),
            [getattr(of, name) for of, name in TORCH_SWITCHES],
            [getattr(torch.backends.cuda, f"{kind}_enabled")() for kind in SDP_KINDS],
            torch.backends.mkldnn.enabled, str(torch.tensor(1 / 3, device="cpu")),
            [torch.get_autocast_dtype(kind) for kind in ("cpu", "cuda")],
            (torch.tensor(1e-40, dtype=torch.float32, device="cpu") * 1).item(),
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        *(chdir, remove_directory, change_environment, change_loggers, change_warnings),
        *(change_decimals, change_numpy, change_python, change_start_method, change_torch),
    ],
)
def test_what_is_changed_is_put_back(change, tmp_path):
    os.umask(0o022)
    before = seen()
    state = ProcessState()
    for _ in range(2):
        change(tmp_path)
        state.restore()
        assert seen() == before


def test_a_warning_that_was_turned_into_an_error_is_one_no_more():
    state = ProcessState()
    warnings.simplefilter("error", UserWarning)
    with pytest.raises(UserWarning, match="hear me"):
        warnings.warn("hear me", stacklevel=1)
    state.restore()
    with warnings.catch_warnings(record=True):
        warnings.warn("hear me", stacklevel=1)


def test_a_setting_that_this_torch_lacks_keeps_no_other_from_being_restored(monkeypatch):
    with monkeypatch.context() as patch:
        patch.delattr(torch, "is_anomaly_enabled")
        patch.delattr(torch, "_GLOBAL_DEVICE_CONTEXT")
        state = ProcessState()
        torch.set_default_dtype(torch.float64)
        torch.backends.cudnn.benchmark = True
        state.restore()
    assert torch.get_default_dtype() == torch.float32
    assert torch.backends.cudnn.benchmark is False


@pytest.mark.slow
def test_torch_that_is_loaded_later_is_put_back_to_what_it_was_then():
    code = """
        import sys
        from sweeper.worker.process_state import ProcessState
        state = ProcessState()
        assert "torch" not in sys.modules
        state.restore()
        assert "torch" not in sys.modules
        import torch
        torch.set_default_dtype(torch.float64)
        state.restore()
        print(torch.get_default_dtype())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert done.stdout == "torch.float32\n", done.stderr


def test_random_generators_go_on_as_if_nothing_had_drawn():
    def draw():
        return random.random(), np.random.random(), torch.rand(()).item()

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = [draw(), draw()]
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    drawn = [draw()]
    with left_as_it_was():
        random.seed(2), np.random.seed(2), torch.manual_seed(2)
    assert [*drawn, draw()] == expected
