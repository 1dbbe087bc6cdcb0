"""A script that nobody changed, swept from the shell."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from sweeper.record.results import Results, load

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parent.parent.parent
COMMAND = f"python {shlex.quote(str(ROOT / 'examples' / 'train.py'))} --epochs 9 --seed {{seed}}"
TIMED = ["start_s", "runtime_s", "worker", "node"]


def sweep(folder: Path, name: str, *arguments: str) -> Results:
    """In a shell in which this Python is `python`."""
    command = [
        *(sys.executable, "-m", "sweeper", "run", "--name", name, "--no-report"),
        *("--command", COMMAND + " --lr {lr} --hidden {hidden}", "--metric", "val_acc"),
        *("--mode", "max", "--also", "train_loss", "--scheduler", "asha"),
        *("--space", "lr=loguniform(1e-5,1)", "--space", "hidden=[16,64]", *arguments),
    ]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "train_loss" not in done.stderr  # what the script prints is kept
    return load(folder / "runs" / name)


def test_it_is_swept_with_early_stopping_in_one_command(tmp_path):
    results = sweep(tmp_path, "ray", "--trials", "3", "--workers", "1", "--address", "local")
    assert set(results.frame["status"]) == {"finished", "stopped"}
    assert results.best_value > 0.8
    assert results.curves["train_loss"].notna().all()
    assert "epoch 9 val_acc" in (results.best_folder / "output.txt").read_text()
    again = sweep(tmp_path, "inline", "--trials", "3", "--address", "inline")
    frames = [one.frame.drop(columns=TIMED) for one in (results, again)]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
