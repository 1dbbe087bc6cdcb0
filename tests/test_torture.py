"""A sweep that is killed again and again ends with the table of one that was left alone.

pytest tests/test_torture.py --kills 300 -s      the long version, every kind of sweep
"""

import subprocess
import sys
from pathlib import Path

import pytest
from drivers import environment

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[1]


def test_killed_again_and_again(request):
    command = [sys.executable, ROOT / "scripts" / "torture.py"]
    kills = str(request.config.getoption("--kills"))
    assert subprocess.run([*command, "--kills", kills], env=environment()).returncode == 0
