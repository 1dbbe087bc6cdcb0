import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import sweeper
import sweeper.training.data
from sweeper.training.data import Digits, FashionMNIST
from sweeper.training.trainer import HPOTrainer
from sweeper.training.trial import trial_context

pytestmark = pytest.mark.usefixtures("one_thread")


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


@pytest.mark.slow
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
    with np.load(Path(sweeper.training.data.__file__).with_name("digits.npz")) as arrays:
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


@pytest.mark.slow
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
        ({"batch_size": 0}, "batch_size must be an int of at least 1, but got 0"),
        ({"batch_size": 16.0}, r"batch_size must be an int of at least 1, but got 16.0 \(float\)"),
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


@pytest.mark.slow
def test_no_file_of_the_test_set_is_opened_by_a_trial(tmp_path):
    code = """
        import sys
        opened = []
        sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)

        import sweeper
        from sweeper.training.trial import trial_context

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
