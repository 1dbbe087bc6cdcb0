import gzip
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import sweeper
import sweeper.data
from sweeper.data import Digits, FashionMNIST, fashion_mnist_arrays, local_arrays
from sweeper.training import HPOTrainer, trial_context

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
NAMES = ("train_images", "train_labels", "test_images", "test_labels")


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def raw_idx(file_name):
    """The oracle: an IDX file read by hand."""
    content = gzip.decompress((DEBIAN / f"{file_name}.gz").read_bytes())
    sides = struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])
    return np.frombuffer(content[4 + 4 * content[3] :], np.uint8).reshape(sides)


@pytest.fixture(scope="session")
def raw():
    return {
        "train_images": raw_idx("train-images-idx3-ubyte"),
        "train_labels": raw_idx("train-labels-idx1-ubyte"),
        "test_images": raw_idx("t10k-images-idx3-ubyte"),
        "test_labels": raw_idx("t10k-labels-idx1-ubyte"),
    }


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no source but what a test gives."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("SWEEPER_DATA", raising=False)
    monkeypatch.setattr(sweeper.data, "_DEBIAN", tmp_path / "no-debian")
    # As on a machine without a network: nothing listens on the discard port.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    return tmp_path / "cache" / "sweeper"


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


def all_of(loader):
    X, y = zip(*loader, strict=True)
    return torch.cat(X), torch.cat(y)


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


# Sets


def test_fashion_mnist_has_every_sixth_image_of_a_class_for_validation(raw):
    seen = dict.fromkeys(range(10), 0)
    training, validation = [], []
    for row, label in enumerate(raw["train_labels"]):
        seen[label] += 1
        (validation if seen[label] % 6 == 0 else training).append(row)
    assert (len(training), len(validation)) == (50_000, 10_000)

    data = FashionMNIST(batch_size=1000)
    X, y = all_of(data.val_dataloader())
    np.testing.assert_array_equal((X[:, 0] * 255).round(), raw["train_images"][validation])
    np.testing.assert_array_equal(y, raw["train_labels"][validation])
    assert y.bincount().tolist() == [1000] * 10

    X, y = all_of(data.train_dataloader())
    assert y.bincount().tolist() == [5000] * 10
    handed_out = np.sort((X[:, 0] * 255).round().byte().numpy().reshape(-1, 784).view("V784"), 0)
    wanted = np.sort(raw["train_images"][training].reshape(-1, 784).view("V784"), 0)
    assert (handed_out == wanted).all()


def test_the_test_set_is_the_third_file(raw):
    X, y = all_of(FashionMNIST().test_dataloader())
    np.testing.assert_array_equal((X[:, 0] * 255).round(), raw["test_images"])
    np.testing.assert_array_equal(y, raw["test_labels"])


def test_digits_are_three_disjoint_sets_of_all_images():
    with np.load(Path(sweeper.data.__file__).with_name("digits.npz")) as arrays:
        images, labels = arrays["images"].reshape(-1, 64), arrays["labels"]
    # The number of images of each class, as the data set's own description has it.
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(labels).tolist() == counts

    data = Digits()
    loaders = [data.train_dataloader(), data.val_dataloader(), data.test_dataloader()]
    parts = [all_of(loader) for loader in loaders]
    rank = np.array([np.sum(labels[:i] == labels[i]) % 5 for i in range(len(labels))])
    for (X, y), chosen in zip(parts, (rank >= 2, rank == 1, rank == 0), strict=True):
        handed_out = np.column_stack([X.flatten(1) * 16, y])
        wanted = np.column_stack([images, labels])[chosen]
        np.testing.assert_array_equal(in_order(handed_out), in_order(wanted))
    for label, count in enumerate(counts):
        sizes = [int((y == label).sum()) for _, y in parts]
        assert sum(sizes) == count
        assert sizes[1:] == [(count + 3) // 5, (count + 4) // 5]


def in_order(rows):
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("module", [FashionMNIST, Digits])
def test_evaluation_batches_do_not_depend_on_the_batch_size(module):
    sizes = [[len(y) for _, y in module(batch_size=b).val_dataloader()] for b in (1, 1000)]
    assert sizes[0] == sizes[1]


# Batches


@pytest.mark.parametrize("batch_size", [1, 7, 64, np.int64(100), 5000])
def test_training_batches_are_a_permutation_with_a_smaller_last_one(batch_size):
    data = Digits(batch_size=batch_size)
    loader = data.train_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader) == -(-1071 // batch_size)
    assert {len(y) for _, y in batches[:-1]} <= {batch_size}
    assert sum(len(y) for _, y in batches) == 1071
    X, y = all_of(batches)
    assert X.shape == (1071, 1, 8, 8)
    assert (X.dtype, y.dtype) == (torch.float32, torch.int64)
    assert (X.min(), X.max()) == (0, 1)

    again = all_of(loader)[0]
    assert not torch.equal(again, X)
    assert torch.equal(again.flatten(1).sort(0).values, X.flatten(1).sort(0).values)


def test_torchs_seed_decides_on_the_order():
    loader = Digits().train_dataloader()

    def labels(seed):
        torch.manual_seed(seed)
        return all_of(loader)[1]

    assert torch.equal(labels(1), labels(1))
    assert not torch.equal(labels(1), labels(2))
    state = torch.get_rng_state()
    assert torch.equal(all_of(Digits().val_dataloader())[1], all_of(Digits().val_dataloader())[1])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("size", [(10, 14), (3, 20), [28, 28]])
def test_resize_is_a_smooth_interpolation(size):
    plain, _ = all_of(FashionMNIST().val_dataloader())
    X, _ = all_of(FashionMNIST(resize=size).val_dataloader())
    assert X.shape == (10_000, 1, *size)
    if tuple(size) == (28, 28):
        assert torch.equal(X, plain)
    expected = F.interpolate(plain[:99], tuple(size), mode="bilinear", antialias=True)
    torch.testing.assert_close(X[:99], expected.clamp(0, 1))


def test_a_batch_changed_in_place_changes_no_other():
    loader = Digits().val_dataloader()
    before = all_of(loader)[0]
    for X, y in loader:
        X.zero_()
        y.zero_()
    assert torch.equal(all_of(loader)[0], before)


def test_what_one_process_writes_to_the_images_no_other_sees():
    ours = FashionMNIST()
    before = ours._images[0].copy()
    code = """
        import sweeper
        images = sweeper.FashionMNIST()._images
        images[0] = 255 - images[0]
        print(int(images[0].sum()))
    """
    assert int(run_python(code)) == int((255 - before).sum())
    np.testing.assert_array_equal(ours._images[0], before)
    np.testing.assert_array_equal(FashionMNIST()._images[0], before)
    ours._images[0] = 0  # writable, in this process and object only
    np.testing.assert_array_equal(FashionMNIST()._images[0], before)


@pytest.mark.parametrize("module", [FashionMNIST, Digits])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an int >= 1, but got 0"),
        ({"batch_size": 16.0}, r"batch_size must be an int >= 1, but got 16.0 \(float\)"),
        ({"resize": 28}, r"resize must be \(height, width\), two ints >= 1, but got 28"),
        ({"batch_size": True, "resize": (0, 1)}, r"(?s)batch_size.*\nresize"),
    ],
)
def test_arguments_are_checked(module, arguments, message):
    with pytest.raises(ValueError, match=message):
        module(**arguments)


