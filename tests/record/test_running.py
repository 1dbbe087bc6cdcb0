import json
import os
import subprocess
import sys

import pytest

from sweeper.record.running import note_progress, read_progress, remove_progress

_RUNS = """
import sys, time
from pathlib import Path
from sweeper.record.running import note_progress
note_progress(Path(sys.argv[1]), ["3/9 trials"])
print("noted", flush=True)
time.sleep(600)
"""


def test_a_note_is_read_until_it_is_removed(tmp_path):
    assert read_progress(tmp_path) == []
    note_progress(tmp_path, ["3/9 trials", "running: trial 4"])
    assert read_progress(tmp_path) == ["3/9 trials", "running: trial 4"]
    remove_progress(tmp_path)
    assert read_progress(tmp_path) == []


def test_a_killed_process_runs_no_more_at_once(tmp_path):
    runs = [sys.executable, "-c", _RUNS, str(tmp_path)]
    with subprocess.Popen(runs, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"noted\n"
        assert read_progress(tmp_path) == ["3/9 trials"]
        process.kill()
    assert read_progress(tmp_path) == []


@pytest.mark.parametrize("place", [["another host", ""], None, 7])
def test_of_a_process_elsewhere_only_the_age_of_its_note_is_known(tmp_path, place):
    note_progress(tmp_path, ["3/9 trials"])
    file = tmp_path / "progress.json"
    note = json.loads(file.read_text()) | {"place": place, "pid": 2**22 + 1}  # there is none such
    file.write_text(json.dumps(note))
    assert read_progress(tmp_path) == ["3/9 trials"]
    hour_ago = file.stat().st_mtime - 3600
    os.utime(file, (hour_ago, hour_ago))
    assert read_progress(tmp_path) == []


@pytest.mark.parametrize("pid", [None, "1", -1, 0, 1.5, [1]])
def test_a_number_that_is_no_process_says_nothing(tmp_path, pid):
    note_progress(tmp_path, ["3/9 trials"])
    file = tmp_path / "progress.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"pid": pid}))
    assert read_progress(tmp_path) == ["3/9 trials"]


@pytest.mark.parametrize("pid", [2**22 + 1, 10**30])
def test_a_number_that_no_process_can_have_is_of_a_dead_one(tmp_path, pid):
    note_progress(tmp_path, ["3/9 trials"])
    file = tmp_path / "progress.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"pid": pid}))
    assert read_progress(tmp_path) == []
