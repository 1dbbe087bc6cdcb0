"""Numbers by their names, in all that scripts print."""

import contextlib
import io
import itertools
import json
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from sweeper.worker.printed_metrics import PrintedMetrics, groups, names_in


def read(text: str, metric: str = "val_acc", also=(), pattern: str | None = None) -> list[dict]:
    """The points of a text that is printed at once."""
    compiled = None if pattern is None else re.compile(pattern)
    return list(PrintedMetrics(metric, also, compiled).feed(text.encode(), last=True))


def values(text: str, metric: str = "val_acc", pattern: str | None = None) -> list[float]:
    return [point[metric] for point in read(text, metric, pattern=pattern)]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("val_acc: 0.91", 0.91),
        ("val_acc=0.91", 0.91),
        ("val_acc = 0.91", 0.91),
        ("epoch 3 val_acc 0.91 after 12 s", 0.91),
        ("Epoch 3/20 - 4s - loss: 0.3 - val_acc: 0.91", 0.91),
        ("[INFO] 2026-01-31 12:00:00,123 val_acc -> 0.91", 0.91),
        ("| val_acc | 0.91 |", 0.91),
        ("│  val_acc  │  0.91  │", 0.91),
        ("val_acc is 0.91.", 0.91),
        ("a val_acc of 0.91, the best", 0.91),
        ("val_acc\t0.91", 0.91),
        ("(val_acc: 0.91)", 0.91),
        ("val_acc: 0.91±0.02", 0.91),
        ("val_acc: 0.91 (0.88)", 0.91),
        ("val_acc=1,loss=2", 1),
        ("val_acc 91.2%", 91.2),  # as it is printed
        ("val_acc: .5", 0.5),
        ("val_acc: 5.", 5),
        ("val_acc: -3", -3),
        ("val_acc: +3", 3),
        ("val_acc: 1e-3", 1e-3),
        ("val_acc: 1.5E+02", 150),
        ("val_acc: 1,234.5", 1234.5),
        ("val_acc: 1e400", math.inf),
        ("val_acc: inf", math.inf),
        ("val_acc: -Infinity", -math.inf),
        ('{"val_acc": 0.91, "epoch": 3}', 0.91),
        ('{"note": "val_acc: 0.5 is low", "val_acc": 0.91}', 0.91),
        ('{"val_acc": "0.91"}', 0.91),
        ('  {"val_acc": 1}\r', 1),
        ("{'val_acc': 0.91, 'epoch': 3.0}", 0.91),
        ('INFO {"val_acc": 0.91}', 0.91),
        ("\x1b[1;32mval_acc\x1b[0m: \x1b[38;5;12m0.91\x1b[0m", 0.91),
        ("\x1b]0;my title\x07val_acc 0.91", 0.91),
        ("val_acc: 0.1\rval_acc: 0.91", 0.91),
        ("val_acc: 0.91\r", 0.91),
        ("val_acc: 0.1\b\b\b0.91", None),  # what is drawn over doesn't count
    ],
)
def test_a_number_by_its_name(line, number):
    assert values(line) == ([] if number is None else [number])


@pytest.mark.parametrize(
    "line",
    [
        *("my_val_acc: 3", "val_acc_top5: 3", "val_acc2 3", "xval_acc 3", "val/val_acc 3"),
        *("val-val_acc 3", "val_acc-top5 3", "val_acc/top5 3", "top.val_acc: 3", "Val_Acc: 3"),
        *("val_acc", "val_acc:", "val_acc: none", "val_acc: nano", "val_acc: 3rd", "val_acc: 0.9s"),
        *("val_acc 3/10", "val_acc 12:30", "val_acc 1.2.3", "val_acc: 0,91", "val_acc: 1_000"),
        *("val_acc: [0.1, 0.2]", "val_acc went up 0.1", "val_acc\n0.91", '{"val_acc": null}'),
        *('{"val_acc": true}', '{"val_acc": [1]}', '{"val_acc": {"top": 1}}', "{" * 99_999),
    ],
)
def test_what_is_no_such_number(line):
    assert values(line) == []


