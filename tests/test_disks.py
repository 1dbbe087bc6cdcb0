"""A disk that is full, read-only, gone, moved or out of reach, before a sweep and while it runs."""

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

import sweeper
from sweeper.cli.main import main
from sweeper.worker.output import OutputFile

pytestmark = pytest.mark.slow

SPACE = {"x": stats.uniform(0, 1), "long": ["x" * 5000]}  # a file has the rest of its last block
NOWHERE = "127.0.0.1:1"  # an address that only who comes to connect finds wrong
TIMED = ["start_s", "runtime_s", "worker", "node"]


def square(config):
    return config["x"] ** 2


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=False)


def fill(disk: Path) -> None:
    with open(disk / "full", "wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(disk).free == 0


def run(objective=square, num_trials: int = 6, **options) -> sweeper.Results:
    options = {"address": "inline", "progress": False, "name": "s"} | options
    return sweeper.run(objective, SPACE, sweeper.RandomSearch(num_trials), **options)


def goes_on(folder: Path) -> None:
    """The sweep in it goes on, and ends with the table of one that nothing has happened to."""
    undisturbed = run(folder=folder / "undisturbed")
    there = [row for row in sweeper.load(folder / "s").rows if row.status == "finished"]
    assert 2 <= len(there) < 6
    again = run(folder=folder, resume=True)
    pd.testing.assert_frame_equal(
        again.frame.drop(columns=TIMED), undisturbed.frame.drop(columns=TIMED)
    )


def at_third(happens) -> object:
    """The objective, beside whose third trial something happens to the disk."""
    calls = []

    def objective(config):
        calls.append(config)
        if len(calls) == 3:
            happens()
        return square(config)

    return objective


def told(folder: Path, objective=square, **options) -> OSError:
    """What the sweep raises: one exception, which nobody has to search for its reason."""
    with pytest.raises(OSError, match="can't be written") as raised:
        run(objective, folder=folder, **options)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return raised.value


def test_a_disk_that_fills_up_ends_the_sweep_which_goes_on_with_room(disk):
    error = told(disk, at_third(lambda: fill(disk)))
    assert error.errno == errno.ENOSPC
    assert str(error) == (
        f"{disk}/s/trials.jsonl: can't be written: No space left on device. Make room. "
        "Go on with sweeper.run(…, name='s', resume=True)."
    )
    assert (disk / "s" / "trials.jsonl").read_bytes().endswith(b"\n")  # nothing half
    assert str(told(disk, resume=True)).startswith(f"{disk}/s: can't be")  # still full
    (disk / "full").unlink()
    goes_on(disk)


@pytest.mark.parametrize("fault", [errno.EIO, errno.ENOTCONN, errno.ESTALE, errno.EDQUOT])
def test_a_file_system_that_fails_ends_the_sweep_which_goes_on_afterwards(
    tmp_path, monkeypatch, fault
):
    def fails():
        def fsync(descriptor):
            raise OSError(fault, os.strerror(fault))

        monkeypatch.setattr(os, "fsync", fsync)

    error = told(tmp_path, at_third(fails))
    assert error.errno == fault
    assert f"{tmp_path}/s/trials.jsonl: can't be written: {os.strerror(fault)}." in str(error)
    assert "quota" in str(error) if fault == errno.EDQUOT else "file system" in str(error)
    monkeypatch.undo()
    goes_on(tmp_path)


def test_a_folder_that_is_moved_loses_nothing(tmp_path):
    error = told(tmp_path, at_third(lambda: (tmp_path / "s").rename(tmp_path / "away")))
    assert "its folder was moved, or its file system unmounted. Put it back. Go on " in str(error)
    assert not (tmp_path / "s").exists()
    (tmp_path / "away").rename(tmp_path / "s")
    assert sweeper.load(tmp_path / "s").statuses() == "3 finished"
    goes_on(tmp_path)


def test_a_disk_that_is_unmounted_is_told(disk):
    unmount = ["umount", "--lazy", str(disk)]
    error = told(disk, at_third(lambda: subprocess.run(unmount, check=True)))
    assert f"{disk}/s/trials.jsonl: can't be written: its folder was moved, or its " in str(error)


def test_a_folder_that_is_removed_is_not_made_again_by_a_trial(tmp_path):
    def objective(config):
        shutil.rmtree(tmp_path / "s", ignore_errors=True)
        sweeper.current_trial().folder.joinpath("model").touch()
        return 0.5

    error = told(tmp_path, objective)
    assert str(error) == (
        f"{tmp_path}/s/trials.jsonl: can't be written: the sweep's folder was removed."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_trial_whose_own_folder_cannot_be_made_says_which(tmp_path):
    def objective(config):
        (tmp_path / "s" / "trials").touch()
        return float(bool(sweeper.current_trial().folder))

    results = run(objective, folder=tmp_path, limits=sweeper.Limits(first_failures=None))
    assert set(results.frame["exception"].str.partition("s/trials")[1]) == {"s/trials"}
    assert set(results.frame["status"]) == {"failed"}


@pytest.mark.parametrize("name", ["s", None])
@pytest.mark.parametrize("fault", ["full", "read-only", "a file"])
def test_a_folder_that_cannot_be_written_is_found_before_ray_starts(disk, fault, name):
    folder = disk
    if fault == "full":
        fill(disk)
    elif fault == "read-only":
        mount("-o", "remount,ro", disk)
    else:
        (disk / "file").touch()
        folder = disk / "file" / "runs"
    error = told(folder, address=NOWHERE, name=name)
    assert str(error).startswith(str(disk))
    assert str(error).endswith(" Or choose another folder: folder=… (--folder).")
    assert not any(path.is_dir() or "unfinished" in path.name for path in disk.iterdir())


def test_a_sweep_on_a_disk_that_is_read_only_by_now_is_found_before_ray_starts(disk):
    run(folder=disk)
    mount("-o", "remount,ro", disk)
    error = told(disk, address=NOWHERE, num_trials=7, resume=True)
    assert error.errno == errno.EROFS
    assert " Make it writable. Then go on with name='s', resume=True" in str(error)


def test_a_name_that_is_taken_is_found_before_ray_starts(tmp_path):
    (tmp_path / "s").mkdir()
    with pytest.raises(FileExistsError, match="exists already, and is never overwritten"):
        run(folder=tmp_path, address=NOWHERE)


def test_somebody_elses_folder_is_told(tmp_path):
    tmp_path.chmod(0o755)
    code = (
        "import sweeper; from scipy import stats\n"
        "sweeper.run(lambda c: 0.5, {'x': stats.uniform(0, 1)}, sweeper.RandomSearch(3), "
        f"address={NOWHERE!r}, folder={str(tmp_path)!r})"
    )
    nobody = ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", code]
    done = subprocess.run(nobody, capture_output=True, text=True, env={"HOME": "/nonexistent"})
    assert done.stderr.count("Traceback") == 1, done.stderr
    assert done.stderr.splitlines()[-1].endswith(
        "can't be written: Permission denied. Make it writable. "
        "Or choose another folder: folder=… (--folder)."
    )


def test_a_look_that_could_not_be_noted_is_not_had(disk):
    def objective(config, test=False):
        assert not test
        return square(config)

    results = run(objective, folder=disk)
    fill(disk)
    with pytest.raises(
        OSError, match=r"The test set was not read, since the look could not be recorded"
    ):
        sweeper.test(results, objective)
    assert sweeper.load(disk / "s").test_looks == []


def test_a_look_that_cannot_be_noted_afterwards_tells_what_it_saw(disk):
    def objective(config, test=False):
        if test:
            fill(disk)
        return 0.25

    results = run(objective, folder=disk)
    with pytest.raises(OSError, match=r"test_looks\.jsonl: can't be .* The test error is 0\.25:"):
        sweeper.test(results, objective)


def test_replicates_of_the_best_need_room_too(disk):
    results = run(folder=disk)
    fill(disk)
    with pytest.raises(OSError, match=rf"{disk}/s.*No space left on device\. Make room\."):
        sweeper.confirm(results, square, address=NOWHERE)


@pytest.mark.parametrize("words", [["report"], ["export"], ["export", "--to", "parquet"]])
def test_what_finds_no_room_is_told_in_a_line_and_leaves_nothing(disk, capfd, words):
    run(folder=disk)
    (disk / "others").mkdir()
    fill(disk)
    output = disk / "others" / "output"
    assert main([*words, str(disk / "s"), "-o", str(output)]) == 2
    assert capfd.readouterr().err == f"sweeper: [Errno 28] No space left on device: '{output}'\n"
    assert list((disk / "others").iterdir()) == []


def test_the_command_says_it_in_a_line(disk, capfd):
    file = disk.parent / "own.py"
    file.write_text(
        "import contextlib\n"
        "def objective(config):\n"
        f"    with open({str(disk / 'full')!r}, 'wb', 0) as file, contextlib.suppress(OSError):\n"
        "        while file.write(bytes(4096)):\n"
        "            pass\n"
        "    return config['x']\n"
    )
    words = [f"{file}:objective", "--space", "x=[0.5, 0.25]", "--space", f"long={SPACE['long']}"]
    words += ["--searcher", "grid", "--name", "s", "--folder", str(disk), "--address", "inline"]
    words += ["--no-report"]
    fill(disk)
    assert main(["run", *words, "--quiet"]) == 2
    assert "Make room. Or choose another folder" in capfd.readouterr().err
    (disk / "full").unlink()
    assert main(["run", *words, "--quiet"]) == 2
    assert capfd.readouterr().err == (
        f"sweeper: {disk}/s/trials.jsonl: can't be written: No space left on device. Make room. "
        f"Go on with: sweeper resume {disk}/s\n"
    )
    (disk / "full").unlink()
    file.write_text("def objective(config):\n    return 0.5\n")
    assert main(["resume", str(disk / "s"), "--address", "inline", "--no-report", "--quiet"]) == 0
    assert sweeper.load(disk / "s").statuses() == "2 finished"


def test_what_is_printed_on_a_full_disk_fails_no_trial_and_is_told(disk):
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from sweeper.worker.output import OutputFile\n"
        "disk = Path(sys.argv[1])\n"
        "output = OutputFile('w', disk)\n"
        "with open(disk / 'full', 'wb', 0) as file:\n"
        "    try:\n"
        "        while file.write(bytes(4096)): pass\n"
        "    except OSError: pass\n"
        "output.title('trial 0')\n"
        "with output:\n"
        "    print('x' * 10_000)\n"
        "    print('error', file=sys.stderr, flush=True)\n"
        "told = output.unread()\n"
        "os.remove(disk / 'full')\n"
        "output.title('trial 1')\n"
        "with output:\n"
        "    print('there is room')\n"
        "print([told, output.unread()])\n"
    )
    words = [sys.executable, "-c", code, str(disk)]
    done = subprocess.run(words, capture_output=True, text=True)
    lost = "--- some output could not be written: [Errno 28] No space left on device\n"
    assert done.stdout == f"{[lost, '']}\n", done.stderr
    assert (disk / "output" / "w.txt").read_text().endswith("--- trial 1\nthere is room\n")


def test_what_a_worker_cannot_keep_travels_to_who_says_so(tmp_path):
    (tmp_path / "output").touch()
    output = OutputFile("w", tmp_path)
    output.title("trial 0")
    assert output.unread() == "--- trial 0\n"


def test_a_clock_that_is_set_back_changes_no_duration(tmp_path, monkeypatch):
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    for num_trials in (3, 6):
        frame = run(folder=tmp_path, num_trials=num_trials, resume=True).frame
        assert frame["start_s"].is_monotonic_increasing
        assert (frame[["start_s", "runtime_s"]] >= 0).all(axis=None)
