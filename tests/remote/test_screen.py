import sys

import pytest
from terminals import Terminal
from waiting import wait_until

from sweeper.record.mirror import Mirror
from sweeper.remote.screen import Screen

STARTED = "from Ray\n\x1e{}\nhello\n"


@pytest.fixture
def screen() -> Screen:
    return Screen(Mirror(None))


def test_what_was_printed_and_what_was_said_go_apart(screen, capsys):
    screen.show(STARTED + '\x1e{"print": "table"}\n')
    screen.close()
    assert capsys.readouterr() == ("table", "hello\n")


def test_a_log_that_comes_again_is_not_shown_again(screen, capsys):
    log = STARTED + "more\n"
    for seen in (10, 15, len(log)):
        screen.rewind()
        for start in range(0, seen, 4):
            screen.show(log[start : min(start + 4, seen)])
    assert capsys.readouterr().err == "hello\nmore\n"


def test_a_sweeper_that_never_starts_is_told_with_what_ray_said(screen, capsys):
    screen.show("python: No module named sweeper\n")
    assert capsys.readouterr().err == ""
    screen.close()
    said = capsys.readouterr().err
    assert "No module named sweeper" in said
    assert "The head's `python` must have it installed" in said


def test_control_characters_of_the_head_do_not_reach_the_terminal(screen, capsys):
    screen.show(STARTED + "\x1b[2Jcleared\n" + '\x1e{"print": "\\u001b[2J"}\n')
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert r"\x1b[2Jcleared" in err


def test_in_a_terminal_the_last_lines_are_live(monkeypatch):
    terminal = Terminal(monkeypatch, columns=12)
    monkeypatch.setattr(sys, "stderr", terminal)
    screen = Screen(Mirror(None))
    screen.show(STARTED + '\x1e{"lines": ["best 0.5", "1/2 trials and more"]}\n' + "said\n")
    wait_until(lambda: terminal.shown() == ["hello", "said", "best 0.5", "1/2 trials …"])
    screen.show('\x1e{"lines": ["best 0.25", "2/2 trials"]}\n')
    wait_until(lambda: terminal.shown() == ["hello", "said", "best 0.25", "2/2 trials"])
    screen.close()
    assert terminal.shown() == ["hello", "said"]


def test_elsewhere_no_live_line_is_drawn(screen, capsys):
    screen.show(STARTED + '\x1e{"lines": ["1/2 trials"]}\n')
    assert capsys.readouterr().err == "hello\n"
