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