def test_nan_is_a_number_of_its_own():
    for line in ("val_acc: nan", "val_acc=NaN", '{"val_acc": NaN}', "val_acc: -nan"):
        (number,) = values(line)
        assert math.isnan(number)


@pytest.mark.parametrize(
    "name", ["val/acc", "Acc@1", "acc (top 1)", "R²", "val acc", "a.b-c", "$x"]
)
@pytest.mark.parametrize("form", ["{}: 3", "{}=3", "lr 7 {} 3 7", '{{"{}": 3}}', "'{}': 3"])
def test_names_may_have_any_letters(name, form):
    assert values(form.format(name), name) == [3]
    assert values(form.format(f"x{name}"), name) == []


def test_nested_json():
    line = json.dumps({"val": {"acc": 0.5, "top": {"5": 0.9}}, "acc": 7})
    assert (values(line, "val/acc"), values(line, "val/top/5"), values(line, "acc")) == (
        *([0.5], [0.9], [7]),
    )


def test_values_as_libraries_print_them():
    for value in (torch.tensor(0.5), np.float64(0.5), np.float32(0.5), 0.5):
        for line in (f"val_acc: {value}", f"val_acc {value!r}", str({"x": 1, "val_acc": value})):
            assert values(line) == [0.5], line
    assert values(f"val_acc {torch.tensor(0.5, requires_grad=True)!r}") == [0.5]
    assert values(f"loss {np.float32(1e-10)!r} val_acc {np.float64(1e-10)!r}") == [1e-10]


@given(st.floats())
@pytest.mark.parametrize("form", ["a {!r} b", "a={!r},b=1", "a: {!r};", "{{'a': {!r}}}"])
def test_every_float_is_read_back_exactly(form, number):
    (found,) = values(form.format(number), "a")
    assert found == number or (math.isnan(found) and math.isnan(number))


TEXT = "".join(
    f'\x1b[1mepoch\x1b[0m {e} é val_acc {e / 7} loss={1 / (e + 1)}\r\n{{"val_acc": {e}}}\n'
    f"train_loss {e}\n 10% val_acc 1\r100% val_acc {e + 0.5} lr 3" + "\n" * (e % 3)
    for e in range(9)
)


@given(st.lists(st.integers(0, len(TEXT.encode())), max_size=20))
def test_however_the_output_is_cut_the_points_are_the_same(cuts):
    whole = read(TEXT, also=["loss", "train_loss", "lr"])
    places = [0, *sorted(cuts), len(TEXT.encode())]
    metrics = PrintedMetrics("val_acc", ["loss", "train_loss", "lr"])
    pieces = [TEXT.encode()[i:j] for i, j in itertools.pairwise(places)]
    found = [point for piece in pieces for point in metrics.feed(piece)]
    assert found + list(metrics.feed(b"", last=True)) == whole
    assert metrics.num_points == len(whole) > 20


def test_others_belong_to_the_point_of_their_line_or_the_next_one():
    text = "loss 5\nloss 4 acc 1 lr 3\nlr 2\nacc 2\nacc 3 loss 3 acc 4 loss 2\nloss 1\n"
    assert read(text, "acc", ["loss", "lr"]) == [
        {"acc": 1, "loss": 4, "lr": 3},
        {"acc": 2, "lr": 2},
        {"acc": 3, "loss": 3},  # what follows, say of the best so far, is no other epoch
    ]


def test_a_point_comes_as_soon_as_its_line_ends():
    metrics = PrintedMetrics("acc")
    assert list(metrics.feed(b"acc 0.")) == []
    assert list(metrics.feed(b"91 x\nacc 1")) == [{"acc": 0.91}]
    assert list(metrics.feed(b"2\n")) == [{"acc": 12}]


def test_of_a_progress_bar_what_is_left_in_the_end():
    shown = io.StringIO()
    with contextlib.redirect_stderr(shown):
        for epoch in range(3):
            bar = tqdm(range(50), desc=f"epoch {epoch}", mininterval=0, file=shown)
            for batch in bar:
                bar.set_postfix(acc=epoch + batch / 100)
            tqdm.write(f"val_acc {epoch}", file=shown)
    assert shown.getvalue().count("acc=") > 100
    assert values(shown.getvalue()) == [0, 1, 2]
    assert values(shown.getvalue(), "acc") == [0.49, 1.49, 2.49]


