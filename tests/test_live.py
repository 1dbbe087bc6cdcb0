"""Lines that change in place: what is seen of them, and where there are none."""

import io
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from terminals import Terminal
from waiting import wait_until

from sweeper.live import Live

pytestmark = pytest.mark.slow

NOTEBOOK = """
import sweeper
def objective(config):
    yield config["lr"]
    yield config["lr"] / 2
results = sweeper.run(
    objective, {"lr": [0.5, 0.25]}, sweeper.GridSearch(), address=ADDRESS, num_workers=1
)
results
"""


def test_in_a_terminal_they_stay_below_what_is_printed(monkeypatch):
    terminal = Terminal(monkeypatch, columns=10)
    lines = ["one", "a line that is longer"]
    live = Live(lambda: lines, terminal)
    live.open()
    wait_until(lambda: terminal.shown() == ["one", "a line th…"])
    live.say("said")
    lines[0] = "two"
    wait_until(lambda: terminal.shown() == ["said", "two", "a line th…"])
    live.close()
    assert terminal.shown() == ["said"]
    live.say("at last")
    assert terminal.shown() == ["said", "at last"]


def test_what_is_printed_meanwhile_stands_above(monkeypatch):
    terminal = Terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdout", terminal)
    live = Live(lambda: ["live"], terminal)
    live.open()
    wait_until(lambda: terminal.shown() == ["live"])
    print("printed")
    assert terminal.shown() == ["printed", "live"]
    live.close()
    assert sys.stdout is terminal


def test_text_is_no_markup_and_moves_no_cursor(monkeypatch):
    terminal = Terminal(monkeypatch)
    live = Live(lambda: ["[bold]x[/bold]"], terminal)
    live.open()
    wait_until(lambda: terminal.shown() == ["[bold]x[/bold]"])
    live.say("\x1b[2J[red]")
    assert terminal.shown()[0] == "\\x1b[2J[red]"
    live.close()


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_elsewhere_nothing_changes_in_place(monkeypatch, term):
    stream = Terminal(monkeypatch) if term == "dumb" else io.StringIO()
    monkeypatch.setenv("TERM", term)
    live = Live(lambda: ["line"], stream)
    live.open()
    live.refresh()
    live.say("said")
    live.close()
    assert stream.getvalue() == "said\n"
    assert not live.shows


def test_colours_are_left_out_where_nobody_wants_them(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal(monkeypatch)
    live = Live(lambda: ["one"], terminal)
    live.open()
    wait_until(lambda: terminal.shown() == ["one"])
    live.close()
    assert "\x1b[3" not in terminal.getvalue()


def test_characters_that_a_terminal_has_not_are_replaced(monkeypatch):
    class Latin(Terminal):
        encoding = "latin-1"

        def write(self, text: str) -> int:
            text.encode("latin-1")
            return super().write(text)

    terminal = Latin(monkeypatch, columns=8)
    live = Live(lambda: ["a long line"], terminal)
    live.open()
    wait_until(lambda: terminal.shown() == ["a long ?"])
    live.close()


def shown_by(code: str) -> tuple[list[str], str]:
    """What the cell of a notebook showed: the texts that changed in place, and what it printed."""
    shown, printed = [], []

    class Client(NotebookClient):
        def process_message(self, msg, cell, cell_index):
            content = msg["content"]
            if msg["msg_type"] in ("display_data", "update_display_data"):
                shown.append(content["data"]["text/plain"])
            if msg["msg_type"] == "stream":
                printed.append(content["text"])
            assert msg["msg_type"] != "clear_output"
            return super().process_message(msg, cell, cell_index)

    cell = nbformat.v4.new_code_cell(code)
    Client(nbformat.v4.new_notebook(cells=[cell]), kernel_name="python3", timeout=300).execute()
    return shown, "".join(printed)


@pytest.mark.parametrize("address", ["inline", "local"])
def test_a_notebook_shows_how_far_a_sweep_is(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    shown, printed = shown_by(NOTEBOOK.replace("ADDRESS", repr(address)))
    assert "0/2 trials" in shown[0]
    assert shown[-1] == ""
    assert "best: 0.125 with {'lr': 0.25}" in printed
    assert "report.html" in printed
    for word in ("tqdm", "ipywidgets", "INFO", "Tune"):
        assert word not in printed
