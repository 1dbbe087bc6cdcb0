"""Mutated folders, option files and texts by the thousand; scripts/fuzz.py has the million."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


def fuzz(*arguments: str) -> str:
    command = [sys.executable, ROOT / "scripts" / "fuzz.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("level", "count"), [("load", 2_000), ("everything", 20)])
def test_nothing_is_found(level, count):
    last = fuzz(level, str(count)).splitlines()[-1]
    told = {kind: int(many) for kind, many in re.findall(r"'(\w+)': (\d+)", last)}
    assert told.keys() == {"right", "refused"}  # of each kind there is much
    assert sum(told.values()) == count
    assert min(told.values()) > count / 10


def test_without_a_mutation_all_is_right():
    assert "{'right': 300}" in fuzz("load", "300", "--keep", "-")


BROKEN = """
import runpy, sys
from sweeper.record import lines
whole = lines.is_number
huge = lambda value: isinstance(value, float) and 1e299 < abs(value) < float("inf")
lines.is_number = lambda value: 1 / (not huge(value)) and whole(value)
sys.argv = sys.argv[1:]
sys.path.insert(0, "scripts")
runpy.run_path("scripts/fuzz.py", run_name="__main__")
"""


def test_what_is_found_is_made_small_and_one_command_repeats_it(tmp_path):
    script = tmp_path / "broken.py"
    script.write_text(BROKEN)

    def run(*arguments: str) -> str:
        command = [sys.executable, script, "fuzz.py", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout

    found = run("load", "600")
    fault = re.search(r"load: ZeroDivisionError at \S+", found)[0]
    command = re.search(r"python scripts/fuzz\.py (load --seed .*)", found)[1]
    again = run(*command.split())
    assert again.splitlines()[-1].startswith(fault)
    assert re.search(r"e\+30\d", again)
