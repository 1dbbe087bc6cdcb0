import functools
import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import pytest

from sweeper.training.classifier import Classifier
from sweeper.worker.objective_reference import (
    can_be_found,
    describe_objective,
    find_again,
    load_objective,
    objective_name,
)


def objective(config, depth=1, units=(1,)):
    return config["x"] + depth + sum(units)


def weighted(weight, offset, config, depth=1):
    return weight * config["x"] + offset * depth


@dataclass(frozen=True)
class Scaled:
    factor: float = 2.0

    def __call__(self, config):
        return self.factor * config["x"]


@pytest.mark.parametrize(
    "original",
    [
        objective,
        functools.partial(objective, depth=3, units=(4, 5)),
        functools.partial(weighted, 2.0, 3.0),
        functools.partial(weighted, 2.0, 3.0, depth=5),
        Scaled(0.1),
        Classifier(model="mlp", data="digits", max_epochs=2),
    ],
)
def test_found_again_through_json(original):
    described = json.loads(json.dumps(describe_objective(original)))
    assert can_be_found(described)
    again = find_again(described)
    if not isinstance(original, Classifier):
        assert again({"x": 0.25}) == original({"x": 0.25})
    assert describe_objective(again)["fixed_arguments"] == described["fixed_arguments"]
    assert describe_objective(again)["objective_source"] == described["objective_source"]


class Stateful:
    def __call__(self, config):
        return 0.0


def test_what_has_no_name_of_its_own_cannot_be_found():
    def local(config):
        return 0.0

    for original in (local, lambda config: 0.0, Stateful(), Scaled(object()), Scaled.__call__):
        assert not can_be_found(describe_objective(original)), original


@pytest.mark.parametrize("where", ["-c", "-"])
def test_what_is_typed_at_a_prompt_cannot_be_found(where):
    code = """
        from sweeper.worker.objective_reference import can_be_found, describe_objective
        def objective(config):
            return 0.0
        print(can_be_found(describe_objective(objective)))
    """
    code = textwrap.dedent(code)
    words = [where, code] if where == "-c" else [where]
    done = subprocess.run(
        [sys.executable, *words], input=code, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_a_script_is_found_by_its_file(tmp_path):
    script = tmp_path / "my script.py"
    script.write_text(
        textwrap.dedent(
            """
            import json
            from sweeper.worker.objective_reference import describe_objective

            def objective(config):
                return 7.0

            if __name__ == "__main__":
                print(json.dumps(describe_objective(objective)))
            """
        )
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    described = json.loads(done.stdout)
    assert described["objective"] == "__main__:objective"
    assert find_again(described)({}) == 7.0


def test_the_source_tells_one_objective_from_another():
    digests = {describe_objective(f)["objective_source"] for f in (objective, Scaled(), Stateful())}
    assert len(digests) == 3
    assert None not in digests


def test_names():
    assert objective_name(objective) == "objective"
    assert objective_name(functools.partial(objective)) == "objective"
    assert objective_name(Scaled()) == "Scaled"


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
