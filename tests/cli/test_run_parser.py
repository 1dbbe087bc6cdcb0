import re

import pytest

from sweeper.cli.main import main


def printed(arguments, capsys, code=0):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == code
    out, err = capsys.readouterr()
    return err if code else out


def test_help_of_run_begins_with_what_everybody_needs(capsys):
    text = printed(["run", "--help"], capsys)
    groups = re.findall(r"^([a-z].*):$", text, re.MULTILINE)
    assert groups[:2] == ["options", "what everybody needs"]
    assert groups[-2:] == ["sweeper's own classifier", "more examples"]
    first = text.index("what everybody needs:")
    assert text.index("sweeper run train.py:objective --space") < first
    needed = ("OBJECTIVE", "--command", "--metric", "--mode", "--space", "--searcher", "--trials")
    places = [text.index(f"\n  {name} ", first) for name in needed]
    assert places == sorted(places)
    assert places[-1] < min(text.index(f"\n  {name}") for name in ("--workers", "--model"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--trials"], "sweeper: argument --trials: expected one argument"),
        (["list", "--foo"], "sweeper: unrecognized arguments: --foo"),
        (["resume", "runs/x", "--trails", "3"], "sweeper: unrecognized arguments: --trails 3"),
        (["show"], "sweeper: the following arguments are required: FOLDER"),
        (["rnu"], "sweeper: argument COMMAND: invalid choice: 'rnu'"),
    ],
)
def test_a_mistake_takes_two_lines_not_all_options(arguments, told, capsys):
    said = printed(arguments, capsys, code=2)
    assert said.startswith(told)
    of = "" if arguments == ["rnu"] else f" {arguments[0]}"
    assert said.splitlines()[1:] == [f"sweeper{of} --help lists the options."]


def test_words_that_no_option_takes_are_told_with_all_other_faults(capsys):
    given = ["space", "--space", "x=uniform(0,", "1)", "--trails", "3", "--trials", "many"]
    assert main([*given, "--space", "y=[0.1 0.2]", "--space", "z={min: 0, max: 1}"]) == 2
    lines = capsys.readouterr().err.splitlines()
    for told, line in zip(
        ("--trials: must be a whole", "1): belongs to no option. Put quotes", "--trails: no such",
         "'(' was never closed", "Perhaps you forgot a comma", "Write randint(0, 2)"),
        lines,
        strict=True,
    ):  # fmt: skip
        assert told in line
