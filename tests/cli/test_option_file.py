import os

import pytest
import yaml

from sweeper.cli.main import main
from sweeper.cli.option_file import MOST_BYTES, read_yaml
from sweeper.cli.options import merge
from sweeper.space.reading import read_config_space


def write(folder, text: str | bytes):
    path = folder / "options.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, r"\*a0 repeats a list or dict. Write it out"),
        ("a: &a [*a]", "repeats a list or dict"),
        ("<<: &a {x: 1}\nb: *a", "repeats a list or dict"),
        ("a: " + "[" * 400 + "]" * 400, "nested too deeply"),
        ("a: " + "[" * 100_000, "nested too deeply"),
        ("".join(f"{' ' * i}a:\n" for i in range(400)), "nested too deeply"),
        ("trials: 3\nseed: 1\ntrials: 4", "'trials' is given twice. Leave one out"),
        ("space: {lr: 1, lr: 2}", "'lr' is given twice"),
        ("#" * MOST_BYTES + "\n", "more than 1,000,000 bytes"),
        (b"a: \xff", "is not YAML"),
        ("a: [", "is not YAML"),
        ("a: !!int ''", "is not YAML: IndexError: string index out of range"),
        ("a: !!timestamp x", "is not YAML: AttributeError: "),
        ("a: !!bool x", "is not YAML: KeyError: 'x'"),
        ("a: !!python/name:os.system x", "holds what a file of options may not: could not deter"),
    ],
)
def test_what_no_options_are_is_refused_in_a_line(tmp_path, text, told, capsys):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=rf"options\.yaml: .*(?s:.*){told}"):
        read_yaml(path, [])
    assert main(["space", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"sweeper: {path}: ")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_called_so(tmp_path, make, capsys):
    make(tmp_path / "options.yaml")
    assert main(["run", str(tmp_path / "options.yaml")]) == 2
    assert "options.yaml: is not a file. Give a YAML file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "trials: 3\nspace: {lr: 'uniform(0, 1)', n: [[1, [2]], {a: 1}]}",
        "a: &x 5\nb: *x",
        "a: 1e-4x",
    ],
)
def test_anything_else_is_what_yaml_says(tmp_path, text):
    assert read_yaml(write(tmp_path, text), []) == yaml.safe_load(text)


def space_of(folder, text):
    """The space that a file stands for, and its faults."""
    faults: list[str] = []
    described = read_yaml(write(folder, text), faults)
    return read_config_space(described.get("space", {})), faults


YAML_1_1 = ("yes", "Yes", "NO", "no", "on", "Off", "True", "true", "FALSE", "~", "null", "y", "n")


