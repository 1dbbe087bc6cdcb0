import gzip
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from conftest import DEBIAN

import sweeper.training.fashion_mnist
from sweeper.training.data import FashionMNIST
from sweeper.training.fashion_mnist import fashion_mnist_arrays, local_arrays

NAMES = ("train_images", "train_labels", "test_images", "test_labels")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no source but what a test gives."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("SWEEPER_DATA", raising=False)
    monkeypatch.setattr(sweeper.training.fashion_mnist, "_DEBIAN", tmp_path / "no-debian")
    # As on a machine without a network: nothing listens on the discard port.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    yield tmp_path / "cache" / "sweeper"
    urllib.request.install_opener(None)  # urllib keeps the proxies of its first request for good


@pytest.fixture(params=["gzipped", "plain", "torchvision"])
def folder(request, tmp_path):
    """A folder with the small files of Fashion-MNIST, that is, those of labels."""
    folder = tmp_path / "data"
    raw_folder = folder / "FashionMNIST" / "raw" if request.param == "torchvision" else folder
    raw_folder.mkdir(parents=True)
    for source in DEBIAN.glob("*labels*"):
        shutil.copy(source, raw_folder)
        if request.param != "gzipped":
            subprocess.run(["gunzip", raw_folder / source.name], check=True)
    return folder


@pytest.mark.slow
def test_debian_files_become_arrays_in_the_cache(cache, raw, monkeypatch):
    monkeypatch.setattr(sweeper.training.fashion_mnist, "_DEBIAN", DEBIAN)
    arrays = fashion_mnist_arrays()
    assert tuple(arrays) == NAMES
    for name, array in arrays.items():
        assert isinstance(array, np.memmap)
        assert array.mode == "c"
        np.testing.assert_array_equal(array, raw[name])
    assert len(list(cache.glob("*.npy"))) == 4
    assert not list(cache.glob("*.unfinished"))


@pytest.mark.parametrize("way", ["root", "variable"])
def test_files_are_found_in_a_folder(cache, folder, raw, monkeypatch, way):
    if way == "variable":
        monkeypatch.setenv("SWEEPER_DATA", str(folder))
    root = folder if way == "root" else None
    arrays = fashion_mnist_arrays(root, ["train_labels", "test_labels"])
    np.testing.assert_array_equal(arrays["train_labels"], raw["train_labels"])
    np.testing.assert_array_equal(arrays["test_labels"], raw["test_labels"])


def test_what_is_prepared_is_written_once_and_serves_when_its_source_is_gone(cache, folder):
    first = fashion_mnist_arrays(folder, ["test_labels"])["test_labels"]
    (path,) = cache.glob("*.npy")
    written = path.stat().st_mtime_ns
    fashion_mnist_arrays(folder, ["test_labels"])
    assert path.stat().st_mtime_ns == written
    shutil.rmtree(folder)
    np.testing.assert_array_equal(fashion_mnist_arrays(None, ["test_labels"])["test_labels"], first)