# The sealed test set


@pytest.mark.parametrize("module", [FashionMNIST, Digits])
def test_the_test_set_is_sealed_in_a_trial_and_handed_out_in_test_mode(module):
    data = module()
    assert all_of(data.val_dataloader())[1].shape != torch.Size([0])
    test = all_of(data.test_dataloader())[0]
    with trial_context(gpus=0) as trial:
        with pytest.raises(RuntimeError, match="sealed while a sweep runs"):
            data.test_dataloader()
        assert not torch.equal(all_of(data.val_dataloader())[0], test)
        assert not trial.test_set_read
    with trial_context(gpus=0, test=True) as trial:
        data.train_dataloader()
        assert not trial.test_set_read
        assert torch.equal(all_of(data.val_dataloader())[0], test)
        assert trial.test_set_read
    with trial_context(gpus=0, test=True) as trial:
        trainer = HPOTrainer(max_epochs=0)
        trainer.fit(sweeper.SoftmaxRegression(), data)
        assert torch.equal(all_of(trainer.val_dataloader)[0], test)
        assert trial.test_set_read


def test_no_file_of_the_test_set_is_opened_by_a_trial(tmp_path):
    code = """
        import sys
        opened = []
        sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)

        import sweeper
        from sweeper.training import trial_context

        def train(**fields):
            opened.clear()
            with trial_context(gpus=0, **fields):
                data = sweeper.FashionMNIST(batch_size=500)
                trainer = sweeper.HPOTrainer(max_epochs=1)
                trainer.fit(sweeper.SoftmaxRegression(), data)
                trainer.validation_error()
            words = ("train_images", "t10k", "test_images")
            print(*(any(word in str(path) for path in opened) for word in words))

        train()
        train(test=True)
    """
    # The cache is empty at first, so that the original files are opened too.
    for_trial, for_test = run_python(code, XDG_CACHE_HOME=str(tmp_path)).splitlines()
    assert for_trial == "True False False"
    assert for_test == "True True True"


# Where Fashion-MNIST comes from


def test_debian_files_become_arrays_in_the_cache(cache, raw, monkeypatch):
    monkeypatch.setattr(sweeper.data, "_DEBIAN", DEBIAN)
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

    monkeypatch.setattr(sweeper.data, "arrays_from_driver", from_driver)
    for _ in range(2):
        arrays = fashion_mnist_arrays(names=["train_labels", "test_images"])
        np.testing.assert_array_equal(arrays["train_labels"], raw["train_labels"])
        np.testing.assert_array_equal(arrays["test_images"], raw["test_images"])
    assert len(calls) == 2  # once for each array
    broken = raw | {"test_labels": raw["test_labels"][::-1]}
    monkeypatch.setattr(sweeper.data, "arrays_from_driver", lambda: broken)
    with pytest.raises(ValueError, match="test_labels of the sweep's driver is broken"):
        fashion_mnist_arrays(names=["test_labels"])


def test_local_arrays_are_what_another_node_needs(raw):
    arrays = local_arrays()
    assert arrays is not None
    for name in NAMES:
        np.testing.assert_array_equal(arrays[name], raw[name])


def test_processes_that_start_at_once_prepare_once(tmp_path):
    code = """
        import os, sweeper.data
        read = sweeper.data._read_idx
        def told(name, source):
            print(name)
            return read(name, source)
        sweeper.data._read_idx = told
        arrays = sweeper.data.fashion_mnist_arrays(names=["train_images", "train_labels"])
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


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_temporary_folder_of_somebody_else_is_refused(cache, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = tmp_path / f"sweeper-cache-{os.getuid()}"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(PermissionError, match=r"is somebody else's. Set XDG_CACHE_HOME"):
        fashion_mnist_arrays(DEBIAN, ["test_labels"])
