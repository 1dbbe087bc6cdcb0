import functools
import json
import math
import os
import random
import resource
import subprocess
import sys
import textwrap
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import mutated, row, sweep

from sweeper.record import journal
from sweeper.record.journal import Journal, decode, encode, read
from sweeper.record.lines import thinned
from sweeper.record.results import load
from sweeper.search.asha import ASHA
from sweeper.terminal import MOST_KEPT

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("$float"), inner),
    max_leaves=20,
)


def same(left, right) -> bool:
    """Equality in which NaN equals itself, 1 differs from 1.0 and -0.0 from 0.0."""
    return repr(left) == repr(right)


@given(PLAIN)
def test_what_is_read_is_what_was_written(value):
    text = json.dumps(encode(value), allow_nan=False)
    assert same(decode(json.loads(text)), value)


@pytest.mark.slow
@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.dictionaries(st.text(), PLAIN, max_size=3), st.floats(), st.text()),
        max_size=5,
    )
)
def test_rows_survive(tmp_path_factory, parts):
    folder = sweep(tmp_path_factory.mktemp("sweep"))
    rows = [
        row(i, config=config, value=error, exception=text, curve=[[1, error, 0.5]])
        for i, (config, error, text) in enumerate(parts)
    ]
    writer = Journal(folder)
    for one in rows:
        writer.append(one)
    writer.close()
    record = read(folder)
    assert same(record.rows, rows)
    assert record.unreadable == []


def test_tuples_become_lists():
    assert encode({"a": (1, (2,))}) == {"a": [1, [2]]}


def test_the_file_is_strict_json_even_with_nan(tmp_path):
    writer = Journal(sweep(tmp_path))
    writer.append(row(value=math.nan, status="diverged"))
    writer.close()

    def refuse(constant):
        raise AssertionError(constant)

    json.loads((tmp_path / "trials.jsonl").read_text(), parse_constant=refuse)
    assert math.isnan(read(tmp_path).rows[0].value)


def test_a_line_cut_short_anywhere_is_set_aside_and_named(tmp_path):
    writer = Journal(sweep(tmp_path))
    for trial in range(3):
        writer.append(row(trial, exception="Füße ✂"))
    writer.close()
    path = tmp_path / "trials.jsonl"
    whole = path.read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        record = read(tmp_path)
        assert [r.trial for r in record.rows] == [0, 1]
        assert len(record.unreadable) == (end > start)
        assert all("trials.jsonl:3: cut short" in line for line in record.unreadable)


def test_writing_goes_on_after_a_line_cut_short(tmp_path):
    writer = Journal(sweep(tmp_path))
    writer.append(row(0))
    writer.close()
    with open(tmp_path / "trials.jsonl", "a") as file:
        file.write('{"trial": 1, "repl')
    writer = Journal(tmp_path)
    writer.append(row(2))
    writer.close()
    record = read(tmp_path)
    assert [r.trial for r in record.rows] == [0, 2]
    assert len(record.unreadable) == 1


def test_the_first_row_wins_unless_it_was_no_end(tmp_path):
    writer = Journal(sweep(tmp_path))
    for status, error in (("interrupted", None), ("finished", 0.3), ("finished", 0.1)):
        writer.append(row(0, status=status, value=error))
    writer.close()
    assert [r.value for r in read(tmp_path).rows] == [0.3]


