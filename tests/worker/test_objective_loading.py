import json
import subprocess
import sys

import pytest

from sweeper.worker.objective_loading import load_objective


def test_a_script_that_sweeps_when_imported_is_stopped(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(
        "import sweeper\n"
        "def objective(config):\n    return 0.0\n"
        f"sweeper.run(objective, {{'x': 1}}, sweeper.RandomSearch(1), folder={str(tmp_path)!r})\n"
    )
    with pytest.raises(RuntimeError, match=r"unguarded\.py starts a sweep while it is imported"):
        load_objective(f"{script}:objective")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] in ([], ["__pycache__"])


def test_a_file_named_like_a_module_of_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("def objective(config):\n    return 0.0\n")
    assert load_objective("json.py:objective")({}) == 0.0
    assert json.loads("1") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import sys\nsys.exit(0)\n",
            r"line 2: SystemExit: 0\. It ends the process when .*__main__",
        ),
        ("x = {}\n\nx['a']\n", "line 3: KeyError: 'a'$"),
        ("def f(:\n", "line 1: SyntaxError: invalid syntax$"),
        ("import numpy as np\nnp.zeros(3).reshape(4)\n", "line 2: ValueError: cannot reshape"),
        ("import json\njson.loads('{')\n", "line 2: JSONDecodeError: Expecting property name"),
        ("import no_such_thing\n", "line 1: ModuleNotFoundError: No module named 'no_such_thing'$"),
        ("raise BaseException('odd')\n", "line 1: BaseException: odd$"),
        (
            "import argparse\nargparse.ArgumentParser().parse_args(['--x'])\n",
            "line 2: SystemExit: 2",
        ),
        ("import sweeper\nsweeper.Limits(patience=0)\n", r"line 2: ValueError: Limits\(patience"),
    ],
)
def test_whatever_a_file_raises_while_it_is_loaded_is_named_with_its_place(
    tmp_path, monkeypatch, text, message
):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    name = f"raising_{abs(hash(text))}"
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    for reference in (f"{path}:objective", f"{name}:objective"):
        with pytest.raises(ImportError, match=f"can't be loaded: {path}, {message}"):
            load_objective(reference)
        assert name not in sys.modules


def test_ctrl_c_while_loading_stays_ctrl_c(tmp_path):
    (tmp_path / "slow.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_objective(f"{tmp_path / 'slow.py'}:objective")


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("objective", ValueError, "must be module:function"),
        ("nowhere.py:objective", FileNotFoundError, "no such file"),
        ("no_such_module:objective", ImportError, "^No module named 'no_such_module'$"),
        ("no_such_module.py:objective", FileNotFoundError, "no such file"),
        ("math:no_such_function", ValueError, "math has no function 'no_such_function'"),
    ],
)
def test_wrong_references(reference, error, message):
    with pytest.raises(error, match=message):
        load_objective(reference)


@pytest.mark.parametrize("content", [b"x = '\0'", b"x = '\xff'", b"# coding: nothing", b"x ="])
def test_a_file_that_is_no_python_is_named(tmp_path, content):
    path = tmp_path / "odd.py"
    path.write_bytes(content)
    with pytest.raises(ImportError, match=r"odd\.py can't be loaded: /.*odd\.py") as caught:
        load_objective(f"{path}:objective")
    assert "None" not in str(caught.value)


def test_an_import_error_names_the_file_whoever_raises_it(tmp_path):
    """Also where the file lies with the installed packages, whose frames are nobody's own."""
    there = tmp_path / "site-packages"
    there.mkdir()
    (there / "train.py").write_text("import no_such_module\n")
    with pytest.raises(ImportError, match=r"train\.py can't be loaded: .*'no_such_module'$"):
        load_objective(f"{there / 'train.py'}:objective")


def test_a_worker_does_without_scipy_until_an_objective_wants_it():
    """It takes longer to load than Ray."""
    heavy = "{'scipy', 'torch'} & set(sys.modules)"
    code = f"import sys, sweeper.worker.trainable; sys.exit(str({heavy} or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""
