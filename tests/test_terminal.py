from hypothesis import given
from hypothesis import strategies as st

from sweeper.terminal import MOST_KEPT, bounded, one_line, printable, short


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


@given(st.text(st.characters(codec=None)), st.integers(min_value=2, max_value=50))
def test_bounded_keeps_both_ends_and_can_be_written(text, most):
    kept = bounded(text, most)
    kept.encode()
    whole = text.encode("utf-8", "replace").decode()
    if len(text) <= most:
        assert kept == whole
    else:
        assert kept.startswith(whole[: most // 2])
        assert kept.endswith(whole[len(text) - most // 2 :])


def test_a_long_text_says_how_much_is_left_out():
    assert "… 999,990 characters left out …" in bounded("x" * 10**6, 10)
    assert len(bounded("x" * 10**8)) < MOST_KEPT + 100


@given(st.text(st.characters(codec=None)))
def test_one_line_is_one_and_can_be_printed(text):
    line = one_line(text)
    assert line.isprintable()
    assert line.splitlines() in ([], [line])
    if text.isprintable():
        assert line == text