def test_a_file_that_changed_is_not_served_from_the_cache(cache, tmp_path):
    shutil.copy(DEBIAN / "t10k-labels-idx1-ubyte.gz", tmp_path)
    fashion_mnist_arrays(tmp_path, ["test_labels"])
    content = gzip.decompress((tmp_path / "t10k-labels-idx1-ubyte.gz").read_bytes())
    with gzip.open(tmp_path / "t10k-labels-idx1-ubyte.gz", "wb") as file:
        file.write(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte.gz is broken or no part of Fas"):
        fashion_mnist_arrays(tmp_path, ["test_labels"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t10k-labels-idx1-ubyte", lambda c: c[:-1], "10,007 bytes with the MD5"),
        ("t10k-labels-idx1-ubyte", lambda c: c + b"\0", "10,009 bytes with the MD5"),
        ("t10k-labels-idx1-ubyte", lambda c: b"", "0 bytes with the MD5"),
        ("t10k-labels-idx1-ubyte", lambda c: b"\0\0\x0b" + c[3:], "no part of Fashion-MNIST"),
        ("t10k-labels-idx1-ubyte.gz", lambda c: gzip.compress(c)[:-100], "is broken: .*ended"),
        ("t10k-labels-idx1-ubyte.gz", lambda c: c, "is broken: Not a gzipped file"),
        ("t10k-labels-idx1-ubyte.gz", lambda c: gzip.compress(c)[:200] + b"??" * 999, "is broken"),
    ],
)
def test_a_broken_file_is_refused_and_leaves_nothing(cache, tmp_path, name, content, message):
    good = gzip.decompress((DEBIAN / "t10k-labels-idx1-ubyte.gz").read_bytes())
    (tmp_path / name).write_bytes(content(good))
    with pytest.raises(ValueError, match=message):
        fashion_mnist_arrays(tmp_path, ["test_labels"])
    assert not list(cache.glob("*.npy"))
    (tmp_path / name).unlink()
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(good)
    assert len(fashion_mnist_arrays(tmp_path, ["test_labels"])["test_labels"]) == 10_000


def test_where_there_is_nothing_all_places_and_the_way_out_are_listed(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("SWEEPER_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(FileNotFoundError) as raised:
        FashionMNIST(root=tmp_path / "nowhere")
    message = str(raised.value)
    lines = [line.strip() for line in message.splitlines()]
    places = ["root", "$SWEEPER_DATA", "Debian's package", "the cache", "download"]
    assert [line.split(":")[0] for line in lines[1:6]] == places
    assert str(tmp_path / "nowhere") in lines[1]
    assert str(tmp_path / "elsewhere") in lines[2]
    assert "apt-get install dataset-fashion-mnist" in message
    assert local_arrays() is None


def test_a_node_without_the_files_gets_them_from_the_driver(cache, raw, monkeypatch):
    calls = []

    def from_driver():
        calls.append(1)
        return raw

    monkeypatch.setattr(sweeper.training.fashion_mnist, "arrays_from_driver", from_driver)
    for _ in range(2):
        arrays = fashion_mnist_arrays(names=["train_labels", "test_images"])
        np.testing.assert_array_equal(arrays["train_labels"], raw["train_labels"])
        np.testing.assert_array_equal(arrays["test_images"], raw["test_images"])
    assert len(calls) == 2  # once for each array
    broken = raw | {"test_labels": raw["test_labels"][::-1]}
    monkeypatch.setattr(sweeper.training.fashion_mnist, "arrays_from_driver", lambda: broken)
    with pytest.raises(ValueError, match="test_labels of the sweep's driver is broken"):
        fashion_mnist_arrays(names=["test_labels"])


def test_local_arrays_are_what_another_node_needs_to_train(raw):
    arrays = local_arrays()
    assert arrays is not None
    assert arrays.keys() == {"train_images", "train_labels"}  # the test set is sealed
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], raw[name])


def test_processes_that_start_at_once_prepare_once(tmp_path):
    code = """
        from sweeper.training import fashion_mnist
        read = fashion_mnist._read_idx
        def told(name, source):
            print(name)
            return read(name, source)
        fashion_mnist._read_idx = told
        arrays = fashion_mnist.fashion_mnist_arrays(names=["train_images", "train_labels"])
        print(arrays["train_images"].sum())
    """
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    printed = [process.communicate()[0].split() for process in processes]
    assert all(process.returncode == 0 for process in processes)
    prepared = [word for words in printed for word in words[:-1]]
    assert sorted(prepared) == ["train_images", "train_labels"]
    assert len({words[-1] for words in printed}) == 1


def test_what_a_killed_process_left_is_written_anew(cache, folder):
    fashion_mnist_arrays(folder, ["test_labels"])
    (path,) = cache.glob("*.npy")
    path.rename(path.with_suffix(".unfinished"))
    path.with_suffix(".unfinished").write_bytes(b"half")
    assert len(fashion_mnist_arrays(folder, ["test_labels"])["test_labels"]) == 10_000


def test_a_cache_that_cannot_be_written_is_replaced_by_a_private_folder(
    cache, tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    arrays = fashion_mnist_arrays(DEBIAN, ["test_labels"])
    folder = tmp_path / f"sweeper-cache-{os.getuid()}"
    assert Path(arrays["test_labels"].filename).parent == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
