import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import sweeper
from sweeper.space.distributions import support
from sweeper.space.space import check_space
from sweeper.sweep.ranges import range_text, ranges


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (stats.uniform(0.5, 0.9), "0.5 … 1.4"),
        (stats.loguniform(1e-4, 1), "0.0001 … 1, log"),
        (stats.randint(16, 257), "16 … 256"),
        (sweeper.rounded(stats.loguniform(16, 512)), "16 … 512, log"),
        (stats.norm(0, 1), "about -3.09 … 3.09"),
        (stats.expon(), "about 0 … 6.91"),
        (["sgd", 1, None], "sgd, 1, None"),
        (list(range(99)), "0, 1, 2, 3, 4, 5, … 99 in all"),
        (0.1, "always 0.1"),
        (sweeper.when("a == 1", stats.uniform(0, 1)), "0 … 1, if a == 1"),
        (sweeper.when("a == 1", stats.uniform(0, 1), otherwise=2), "0 … 1 or always 2"),
    ],
)
def test_a_range_in_words(value, text):
    space = check_space({"a": [1, 2], "x": value})
    assert range_text(space.entries["x"]) == text


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_the_ends_are_those_of_the_support(low, width):
    law = stats.uniform(low, width)
    ends = [float(end) for end in range_text(law).partition(",")[0].split(" … ")]
    assert ends == pytest.approx(support(law), rel=1e-5, abs=1e-9)


def test_there_are_few_short_lines_and_constants_come_last():
    space = {"c": 1, **{f"name{'x' * i}": ["v" * 90, i] for i in range(30)}, "lr": [1, 2]}
    lines = ranges(space)
    assert len(lines) == 10
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "  … and 23 more"
    assert ranges({"c": 1, "lr": stats.uniform(0, 1)}) == ["  lr  0 … 1", "  c   always 1"]


def test_they_are_said_before_a_run_unless_it_is_quiet(tmp_path, capsys):
    def run(progress, name):
        space, search = {"dropout": stats.uniform(0.5, 0.9), "c": 1}, sweeper.RandomSearch(1)
        place = {"folder": tmp_path, "name": name, "address": "inline", "report": False}
        sweeper.run(lambda config: 0.5, space, search, progress=progress, **place)
        return capsys.readouterr().err.splitlines()

    said = run(True, "told")
    assert said[:3] == ["1 trial", "  dropout  0.5 … 1.4", "  c        always 1"]
    assert said[3].startswith(
        'Is this what you mean? config_space["dropout"]: uniform(0.5, 0.9) is'
    )
    assert run(False, "quiet") == []
