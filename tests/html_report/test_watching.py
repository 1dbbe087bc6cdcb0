"""A sweep's page that follows it: the server, and the page in a real browser."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsers import chromium
from made_records import row, sweep
from playwright.sync_api import Browser
from waiting import PATIENCE_S, wait_until

from sweeper.cli.main import main
from sweeper.html_report import watching
from sweeper.html_report.page import library
from sweeper.html_report.watching import Server, Watched
from sweeper.record import running
from sweeper.record.journal import Journal
from sweeper.record.running import note_progress, remove_progress

pytestmark = pytest.mark.slow

SCREENSHOTS = Path(os.environ.get("SWEEPER_SCREENSHOTS", "build/screenshots"))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A sweep of twelve trials that has begun: a new report as soon as there is new data, and
    its progress stays.
    """
    monkeypatch.setattr(watching, "_LEAST_S", 0.0)
    monkeypatch.setattr(watching, "_REST", 0)
    monkeypatch.setattr(running, "_FRESH_S", PATIENCE_S)
    path = tmp_path / "first"
    path.mkdir()
    return sweep(path, config_space={"lr": "uniform(0, 10)"}, num_trials=12)


def end(folder: Path, *trials: int) -> None:
    """Trials end, the later ones better."""
    curves = [[[epoch, 0.9 / (epoch + trial)] for epoch in range(1, 5)] for trial in trials]
    with closing(Journal(folder)) as journal:
        for trial, curve in zip(trials, curves, strict=True):
            whole = [[epoch, value, epoch * 0.5] for epoch, value in curve]
            journal.append(row(trial, value=whole[-1][1], epochs=4, curve=whole))


