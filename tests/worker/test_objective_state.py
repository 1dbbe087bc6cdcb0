"""What an objective reaches, seen from modules that are written, edited and loaded anew."""

import argparse
import dataclasses
import functools
import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from sweeper.training.classifier import Classifier
from sweeper.worker.objective_loading import load_objective
from sweeper.worker.objective_state import held_values, objective_state

MODULE = """
    import functools
    import time
    from pathlib import Path

    import numpy as np

    import {neighbour} as near
    from {neighbour} import Net

    SCALE = 3
    LAYERS = [1, 2]
    START = time.time()
    HERE = Path(__file__).parent
    SEEN, CALLS, CACHE = [], 0, {{}}
    TABLE = np.arange(6).reshape(2, 3)
    MODELS = {{"net": Net, "quick": lambda x: x + 1}}
    unused = 1

    def traced(function):
        @functools.wraps(function)
        def around(*arguments):
            return function(*arguments)
        return around

    @traced
    def helper(x):
        return x * SCALE

    def objective(config, depth=4, *, kinds=frozenset({{"a", "b"}})):
        global CALLS
        CALLS += 1
        SEEN.append(config)
        CACHE[config["x"]] = near.scale(START)
        unused = config.unused
        return helper(config["x"]) + TABLE.sum() + len(MODELS) + LAYERS[0] + len(str(HERE))

    class Study:
        rate = 0.5

        def __init__(self, k):
            self.k, self.calls, self.net = k, 0, Net()

        def objective(self, config):
            self.calls += 1
            return self.k * self.rate * config["x"]

    def make(k):
        hits = {{}}
        def closure(config):
            hits[config["x"]] = 1
            return k * config["x"]
        return closure
"""
NEIGHBOUR = """
    FACTOR = 2

    def scale(x):
        import {late}
        return FACTOR * x

    class Net:
        def __init__(self):
            self.width, self.log = 8, []

        def forward(self, x):
            self.log.append(x)
            return scale(x)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Loads the module `mine` afresh, with some of its text replaced."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    names = {"neighbour": f"near_{tmp_path.name}", "late": f"late_{tmp_path.name}"}
    names = {key: "".join(c if c.isalnum() else "_" for c in name) for key, name in names.items()}

    def load(name="objective", **changes):
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        for kind, text in (("late", "x = 1\n"), ("neighbour", NEIGHBOUR), ("mine", MODULE)):
            text = textwrap.dedent(text).replace("{late}", names["late"])
            text = text.format(**names) if kind == "mine" else text
            for old, new in changes.get(kind, {}).items():
                assert old in text
                text = text.replace(old, new)
            file = names.get(kind, kind)
            (tmp_path / f"{file}.py").write_text(text)
            sys.modules.pop(file, None)
        loaded = load_objective(f"{tmp_path / 'mine.py'}:{name}")
        near, late = names["neighbour"], names["late"]
        return loaded, lambda label: label.replace("near", near).replace("late", late)

    return load


def test_all_that_it_reaches_and_nothing_else(project):
    objective, called = project()
    state = objective_state(objective)
    assert state["values"] == {
        "default depth of mine.objective": "4",
        "default kinds of mine.objective": "{'a', 'b'}",
        "mine.helper": "mine.traced.around",
        "mine.TABLE": state["values"]["mine.TABLE"],
        "mine.MODELS": f"{{'net': {called('near')}.Net, 'quick': mine.<lambda>}}",
        "mine.LAYERS": "[1, 2]",
        "function of mine.traced.around": "mine.helper",
        "mine.SCALE": "3",
        called("near.FACTOR"): "2",
    }
    assert set(state["surroundings"]) == {"mine.START", "mine.HERE"}
    assert {"mine.objective", "mine.helper", called("near.scale")} <= set(state["sources"])
    assert any(name.startswith("late_") for name in state["sources"])


@pytest.mark.parametrize(
    ("file", "change", "values", "sources"),
    [
        ("mine", {"SCALE = 3": "SCALE = 100"}, {"mine.SCALE": ("3", "100")}, set()),
        ("mine", {"[1, 2]": "[1, 3]"}, {"mine.LAYERS": ("[1, 2]", "[1, 3]")}, set()),
        ("mine", {"depth=4": "depth=5"}, {"default depth of mine.objective": ("4", "5")},
         {"mine.objective"}),
        ("mine", {"return x * SCALE": "return x + SCALE"}, {}, {"mine.helper"}),
        ("mine", {"x: x + 1": "x: x + 2"}, {}, {"mine.<lambda>"}),
        ("mine", {"unused = 1\n": "unused = 2\n"}, {}, set()),
        ("mine", {"CALLS, CACHE = [], 0": "CALLS, CACHE = [7], 9"}, {}, set()),
        ("neighbour", {"FACTOR = 2": "FACTOR = 9"}, {"near.FACTOR": ("2", "9")}, set()),
        ("neighbour", {"return FACTOR * x": "return FACTOR + x"}, {}, {"near.scale"}),
        ("late", {"x = 1": "x = 2"}, {}, {"late"}),
    ],
)  # fmt: skip
def test_what_differs_has_a_name(project, file, change, values, sources):
    before, _ = project()
    before = objective_state(before)
    after, called = project(**{file: change})
    after = objective_state(after)
    assert differing(before["values"], after["values"]) == {
        called(name): texts for name, texts in values.items()
    }
    changed = set(differing(before["sources"], after["sources"]))
    assert changed == {called(name) for name in sources}


def test_a_bound_object_is_told_by_its_attributes_but_for_those_that_its_methods_change(project):
    study, called = project("Study")
    one, other = objective_state(study(1).objective), objective_state(study(100).objective)
    assert differing(one["values"], other["values"]) == {"self.k": ("1", "100")}
    assert one["values"]["mine.Study.rate"] == "0.5"
    assert one["values"]["self.net"] == f"{called('near')}.Net(width=8)"
    assert "self.calls" not in one["values"]
    worn = study(1)
    worn.objective({"x": 1.0})
    worn.net.forward(2.0)
    assert objective_state(worn.objective) == one


def test_a_closure(project):
    make, _ = project("make")
    one, other = objective_state(make(1)), objective_state(make(100))
    assert one["values"] == {"k of mine.make.closure": "1"}
    assert differing(one["values"], other["values"]) == {"k of mine.make.closure": ("1", "100")}
    used = make(1)
    used({"x": 3.0})
    assert objective_state(used) == one


def test_arguments_fixed_by_partial_that_have_no_text():
    def objective(table, config, depth=1, net=None):
        return 0.0

    one, other = (
        objective_state(functools.partial(objective, np.full(3, k), depth=k, net=torch.ones(k)))
        for k in (1, 2)
    )
    assert set(differing(one["values"], other["values"])) == {"argument 0", "argument net"}


@dataclasses.dataclass(frozen=True)
class Told:
    factor: float
    table: object = None

    def __call__(self, config):
        return self.factor


def test_fields_of_a_dataclass_with_a_text_are_among_the_fixed_arguments():
    assert objective_state(Told(1.0)) == objective_state(Told(2.0))
    one, other = (objective_state(Told(1.0, np.arange(n)))["values"] for n in (1, 2))
    assert set(differing(one, other)) == {"self.table"}
    assert set(objective_state(Told(1.0).__call__)["values"]) == {"self.factor", "self.table"}


class Hostile:
    """Whatever is done to it is an error."""

    def __getattribute__(self, name):
        raise RuntimeError(f"no {name} for you")

    def __repr__(self):
        raise RuntimeError

    __eq__ = __hash__ = __bool__ = __str__ = __reduce__ = __repr__  # type: ignore[assignment]


class Loop:
    def __init__(self):
        self.me, self.list = self, []
        self.list.append(self.list)


ARGUMENTS = argparse.Namespace(weight=2, resume=False)


def test_no_code_of_the_objects_is_run_and_circles_end():
    hostile, loop = Hostile(), Loop()

    def objective(config):
        return (hostile, loop, [hostile], {"a": loop})

    values = objective_state(objective)["values"]
    assert len(json.dumps(values)) < 5_000
    place = "test_objective_state.test_no_code_of_the_objects_is_run_and_circles_end.objective"
    assert values[f"hostile of {place}"] == "a test_objective_state.Hostile"
    assert values[f"loop.me of {place}"] == "a test_objective_state.Loop"


def test_of_parsed_arguments_those_count_that_are_read():
    def objective(config):
        return ARGUMENTS.weight * config["x"]

    assert objective_state(objective)["values"] == {"test_objective_state.ARGUMENTS.weight": "2"}


def test_models_are_told_by_their_class_since_training_changes_them():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 2)

    net, layer = Net(), torch.nn.Linear(2, 2)

    def objective(config):
        return net(layer(config["x"]))

    before = objective_state(objective)
    torch.nn.init.normal_(net.layer.weight)
    assert objective_state(objective) == before
    assert json.dumps(before).count("a torch.nn.modules.linear.Linear") == 1


def test_sweepers_own_objectives_reach_nothing():
    assert objective_state(Classifier())["sources"] == {}


def test_large_things_have_short_texts():
    table, text = np.zeros(10**6), "x" * 10**6
    numbers = list(range(10**5)), {str(i): i for i in range(10**4)}

    def objective(config):
        return table, text, numbers

    assert len(json.dumps(objective_state(objective))) < 3_000
    assert {label.partition(" ")[0] for label, _ in held_values(objective)} == {
        "table", "text", "numbers"
    }  # fmt: skip


@pytest.mark.slow
def test_the_same_in_every_process_as_a_script_and_as_a_module(tmp_path):
    (tmp_path / "near.py").write_text(textwrap.dedent(NEIGHBOUR).replace("{late}", "json"))
    code = textwrap.dedent(MODULE).format(neighbour="near")
    code += textwrap.dedent(
        """
        WORDS = {"one", "two", "three", "four", "five"}
        OBJECTS = [Net(), object(), object, len, np.float32(1), {1: Net}]
        def reaching(config):
            return objective(config), WORDS, OBJECTS, Study(1), make(2)

        if __name__ == "__main__":
            import json
            from sweeper.worker.objective_state import objective_state
            told = [objective_state(o) for o in (reaching, Study(1).objective, make(3))]
            for one in told:
                one["surroundings"].pop("mine.START", None)
            print(json.dumps(told))
        """
    )
    (tmp_path / "mine.py").write_text(code)
    imported = (
        "import json, mine; from sweeper.worker.objective_state import objective_state\n"
        "told = [*map(objective_state, (mine.reaching, mine.Study(1).objective, mine.make(3)))]\n"
        "for one in told: one['surroundings'].pop('mine.START', None)\n"
        "print(json.dumps(told))"
    )
    told = []
    for hash_seed, command in ((1, ["mine.py"]), (2, ["mine.py"]), (3, ["-c", imported])):
        environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
        done = subprocess.run(
            [sys.executable, *command],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
        )
        told.append(done.stdout)
        assert done.stderr == ""
    assert told[0] == told[1] == told[2]
    assert "0x" not in told[0]


def differing(before, after):
    assert not set(before) ^ set(after)
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}
