"""One Ray for all tests, and what the tests of several modules need."""

import gzip
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The long version of a test that has one."""
    parser.addoption("--kills", type=int, default=5, help="how often test_torture.py kills (5)")


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """A Ray of this test run's own, with more logical CPUs than the machine has."""
    import ray

    ray.init(address="local", num_cpus=8, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    """`sweeper.run` with two workers, quiet, in a folder of the test's own."""
    import sweeper

    defaults = {"num_workers": 2, "progress": False, "folder": tmp_path / "runs"}
    return lambda *arguments, **options: sweeper.run(*arguments, **(defaults | options))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread, so that results are the same to the last bit."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
