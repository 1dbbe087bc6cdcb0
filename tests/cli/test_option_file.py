import pytest
import yaml

from sweeper.cli.main import main
from sweeper.cli.option_file import MOST_BYTES, read_yaml


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
        ("trials: 3\nseed: 1\ntrials: 4", "'trials' is there twice. Leave one out"),
        ("space: {lr: 1, lr: 2}", "'lr' is there twice"),
        ("#" * MOST_BYTES + "\n", "more than 1,000,000 bytes"),
        (b"a: \xff", "is no YAML"),
        ("a: [", "is no YAML"),
    ],
)
def test_what_no_options_are_is_refused_in_a_line(tmp_path, text, told, capsys):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=rf"options\.yaml: .*(?s:.*){told}"):
        read_yaml(path, [])
    assert main(["space", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"sweeper: {path}: ")


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


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_yaml(tmp_path / "options.yaml", [])


def test_a_hyperparameter_that_is_given_twice_is_named(capsys):
    assert main(["space", "--space", "x=1", "--space", "y=2", "--space", "x=[1, 2]"]) == 2
    assert capsys.readouterr().err == "sweeper: --space x=…: is there twice. Leave one out.\n"
