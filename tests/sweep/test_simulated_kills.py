"""The short form of scripts/simulated_kills.py."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import simulated_kills

pytestmark = pytest.mark.slow


def test_sweeps_that_are_killed_and_gone_on_with_end_like_undisturbed_ones():
    counts, wrong = simulated_kills.simulate(seed=1, numbers=range(400))
    assert not wrong, f"python scripts/simulated_kills.py --seed 1 --only {wrong[0][0].number}"
    assert counts.loc["all", "kills"] > 400
