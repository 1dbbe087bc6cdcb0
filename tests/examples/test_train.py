"""A script that nobody changed, swept from the shell."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from sweeper.cli.main import main
from sweeper.record.results import load

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parent.parent.parent
COMMAND = f"python {shlex.quote(str(ROOT / 'examples' / 'train.py'))} --epochs 9 --seed {{seed}}"
TIMED = ["start_s", "runtime_s", "worker", "node"]


def arguments(name: str, *where: str) -> list[str]:
    """Of two trials, since each imports torch anew; the second is worse, and half go on."""
    return [
        *("run", "--name", name, "--no-report", "--trials", "2", "--seed", "1"),
        *("--command", COMMAND + " --lr {lr} --hidden {hidden}", "--metric", "val_acc"),
        *("--mode", "max", "--also", "train_loss", "--scheduler", "asha"),
        *("--reduction-factor", "2", "--space", "lr=loguniform(1e-5,1)"),
        *("--space", "hidden=[16,64]", *where),
    ]


def test_it_is_swept_with_early_stopping_in_one_command(ray_session, tmp_path, monkeypatch, capfd):
    """In a shell in which this Python is `python`; then in this process, with the same results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    its = {**os.environ, "PYTHONPATH": str(ROOT)}
    where = arguments("ray", "--workers", "1", "--address", ray_session)
    command = [sys.executable, "-m", "sweeper", *where]
    done = subprocess.run(command, env=its, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = load(Path("runs", "ray"))
    assert set(results.frame["status"]) == {"finished", "stopped"}
    assert results.best_value > 0.8
    assert results.curves["train_loss"].notna().all()
    assert "epoch 9 val_acc" in (results.best_folder / "output.txt").read_text()
    capfd.readouterr()
    assert main(arguments("inline", "--address", "inline")) == 0
    for said in (done.stderr, capfd.readouterr().err):
        assert "train_loss" not in said  # what the script prints is kept
    frames = [one.frame.drop(columns=TIMED) for one in (results, load(Path("runs", "inline")))]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