def test_bars_that_never_end_a_line_take_no_memory():
    metrics = PrintedMetrics("acc")
    for step in range(20_000):
        assert list(metrics.feed(f"{step}% {'█' * 50} acc={step}\r".encode())) == []
        assert len(metrics._rest) < 1 << 17
    assert list(metrics.feed(b"", last=True)) == [{"acc": 19_999}]


def test_a_pattern_with_one_group():
    assert values("Top1 91.2% Top5 99\nTop1 n/a", "acc", r"Top1 (\S+)") == [91.2]
    assert values("acc: 3\n[4]", "acc", r"\[(\d+)\]") == [4]


def test_a_pattern_with_named_groups_leaves_the_others_to_their_names():
    pattern = r"<(?P<val_acc>\S+) (?P<train_loss>\S+)>|<only (?P<top_5>\S+) >"
    found = read("<1 2> lr 3\n<only 5 ><6 x>", "val/acc", ["train_loss", "top 5", "lr"], pattern)
    assert found == [{"val/acc": 1, "train_loss": 2, "lr": 3}, {"val/acc": 6, "top 5": 5}]
    assert read("acc 1 <2>", "acc", ["b"], r"<(?P<b>\d)>") == [{"acc": 1, "b": 2}]


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("acc", "must have one group, the metric's number, or named ones, but has 0"),
        ("(a)(b)", r"but has 2. Write \(\?:…\) for groups"),
        ("(?P<x>a)", r"has groups \['x'\], which are neither the metric nor in also; those are"),
    ],
)
def test_patterns_that_find_nothing_known(pattern, fault):
    with pytest.raises(ValueError, match=fault):
        groups(re.compile(pattern), ["acc", "b"])


def test_names_that_are_there_are_told():
    lines = ["epoch 3: val_loss 0.3, took 5 s", '{"Val_Acc": 1}', "nothing"]
    assert names_in(lines) == ["Val_Acc", "epoch", "val_loss", "took"]


def test_the_last_lines_as_they_are_read():
    metrics = PrintedMetrics("acc")
    list(
        metrics.feed(
            b"".join(b"\x1b[1m%d\x1b[0m\r\n\n" % i for i in range(100)) + b"x" * 9999 + b"\n"
        )
    )
    assert list(metrics.last_lines)[:-1] == [str(i) for i in range(81, 100)]
    assert len(metrics.last_lines[-1]) == 500


@pytest.mark.parametrize(
    "text",
    [
        "Epoch 1/3 - train accuracy: 91.0% - val accuracy: 70.7%",
        "Train accuracy 0.9\nValidation accuracy 0.7",
        "Validation accuracy 0.7\nTest accuracy 0.9",
        "train accuracy 0.9\naccuracy 0.7",
    ],
)
def test_numbers_of_two_parts_of_the_data_are_not_mixed(text):
    with pytest.raises(ValueError, match=r"more than one accuracy: '.+' and '.+'"):
        read(text, "accuracy")


@pytest.mark.parametrize(
    ("text", "metric", "found"),
    [
        ("train accuracy: 0.9 - val accuracy: 0.7", "val accuracy", [0.7]),
        ("Train accuracy: 0.9 - Val accuracy: 0.7", "Train accuracy", [0.9]),
        ("accuracy 0.7, best accuracy 0.8", "accuracy", [0.7]),
        ("accuracy 0.7\ntest accuracy 0.8\naccuracy 0.75", "accuracy", [0.7, 0.75]),
        ("val accuracy 0.7\nVal accuracy 0.8", "accuracy", [0.7, 0.8]),
        ("pretrain accuracy 0.7\naccuracy 0.8", "accuracy", [0.7, 0.8]),
    ],
)
def test_the_part_that_is_named_counts_or_else_the_only_one(text, metric, found):
    assert values(text, metric) == found


def test_names_of_two_words_are_seen():
    lines = ["Epoch 1/3 - loss: 0.3 - train accuracy: 91% - Val accuracy: 70% (best: 71%)"]
    assert names_in(lines) == ["loss", "train accuracy", "Val accuracy", "best"]