def test_a_second_process_is_kept_out_until_the_first_dies(tmp_path):
    sweep(tmp_path)
    code = """
        import sys, time
        from pathlib import Path
        from sweeper.record.journal import Journal
        journal = Journal(Path(sys.argv[1]))
        print("locked", flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(BlockingIOError, match="another process is running this sweep"):
            Journal(tmp_path)
        other.kill()
        other.wait()
        Journal(tmp_path).close()


def test_a_full_disk_is_an_error_with_the_path(tmp_path):
    """A file size limit fails a write in the middle as a full disk does."""
    sweep(tmp_path)
    code = """
        import resource, signal, sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[2])
        from made_records import row
        from sweeper.record.journal import Journal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        writer = Journal(Path(sys.argv[1]))
        writer.append(row(0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
        try:
            for trial in range(1, 10):
                writer.append(row(trial))
        except OSError as error:
            print(error)
    """
    arguments = [str(tmp_path), str(Path(__file__).parent.parent)]
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "trials.jsonl" in done.stdout, done.stderr
    record = read(tmp_path)
    assert [r.trial for r in record.rows] == list(range(len(record.rows)))
    assert record.rows
    assert resource.getrlimit(resource.RLIMIT_FSIZE) != (700, 700)


@pytest.mark.skipif(os.getuid() != 0, reason="another user needs root")
def test_a_folder_without_write_permission_is_an_error_with_the_path(tmp_path):
    sweep(tmp_path)
    tmp_path.chmod(0o755)
    code = """
        import os, sys
        from pathlib import Path
        from sweeper.record.journal import Journal
        os.setgid(65534), os.setuid(65534)
        try:
            Journal(Path(sys.argv[1]))
        except PermissionError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Permission denied: " in done.stdout, done.stderr
    assert "trials.jsonl" in done.stdout


def test_a_folder_removed_in_the_middle_is_an_error(tmp_path):
    folder = tmp_path / "sweep"
    folder.mkdir()
    writer = Journal(sweep(folder))
    writer.append(row(0))
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(OSError, match=r"trials\.jsonl: .*folder was removed"):
        writer.append(row(1))


def test_a_file_system_that_fails_once_more_at_the_end_harms_nothing(tmp_path):
    writer = Journal(sweep(tmp_path))
    writer.append(row(0))
    os.close(writer._file)  # so closing fails
    writer.close()
    assert len(read(tmp_path).rows) == 1


def test_no_sweep_here(tmp_path):
    with pytest.raises(FileNotFoundError, match="no sweep here"):
        read(tmp_path / "nothing")


def test_a_newer_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match="newer than this sweeper reads"):
        read(sweep(tmp_path, format=journal.FORMAT + 1))


@pytest.mark.parametrize("name", ["config_space", "seed", "versions", "num_trials"])
def test_a_field_of_sweep_json_of_a_wrong_type_is_named(tmp_path, name):
    with pytest.raises(ValueError, match=rf"damaged, \['{name}'\] are missing or of a wrong type"):
        read(sweep(tmp_path, **{name: None}))


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"format": "1"}', "\xff", "[" * 100_000])
def test_a_damaged_sweep_json_is_named(tmp_path, text):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(ValueError, match=r"sweep\.json: damaged"):
        read(tmp_path)


@pytest.mark.slow
def test_mutated_records_are_read_or_refused_cleanly(tmp_path):
    """10,000 random mutations of both files; nothing but what the docstring of `read` says."""
    writer = Journal(sweep(tmp_path, config_space={"lr": "uniform(0, 1)"}))
    for trial in range(3):
        writer.append(row(trial, value=math.inf if trial == 1 else 0.25))
    writer.close()
    files = [tmp_path / "sweep.json", tmp_path / "trials.jsonl"]
    originals = [path.read_bytes() for path in files]
    rng = random.Random(0)
    refused = 0
    for i in range(10_000):
        path, original = files[i % 2], originals[i % 2]
        path.write_bytes(mutated(original, rng))
        try:
            record = read(tmp_path)
        except ValueError as error:
            refused += "sweep.json" in str(error)
        else:
            assert all(isinstance(r.trial, int) for r in record.rows)
        path.write_bytes(original)
    assert 0 < refused < 5_000


HUGE = int("9" * 400)


@pytest.mark.parametrize(
    "columns",
    [
        {"value": HUGE},
        {"start_s": -HUGE},
        {"runtime_s": HUGE},
        {"metrics": {"accuracy": HUGE}},
        {"curve": [[1.5, 0.5, 0.1]]},
        {"curve": [[1, HUGE, 0.1]]},
        {"curve": [[1, 0.5, HUGE]]},
        {"curve": [[1, 0.5, 0.1, {"accuracy": HUGE}]]},
        {"epochs": HUGE},
        {"seed": HUGE},
        {"seed": True},
        {"config": {"deep": functools.reduce(lambda inner, _: [inner], range(100), 1)}},
    ],
)
def test_a_row_that_can_be_none_is_set_aside_and_named(tmp_path, columns):
    writer = Journal(sweep(tmp_path))
    writer.append(row(0), row(1, **columns), row(2))
    writer.close()
    record = read(tmp_path)
    assert [r.trial for r in record.rows] == [0, 2]
    assert len(record.unreadable) == 1
    assert "trials.jsonl:2: damaged" in record.unreadable[0]
    assert load(tmp_path).frame["trial"].tolist() == [0, 2]