@pytest.mark.parametrize("word", [*YAML_1_1, "none", "010", "1:30", "2024-01-01", "0,5", "sgd"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_word_in_quotes_is_that_word(tmp_path, word, quote):
    text = f"space: {{a: {quote}{word}{quote}, b: [{quote}{word}{quote}, x]}}"
    assert space_of(tmp_path, text) == ({"a": word, "b": [word, "x"]}, [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("1e3", 1000.0),
        ("1e-4", 1e-4),
        ("-1.5e+3", -1500.0),
        (".5", 0.5),
        ("1_000", 1000),
        ("0o10", 8),
        ("0x1F", 31),
        (".inf", float("inf")),
        ("sgd", "sgd"),
        ("y", "y"),
        ("cosine annealing", "cosine annealing"),
        ("'[1, 2]'", [1, 2]),
        ("[64, 1e2]", [64, 100.0]),
        ("range(2, 7, 2)", [2, 4, 6]),
        ('"np.linspace(0, 1, 2)"', [0.0, 1.0]),
        ("{a: 1e-8, b: true}", {"a": 1e-8, "b": True}),
    ],
)
def test_values_of_a_space(tmp_path, text, value):
    space, faults = space_of(tmp_path, f"space:\n  x: {text}\n")
    assert (space, faults) == ({"x": value}, [])
    assert type(space["x"]) is type(value)


@pytest.mark.parametrize("word", ["yes", "No", "on", "OFF", "[no, se]", "none", "[on]"])
def test_words_that_yaml_1_1_takes_for_booleans_are_refused(tmp_path, word):
    with pytest.raises(ValueError, match=r"may be a value or a word. Write (True|False|None) for"):
        space_of(tmp_path, f"space:\n  x: {word}\n")


@pytest.mark.parametrize("text", ["010", "-007", "1:30", "0,5", "1.2.3", "2024-01-01", "10%"])
def test_numbers_that_yaml_1_1_reads_otherwise_are_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"leading zeros|nearly a number|one number or several"):
        space_of(tmp_path, f"space:\n  x: {text}\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "{lr: uniform(0, 1)}",
            'line 1: space: YAML splits .* Put quotes around it: "uniform\\(0, 1',
        ),
        ("{lr: uniform(0, 1), n: 3}", 'quotes around it: "uniform\\(0, 1\\)"'),
        ("{lr: loguniform(1e-4, 1) if a == 1}", r'"loguniform\(1e-4, 1\) if a == 1"'),
        ("{n: 1, lr: rounded(uniform(0, 1), to=0.1)}", r'"rounded\(uniform\(0, 1\), to=0.1\)"'),
        ("{lr: [uniform(0, 1), 3]}", r'space\.lr: .*"uniform\(0, 1\)"'),
        ("{lr: }", r"line 1: space\.lr: has no value. Write one, or null for None"),
        ("\n  a: 1\n  lr:\n", r"line 3: space\.lr: has no value"),
        ("{lr: '3'}", r"has a number in quotes. Write 3 for the number, \"'3'\" for text"),
        ('{lr: [1, "1e-4"]}', r"space\.lr\[1\]: has a number in quotes. Write 1e-4 for"),
    ],
)
def test_what_yaml_makes_something_else_of_is_told_with_its_line(tmp_path, text, told):
    space, faults = space_of(tmp_path, f"trials: 3\nspace: {text}".replace("trials: 3\n", ""))
    assert space == {}
    assert len(faults) == 1
    with pytest.raises(ValueError, match=told):
        raise ValueError(faults[0])


def test_all_faults_of_a_file_come_at_once(tmp_path, capsys):
    path = write(
        tmp_path,
        "program: train.py\nmethod: bayes\nmetric: {name: val_acc, goal: maximize}\n"
        "run_cap: 20\nseed: 010\nparameters:\n  lr: {min: 1, max: 2}\nspace: {a: '3', b: }\n",
    )
    assert main(["run", str(path)]) == 2
    lines = capsys.readouterr().err.replace("sweeper: ", "").splitlines()
    assert [line.removeprefix(f"{path}: ") for line in lines] == [
        "line 8: space.a: has a number in quotes. Write 3 for the number, \"'3'\" for text.",
        "line 8: space.b: has no value. Write one, or null for None.",
        "program: no such option. Did you mean command?",
        "method: no such option. Did you mean searcher?",
        "run_cap: no such option. Did you mean trials?",
        "parameters: no such option. Did you mean space?",
        "metric: must be a name, not a mapping. Write metric: val_acc and mode: max.",
        "seed: must be a whole number of at least 0, but got '010' (str).",
    ]


def test_options_in_yaml_are_what_is_meant(tmp_path):
    path = write(tmp_path, "trials: 1e1\ntime_budget: 1e3\nquiet: yes\ntarget: 1e-3\nresume: off")
    options, said, faults = merge({"objective": str(path)})
    assert faults == []
    assert said == {"trials": 10, "time_budget": 1000, "quiet": True, "target": 1e-3,
                    "resume": False}  # fmt: skip
    assert options["seed"] == 0


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_yaml(tmp_path / "options.yaml", [])


def test_a_hyperparameter_that_is_given_twice_is_named(capsys):
    assert main(["space", "--space", "x=1", "--space", "y=2", "--space", "x=[1, 2]"]) == 2
    assert capsys.readouterr().err == "sweeper: --space x=…: is given twice. Leave one out.\n"