@pytest.fixture
def server(folder) -> Iterator[Server]:
    with Server(Watched(folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(address: str, method: str = "GET", host: str | None = None) -> tuple[int, bytes]:
    """The status and the content of an answer."""
    url = urlsplit(address)
    with closing(http.client.HTTPConnection(url.netloc, timeout=PATIENCE_S)) as connection:
        connection.request(method, url.path, headers={"Host": host} if host is not None else {})
        answer = connection.getresponse()
        return answer.status, answer.read()


def state(server: Server) -> dict:
    status, content = ask(server.address + "state")
    assert status == 200
    return json.loads(content)


# Who gets what


def test_whoever_knows_the_secret_gets_the_page_and_nobody_else(server, folder):
    status, content = ask(server.address)
    assert status == 200
    assert b"What was run" in content
    assert library()[0].encode() in content
    assert server.server_address[0] == "127.0.0.1"
    root = server.address.removesuffix(f"{server.secret}/")
    for path in ("", "state", "x/", f"{server.secret[:-1]}/", f"{server.secret}x/", "%C3%A9/",
                 f"../{server.secret}/", server.secret.swapcase() + "/"):  # fmt: skip
        status, content = ask(root + path)
        assert (status, b"run" in content) == (403, False), path
    for name in ("trials.jsonl", "sweep.json", "../first/sweep.json", "%2e%2e/", "state/"):
        assert ask(server.address + name)[0] == 404, name


def test_names_of_this_machine_that_an_attacker_can_choose_are_refused(server):
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.2", "",
                 "localhost@evil.example", "127.0.0.1:8\u00b2"):  # fmt: skip
        assert ask(server.address, host=host)[0] == 403, host
    for host in ("localhost:8000", "127.0.0.1", "[::1]:9"):  # the port of a tunnel
        assert ask(server.address, host=host)[0] == 200, host


def test_only_get_is_answered(server):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"):
        assert ask(server.address, method)[0] == 501


def test_a_ticket_leads_to_the_page_once(server):
    url = urlsplit(server.ticket)
    with closing(http.client.HTTPConnection(url.netloc, timeout=PATIENCE_S)) as connection:
        connection.request("GET", url.path)
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Location"]) == (303, f"/{server.secret}/")
    assert ask(server.ticket)[0] == 403
    assert server.secret not in server.ticket


def test_a_client_that_says_nothing_holds_up_no_other(server):
    with socket.create_connection(server.server_address) as silent:
        silent.sendall(b"GET /")
        assert ask(server.address)[0] == 200


# What is shown


def test_new_trials_make_a_new_page(server, folder):
    first = state(server)
    assert state(server) == first
    assert b"No trial has ended yet" in ask(server.address)[1]
    end(folder, 0, 1)
    note_progress(folder, ["best: 0.18", "2/12 trials"])
    second = state(server)
    assert second["version"] != first["version"]
    assert (second["lines"], second["kind"]) == (["best: 0.18", "2/12 trials"], "runs")
    content = ask(server.address + "new")[1]
    assert b"2 finished" in content
    assert f'data-version="{second["version"]}"'.encode() in content
    assert library()[0].encode() not in content
    assert state(server)["version"] == second["version"]


def test_what_is_trained_again_makes_a_new_page(server, folder):
    end(folder, *range(12))
    before = state(server)["version"]
    assert b"Trained again" not in ask(server.address)[1]
    again = shutil.copytree(folder, folder.with_name("again"))
    again.rename(folder / "confirm-again")
    after = state(server)["version"]
    assert after != before
    assert b"Trained again" in ask(server.address)[1]
    assert state(server)["version"] == after


def test_a_sweep_that_does_not_run_says_whether_it_has_ended(server, folder):
    end(folder, 0)
    assert "is not running, and 11 planned trials have not ended" in state(server)["lines"][0]
    note_progress(folder, ["1/12 trials"])
    assert state(server)["kind"] == "runs"
    end(folder, *range(1, 12))
    remove_progress(folder)
    assert state(server)["lines"] == ["The sweep has ended."]
    assert b"12 finished" in ask(server.address)[1]


def test_a_damaged_line_is_named_and_hides_no_other(server, folder):
    end(folder, 0)
    with (folder / "trials.jsonl").open("a") as file:
        file.write('{"trial": 1, "repl\n')
    content = ask(server.address)[1]
    assert b"1 finished" in content
    assert b"1 unreadable line" in content


def test_a_folder_that_vanishes_or_is_damaged_leaves_the_page_as_it_was(server, folder):
    end(folder, 0)
    assert b"1 finished" in ask(server.address)[1]
    folder.rename(folder.with_name("moved"))
    gone = state(server)
    assert gone["kind"] == "fails"
    assert f"{folder}: can no longer be read" in gone["lines"][0]
    assert b"1 finished" in ask(server.address)[1]
    folder.with_name("moved").rename(folder)
    assert state(server)["kind"] == "ended"
    whole = (folder / "sweep.json").read_bytes()
    (folder / "sweep.json").write_bytes(whole[:50])
    assert "damaged" in state(server)["lines"][0]
    assert b"1 finished" in ask(server.address)[1]
    (folder / "sweep.json").write_bytes(whole)
    assert state(server)["kind"] == "ended"


def test_pages_are_not_made_one_after_the_other(folder, monkeypatch):
    monkeypatch.setattr(watching, "_LEAST_S", 3600.0)
    watched = Watched(folder)
    before = watched.state()["version"]
    end(folder, 0)
    assert "No trial has ended yet" in watched.page()
    now = watched.state()
    assert now["version"] == before
    assert now["lines"] == ["Reading the last trials …"]  # before it is said to have ended


def test_a_folder_without_a_sweep_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no sweep here"):
        Watched(tmp_path)


# The command


def test_the_command_prints_the_address_and_what_changes_until_ctrl_c(folder, tmp_path):
    end(folder, *range(12))
    command = [sys.executable, "-m", "sweeper", "watch", str(folder), "--no-browser"]
    said = tmp_path / "said"
    with (
        said.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        address = process.stdout.readline().strip()
        assert ask(address)[0] == 200
        wait_until(lambda: "The sweep has ended." in said.read_text(), process)
        folder.rename(tmp_path / "moved")
        wait_until(lambda: "can no longer be read" in said.read_text(), process)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
    assert said.read_text().count("\n") == 4
    assert said.read_text().endswith("sweeper: interrupted\n")


@pytest.mark.parametrize(
    ("port", "rule"), [("70000", "--port must be 1 to 65535"), ("taken", "Address already in use")]
)
def test_a_port_that_can_not_be_had_is_named(folder, server, port, rule, capsys):
    port = str(server.server_address[1]) if port == "taken" else port
    assert main(["watch", str(folder), "--port", port]) == 2
    assert rule in capsys.readouterr().err


# In the browser


class Opened:
    """A watched page in the browser, with what it asked for and complained of."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.complaints: list[str] = []
        self.asked: set[str] = set()
        self.page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.set_default_timeout(PATIENCE_S * 1000)
        self.page.on("request", lambda request: self.asked.add(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.goto(server.address)

    def check(self, server: Server) -> None:
        """Nothing was complained of, nothing but the page and its news asked for."""
        drawing = "GPU stall due to ReadPixels"  # of software that draws WebGL
        assert [text for text in self.complaints if drawing not in text] == []
        fetched = {url for url in self.asked if not url.startswith(("data:", "blob:"))}
        assert fetched == {server.address + name for name in ("", "new", "state")}

    def screenshot(self, scheme: str) -> None:
        """All of the page, with each picture drawn."""
        self.page.emulate_media(color_scheme=scheme)
        for chart in self.page.locator(".chart").all():
            chart.scroll_into_view_if_needed()
            chart.and_(self.page.locator("[data-drawn]")).wait_for()
        self.page.evaluate("scrollTo(0, 0)")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"watched-{scheme}.png", full_page=True)


def test_the_page_follows_the_sweep_where_it_stands(server, folder):
    end(folder, 0, 1, 2, 3, 4)
    note_progress(folder, ["best: 0.11 by trial 4", "5/12 trials · 2 running"])
    with chromium() as browser:
        opened = Opened(browser, server)
        page = opened.page
        page.get_by_text("best: 0.11 by trial 4").wait_for()
        page.locator("#query").fill("finished")
        page.locator("#table th button", has_text="trial").click()
        chart = page.locator("#search .chart").nth(1)
        chart.scroll_into_view_if_needed()
        chart.and_(page.locator("[data-drawn]")).wait_for()
        page.evaluate("window.unbroken = true")
        place = chart.bounding_box()["y"]

        end(folder, *range(5, 11))
        note_progress(folder, ["best: 0.06 by trial 10", "11/12 trials · 1 running"])
        page.locator("#shown", has_text="11 of 11 trials").wait_for()
        page.get_by_text("best: 0.06 by trial 10").wait_for()
        assert page.evaluate("window.unbroken")  # it was not loaded anew
        assert page.locator("#query").input_value() == "finished"
        cells = page.locator("#table tbody td:first-child").all_text_contents()
        assert cells == [str(trial) for trial in range(11)]
        assert chart.bounding_box()["y"] == pytest.approx(place, abs=2)
        assert chart.get_attribute("data-drawn") == "yes"
        page.get_by_text("The best trial is at 0.06429 after 4 epochs").wait_for()
        for scheme in ("light", "dark"):
            opened.screenshot(scheme)

        end(folder, 11)
        remove_progress(folder)
        page.get_by_text("The sweep has ended.").wait_for()
        page.locator("#shown", has_text="12 of 12 trials").wait_for()
        folder.rename(folder.with_name("moved"))
        page.get_by_text("can no longer be read").wait_for()
        opened.check(server)
        server.shutdown()
        server.server_close()
        page.get_by_text("This page no longer follows the sweep").wait_for()
