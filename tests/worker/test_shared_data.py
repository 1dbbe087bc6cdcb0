import os
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch

from sweeper.worker.shared_data import NodeCopy, pack


def sample() -> dict:
    return {
        "array": np.arange(1000, dtype=np.float64).reshape(10, 100),
        "fortran": np.asfortranarray(np.arange(12).reshape(3, 4)),
        "empty": np.zeros((0, 3)),
        "tensor": torch.arange(60, dtype=torch.float32).reshape(3, 4, 5),
        "transposed": torch.arange(6).reshape(2, 3).T,
        "scalar": torch.tensor(2.5),
        "bfloat16": torch.ones(5, dtype=torch.bfloat16),
        "grad": torch.ones(2, requires_grad=True),
        "frame": pd.DataFrame({"x": [1.0, 2.0], "name": ["a", "b"]}),
        "plain": [1, "two", (3.0, None)],
    }


def assert_same(left: dict, right: dict) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        other = right[name]
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, other), name
            assert (value.dtype, value.requires_grad) == (other.dtype, other.requires_grad)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, other)
        elif isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, other)
        else:
            assert value == other, name


@pytest.fixture
def node_copy(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    copies = []

    def make(data) -> NodeCopy:
        copies.append(NodeCopy(pack(data)))
        return copies[-1]

    yield make
    for copy in copies:
        copy.close()
    assert not list(tmp_path.rglob("*.data"))


def test_what_comes_out_is_what_went_in(node_copy):
    assert_same(sample(), node_copy(sample()).open())


@pytest.mark.parametrize("data", [None, 5, "text", np.float32(2), np.zeros(0), {}])
def test_small_and_empty_things(node_copy, data):
    np.testing.assert_equal(node_copy(data).open(), data)


def test_changes_in_place_stay_in_their_opening(node_copy):
    copy = node_copy(sample())
    first = copy.open()
    first["array"][:] = -1
    first["tensor"].zero_()
    first["bfloat16"].fill_(7)
    first["frame"].loc[0, "x"] = 99.0
    assert_same(sample(), copy.open())


def test_large_buffers_stay_outside_of_the_pickle():
    data = {"a": np.zeros(10**6), "b": torch.zeros(10**6), "c": pd.DataFrame({"x": np.ones(10**6)})}
    assert len(pack(data).structure) < 10_000


def test_the_last_holder_removes_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    packed = pack(np.ones(1000))
    first, second = NodeCopy(packed), NodeCopy(packed)
    first.close()
    assert len(list(tmp_path.rglob("*.data"))) == 1
    assert second.open().sum() == 1000
    second.close()
    assert not list(tmp_path.rglob("*.data"))


def test_what_a_killed_holder_left_is_removed_by_the_next(tmp_path, monkeypatch):
    code = """
        import os, numpy as np
        from sweeper.worker.shared_data import NodeCopy, pack
        copy = NodeCopy(pack(np.ones(1000)))
        os.kill(os.getpid(), 9)
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=environment)
    assert len(list(tmp_path.rglob("*.data"))) == 1
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    NodeCopy(pack(np.zeros(3))).close()
    assert not list(tmp_path.rglob("*.data"))


def test_what_cannot_be_pickled_is_refused_by_name():
    with pytest.raises(TypeError, match=r"data= must be picklable, but generator is not"):
        pack(x for x in range(3))
