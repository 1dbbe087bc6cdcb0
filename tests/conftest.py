"""One Ray for all tests, and what the tests of several modules need."""

import gc
import gzip
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from heads import running_head
from hypothesis import HealthCheck, settings

DEBIAN = Path("/usr/share/datasets/fashion-mnist")

# A busy machine is slow, which is no fault of a property.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _same_path() -> Iterator[None]:
    """Files that a test has loaded, one named json.py among them, are found by no other test."""
    before = list(sys.path)
    yield
    sys.path[:] = before


def pytest_addoption(parser: pytest.Parser) -> None:
    """The long version of a test that has one."""
    parser.addoption("--kills", type=int, default=5, help="how often test_torture.py kills (5)")
    parser.addoption(
        "--churn",
        type=int,
        default=20,
        help="for how long nodes are killed (20 s)",
    )
    parser.addoption(
        "--hangs", action="store_true", help="stop and kill all of Ray's processes in test_hangs.py"
    )
    parser.addoption(
        "--autoscaler", action="store_true", help="let clusters grow in test_autoscaler.py"
    )


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests as `ray` or `lab` by their fixtures, and as `fast` what has no other mark."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else ()
        fixtures = set(getattr(item, "fixturenames", ())) - set(parameters)
        if {"cluster", "head", "addresses"} & fixtures:
            item.add_marker("lab")
        elif "ray_session" in fixtures:
            item.add_marker("ray")
        if not any(item.get_closest_marker(mark) for mark in ("ray", "lab", "slow")):
            item.add_marker("fast")


@pytest.fixture(scope="module", autouse=True)
def _little_garbage_to_look_through() -> None:
    """Sweeps in this process collect garbage after each trial: not among all that was imported."""
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Tests in another process at the same time must not join the Ray of a test here.

    Ctrl-C and the end of a terminal are heard by what the tests start, also where a shell runs them
    in the background or under `nohup`, which have them ignored.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if config.getoption("markexpr") == "fast":
        os.environ["RAY_TMPDIR"] = "/dev/null"  # no Ray can start there, also in other processes
        return
    if hasattr(config, "workerinput"):
        folder = f"/tmp/ray-{os.getuid()}-{config.workerinput['workerid']}"  # Ray wants short paths
        os.makedirs(folder, exist_ok=True)
        os.environ["RAY_TMPDIR"] = folder
        # The clusters of tests note there which one is the current one, and never take it back.
        Path(folder, "ray", "ray_current_cluster").unlink(missing_ok=True)


@pytest.fixture(scope="session", autouse=True)
def own_notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What sweeps of tests note of themselves goes where nobody keeps anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def few_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `XDG_CACHE_HOME` with the first 2,000 images of Fashion-MNIST's two parts."""
    from sweeper.training.fashion_mnist import fashion_mnist_arrays

    folder = tmp_path_factory.mktemp("cache")
    # Where it can't be had, those that train on it say so.
    with pytest.MonkeyPatch.context() as patch, suppress(FileNotFoundError):
        patch.setenv("XDG_CACHE_HOME", str(folder))
        fashion_mnist_arrays()
    for path in folder.rglob("*.npy"):
        np.save(path, np.load(path)[:2000])
    return folder


@pytest.fixture(scope="session")
def ray_session(few_images: Path) -> Iterator[str]:
    """The address of a Ray of this test run's own, with more CPUs than the machine has.

    Its workers train on `few_images`.
    """
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(few_images))
        ray.init(address="local", num_cpus=8, include_dashboard=False, log_to_driver=False)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    """`sweeper.run` with two workers, quiet, in a folder of the test's own."""
    return _run_with(num_workers=2, progress=False, folder=tmp_path / "runs")


@pytest.fixture
def run_inline(tmp_path: Path) -> Callable[..., Any]:
    """`sweeper.run` in the test's own process, quiet, in a folder of the test's own."""
    return _run_with(address="inline", progress=False, folder=tmp_path / "runs")


def _run_with(**defaults: Any) -> Callable[..., Any]:
    """`sweeper.run` with other defaults."""
    import sweeper

    return lambda *arguments, **options: sweeper.run(*arguments, **(defaults | options))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread, so that results are the same to the last bit."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on every machine: a trainer outside of a sweep uses a GPU if torch sees one."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A `ray.cluster_utils.Cluster` whose head has one CPU."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")  # while it is there, sweeps on this machine would join it
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A Ray with a dashboard and its own `home`, as on a cluster's head: its `url` and `port`.

    Ray clients are served at `client_port`. Its token is at `token`; a laptop needs it as
    `RAY_AUTH_TOKEN_PATH`.
    """
    with running_head(tmp_path_factory.mktemp("head")) as head:
        yield head


def raw_idx(file_name: str) -> np.ndarray:
    """The oracle: an IDX file read by hand."""
    content = gzip.decompress((DEBIAN / f"{file_name}.gz").read_bytes())
    sides = struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])
    return np.frombuffer(content[4 + 4 * content[3] :], np.uint8).reshape(sides)


@pytest.fixture(scope="session")
def raw() -> dict[str, np.ndarray]:
    """All arrays of Fashion-MNIST, read by hand."""
    return {
        "train_images": raw_idx("train-images-idx3-ubyte"),
        "train_labels": raw_idx("train-labels-idx1-ubyte"),
        "test_images": raw_idx("t10k-images-idx3-ubyte"),
        "test_labels": raw_idx("t10k-labels-idx1-ubyte"),
    }
