from hypothesis import given
from hypothesis import strategies as st

from sweeper.terminal import printable, short


@given(st.text())
def test_nothing_but_what_can_be_printed(text):
    shown = printable(text)
    assert all(c.isprintable() or c in "\n\t" for c in shown)
    assert printable(shown) == shown
    if text.isprintable():
        assert shown == text


def test_escapes_are_written_out():
    assert printable("\x1b[31mred\r\n\x07\udc80") == "\\x1b[31mred\\r\n\\x07\\udc80"


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_short_is_one_line_of_so_many_characters(text, most):
    line = short(text, most)
    assert len(line) <= most
    assert "\n" not in line
    if len(printable(text)) <= most and "\n" not in text:
        assert line == printable(text)
