"""Records of sweeps as they are on the disk, whole and damaged."""

import os
import random
from pathlib import Path

from sweeper.record import journal
from sweeper.record.journal import write_json
from sweeper.record.rows import Row


def row(trial: int = 0, **columns) -> Row:
    """A finished trial, but for these columns."""
    whole = {
        "trial": trial,
        "replicate": 0,
        "config": {"lr": 0.1 * trial},
        "value": 0.5,
        "epochs": 2,
        "status": "finished",
        "seed": 3,
        "start_s": 0.1,
        "runtime_s": 1.5,
        "worker": "w",
        "node": "n",
        "exception": None,
        "traceback": None,
        "curve": [[1, 0.6, 0.7], [2, 0.5, 1.4]],
    }
    return Row(**(whole | columns))


def sweep(folder: Path, **fields) -> Path:
    """A folder with a sweep.json in it."""
    whole = {
        "format": journal.FORMAT,
        "created": "2026-01-31T12:00:00+00:00",
        "objective": "mine:objective",
        "objective_file": None,
        "objective_source": None,
        "fixed_arguments": {},
        "config_space": {},
        "without_text": [],
        "searcher": {"kind": "RandomSearch", "num_trials": 3, "initial_configs": []},
        "num_trials": 3,
        "replicates": 1,
        "seed": 0,
        "resources": {"cpus": 1, "gpus": 0},
        "data_given": False,
        "digest_of_first_draws": "",
        "versions": {},
        "git_commit": None,
    }
    write_json(folder / "sweep.json", {**whole, **fields})
    return folder


def mutated(original: bytes, rng: random.Random) -> bytes:
    """A file as a bad disk or a bad person may leave it."""
    data = bytearray(original)
    for _ in range(rng.randint(1, 4)):
        kind, at = rng.randrange(4), rng.randrange(len(data) + 1)
        if kind == 0:
            data[at : at + rng.randint(1, 20)] = b""
        elif kind == 1:
            data[at:at] = os.urandom(rng.randint(1, 8))
        elif kind == 2:
            data[at:at] = data[: rng.randint(1, 50)]
        else:
            token = rng.choice([b"null", b"[", b"}", b"1e999", b'"', b"-", b"NaN", b"\n", b"{}"])
            data[at : at + len(token)] = token
    return bytes(data)
