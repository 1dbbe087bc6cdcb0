import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sweeper.terminal import one_line
from sweeper.text_table import text_table

texts = st.text().map(one_line)


@given(st.lists(st.tuples(texts, st.lists(texts, min_size=2, max_size=2)), min_size=1), st.data())
def test_no_line_is_wider_than_the_screen(columns, data):
    width = data.draw(st.integers(min_value=4, max_value=100))
    assert all(cell_len(line) <= width for line in text_table(columns, width).split("\n"))


@given(st.lists(st.tuples(st.just("n"), st.lists(texts, min_size=2, max_size=2)), min_size=1))
def test_without_a_limit_all_is_there(columns):
    lines = text_table(columns).split("\n")
    for row, line in enumerate(lines[1:3]):
        assert all(cells[row].strip() in line for _, cells in columns)


@pytest.mark.parametrize(
    ("cells", "lines"),
    [
        (["1", "-2.5e-05"], ["       x", "       1", "-2.5e-05"]),
        (["ab", "c"], ["x", "ab", "c"]),
    ],
)
def test_numbers_stand_right_and_words_left(cells, lines):
    assert text_table([("x", cells)]).splitlines() == lines
