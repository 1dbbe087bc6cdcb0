import importlib
import json
import sys
import textwrap

import numpy as np
import pytest

import sweeper
from sweeper.worker.own_modules import (
    comes_from_surroundings,
    file_of,
    is_own,
    is_own_file,
    label_of,
)


def test_what_is_the_users_own():
    assert is_own("__main__")
    assert is_own(__name__)
    assert not any(map(is_own, ("json", "builtins", "numpy", "torch.nn", "sweeper.record.journal")))
    assert not any(map(is_own, (None, "", "no_such_module", 3)))
    assert not any(map(is_own_file, (None, json.__file__, np.__file__)))
    assert is_own_file(sweeper.__file__)  # told by its name, since it may be installed editably


def test_a_file_is_found_without_an_import(tmp_path, monkeypatch):
    (tmp_path / "package" / "inner").mkdir(parents=True)
    for path in ("package/__init__.py", "package/inner/__init__.py", "package/module.py"):
        (tmp_path / path).write_text("raise AssertionError\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    assert file_of("package") == tmp_path / "package" / "__init__.py"
    assert file_of("package.inner") == tmp_path / "package" / "inner" / "__init__.py"
    assert file_of("package.module") == tmp_path / "package" / "module.py"
    assert [file_of(name) for name in ("package.none", "json", "numpy", "math")] == [None] * 4
    assert "package" not in sys.modules


def test_labels(tmp_path, monkeypatch):
    assert label_of(__name__) == "test_own_modules"
    assert label_of("json.decoder") == "json.decoder"
    assert label_of("no_such_module") == "no_such_module"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("START", "RUN", "DATA", "CPUS", "DEVICE", "A", "B", "LATER")),
        *((name, False) for name in ("SCALE", "TOTAL", "LAYERS", "missing", "ARGUMENT")),
    ],
)
def test_what_time_machine_and_environment_say(tmp_path, name, expected):
    path = tmp_path / "mine.py"
    path.write_text(
        textwrap.dedent(
            """
            START = time.time()
            RUN = f"run-{START:.0f}"
            DATA = Path(os.environ.get("DATA", "."))
            CPUS: int = os.cpu_count()
            DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
            A, (B, *C) = os.getcwd(), [1, 2]
            if START:
                LATER = uuid.uuid4()
            SCALE = 3
            TOTAL = SCALE * 2
            LAYERS = [1, 2]
            ARGUMENT = float(sys.argv[1])
            """
        )
    )
    assert comes_from_surroundings(str(path), name) is expected
    assert not comes_from_surroundings(None, name)
    assert not comes_from_surroundings(str(tmp_path / "none.py"), name)