def test_the_largest_numbers_that_fit_are_kept(tmp_path):
    largest = int(sys.float_info.max)
    writer = Journal(sweep(tmp_path, config_space={"n": "[1]"}))
    writer.append(row(0, value=largest, curve=[[1, -largest, 0.1]], config={"n": HUGE}))
    writer.close()
    results = load(tmp_path)
    assert results.best_value == sys.float_info.max
    assert results.curves["validation_error"].tolist() == [-sys.float_info.max]
    assert results.frame["n"].tolist() == [HUGE]


def test_long_texts_and_half_characters_of_a_row_are_mended(tmp_path):
    writer = Journal(sweep(tmp_path))
    writer.append(row(0, status="failed", exception="a" + "x" * 10**6 + "z", node="\udc80"))
    writer.close()
    (found,) = read(tmp_path).rows
    assert found.exception.startswith("ax")
    assert found.exception.endswith("xz")
    assert len(found.exception) < MOST_KEPT + 100
    assert found.node == "?"


@pytest.mark.parametrize("name", ["num_trials", "replicates", "seed"])
@pytest.mark.parametrize("value", [HUGE, -1])
def test_a_count_of_sweep_json_that_can_be_none_is_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=rf"damaged, \['{name}'\] are missing or of a wrong type"):
        read(sweep(tmp_path, **{name: value}))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"config_space": {str(i): "1" for i in range(1001)}}, "more than 1,000 hyperparameters"),
        ({"versions": functools.reduce(lambda inner, _: [inner], range(400), {})}, "damaged"),
    ],
)
def test_a_record_larger_than_any_sweep_is_refused(tmp_path, fields, told):
    with pytest.raises(ValueError, match=told):
        read(sweep(tmp_path, **fields))


@pytest.mark.slow
def test_a_line_or_file_larger_than_any_row_or_sweep_costs_little(tmp_path):
    folder = sweep(tmp_path)
    with open(folder / "trials.jsonl", "wb") as file:
        file.write(b"[" * 40_000_000 + b"\n" + b"\n" * 100_000)
    with closing(Journal(folder)) as writer:
        writer.append(row(0))
    tracemalloc.start()
    record = read(folder)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [one.trial for one in record.rows] == [0]
    assert record.unreadable[0].endswith(f"trials.jsonl:1: too long: {'[' * 60!r}")
    assert record.unreadable[-1].endswith("trials.jsonl: 99,001 more lines")
    assert most < 60_000_000
    os.truncate(folder / "trials.jsonl", (1 << 30) + 1)  # which takes no place on the disk
    with pytest.raises(ValueError, match=r"trials\.jsonl: has more than 1,073,741,824 bytes"):
        read(folder)
    os.truncate(folder / "sweep.json", 16_000_001)
    with pytest.raises(ValueError, match=r"sweep\.json: has more than 16,000,000 bytes"):
        read(folder)


def test_a_curve_too_long_for_a_line_is_thinned_and_read_back(tmp_path):
    others = {f"{'a long name ' * 12}{i}": i / 3 for i in range(20)}
    long = row(0, epochs=3_000, curve=[[n, 1 / n, n / 10, others] for n in range(1, 3_001)])
    few, rung = thinned(long, ASHA(1, 3).is_rung), {1, 3, 9, 27, 81, 243, 729, 2187}
    epochs = [point[0] for point in few.curve]
    assert rung | {3_000} <= set(epochs)
    assert all(epoch in rung or epoch % 2 == 0 for epoch in epochs)
    assert 1_000 < len(epochs) < 1_600
    assert all(point in long.curve for point in few.curve)
    writer = Journal(sweep(tmp_path))
    writer.append(few)
    writer.close()
    assert read(tmp_path).rows == [few]
    short = row(0, curve=[[1, 0.5, 0.1]])
    assert thinned(short, lambda epoch: False) is short
