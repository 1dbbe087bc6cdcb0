"""Reports as files, and in a real browser: Debian's chromium."""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browsers import chromium
from made_records import row
from playwright.sync_api import Browser, Locator, Page
from sample_sweeps import MARKUP, SPACE, all_failed, made, odd, ordinary
from waiting import PATIENCE_S

import sweeper
from sweeper.plots.style import ON_DARK, STEPS
from sweeper.record.looks import append_look
from sweeper.record.results import Results

pytestmark = pytest.mark.slow

SCREENSHOTS = Path(os.environ.get("SWEEPER_SCREENSHOTS", "build/screenshots"))
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
# No picture is wider than the page, nor much narrower than its place; none makes the page scroll.
FITS = """() => document.documentElement.scrollWidth === innerWidth
    && [...document.querySelectorAll(".chart .main-svg:first-child")].every(
        (svg) => Math.abs(svg.clientWidth - svg.closest(".chart").clientWidth) < 2)"""


class Parts(HTMLParser):
    """The elements of a page, and its visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data if self.tags[-1:] not in (["script"], ["style"]) else ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def tab(browser) -> Page:
    """A tab for one report after the other, in which plotly is compiled but once."""
    return new_tab(browser)


def new_tab(browser: Browser, **options) -> Page:
    context = browser.new_context(**{"viewport": DESKTOP, **options})
    context.set_default_timeout(PATIENCE_S * 1000)
    return context.new_page()


@pytest.fixture(scope="module")
def report_of(tmp_path_factory) -> Callable[[str], Path]:
    """The report of an odd sweep by its name, each written once, in a folder of its own."""
    return cache(
        lambda name: sweeper.write_report(
            odd()[name], tmp_path_factory.mktemp(name) / "report.html"
        )
    )


class Opened:
    """A report in the browser, with what it asked for and complained of."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._heard = {
            "request": lambda request: self.requests.append(request.url),
            "pageerror": lambda error: self.complaints.append(str(error)),
            "console": self._note,
        }
        for event, note in self._heard.items():
            page.on(event, note)
        page.goto(path.as_uri())

    def _note(self, message) -> None:
        if "GPU stall due to ReadPixels" not in message.text:  # of software that draws WebGL
            self.complaints.append(f"{message.type}: {message.text}")

    def check(self) -> None:
        """Nothing was complained of, nothing fetched, and no script of the sweep has run."""
        assert self.page.evaluate("window.hacked") is None
        for event, note in self._heard.items():
            self.page.remove_listener(event, note)
        fetched = [url for url in self.requests if not url.startswith(("data:", "blob:"))]
        assert fetched == [self.page.url.partition("#")[0]]
        assert self.complaints == []

    def draw_all(self) -> list[Locator]:
        """Scrolls to every picture, since each is drawn when it comes near the window."""
        charts = self.page.locator(".chart").all()
        for chart in charts:
            chart.scroll_into_view_if_needed()
            chart.and_(self.page.locator("[data-drawn]")).wait_for()
        self.page.evaluate("scrollTo(0, 0)")
        return charts

    def column(self, name: str) -> list[str]:
        """The cells of a column of the table, on the page that is shown."""
        heads = self.page.locator("#table th button").all_text_contents()
        cells = self.page.locator(f"#table tbody td:nth-child({heads.index(name) + 1})")
        return cells.all_text_contents()


@pytest.fixture
def look(browser, tab, report_of, tmp_path) -> Iterator:
    """Opens the report of a sweep, or of an odd one by its name, and checks it at the end.

    With options, such as a colour scheme, in a tab of its own.
    """
    opened: list[Opened] = []

    def write_and_open(results: Results | str, **options) -> Opened:
        if isinstance(results, str):
            path = report_of(results)
        else:
            path = sweeper.write_report(results, tmp_path / "report.html")
        opened.append(Opened(new_tab(browser, **options) if options else tab, path))
        return opened[-1]

    yield write_and_open
    for one in opened:
        one.check()
        if one.page is not tab:
            one.page.context.close()


# The file


@pytest.mark.parametrize("name", odd())
def test_every_sweep_has_a_report_without_failed_parts(name, report_of):
    path = report_of(name)
    page = path.read_text()
    assert "This part failed" not in page
    assert list(path.parent.iterdir()) == [path]
    assert page.count('id="library"') == 1


def test_the_file_for_a_thousand_trials_is_small(tmp_path):
    assert sweeper.write_report(ordinary(1000), tmp_path / "r.html").stat().st_size < 6e6


def test_the_report_says_what_was_run_and_found(tmp_path):
    look = {"time": "2026-11-23", "trial": 0, "config": {"a": 1}, "test_error": 0.1629}
    append_look(tmp_path, look)
    found = ordinary(60, folder=tmp_path)
    found.unreadable = ["trials.jsonl:7: cut short"]
    text = Parts(sweeper.write_report(found, tmp_path / "report.html").read_text()).text
    for expected in (
        *SPACE.items(),
        *("RandomSearch", "0123456789abcdef", "torch 2.14.0", "mine:objective", "53 finished"),
        *("'learning_rate': ", "learning_rate: ", "1 unreadable line", "1 look at", "0.1629"),
        "the noise is unknown",
    ):
        for part in [expected] if isinstance(expected, str) else expected:
            assert part in text


def test_a_running_sweep_says_so(report_of):
    text = Parts(report_of("running").read_text()).text
    assert re.search(r"\d+ planned trials have not ended: the sweep still runs", text)


def test_markup_of_the_sweep_makes_no_element(report_of):
    kinds = []
    for name in ("hostile", "hostile_metrics", "ordinary"):
        parts = Parts(report_of(name).read_text())
        kinds.append(set(parts.tags))
        assert not {name for name, _ in parts.attributes if name.startswith("on")}
        assert parts.tags.count("script") == 3 + parts.tags.count("figure")
    assert "img" not in kinds[0] | kinds[1]


def test_names_that_no_column_may_have_still_make_a_report(tmp_path):
    rows = [row(i, config={"trial": i, "validation_error": "x", "\ud800": 1}) for i in range(3)]
    names = ("trial", "validation_error", "\ud800")
    path = sweeper.write_report(made(rows, dict.fromkeys(names, "")), tmp_path / "r.html")
    assert "What was run" in path.read_text()


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = sweeper.write_report(all_failed(), tmp_path / "report.html")
    before = path.read_bytes()
    with pytest.raises(FileNotFoundError, match="missing"):
        sweeper.write_report(ordinary(3), tmp_path / "missing" / "report.html")
    (tmp_path / "a_folder").mkdir()
    with pytest.raises(IsADirectoryError, match="a_folder"):
        sweeper.write_report(ordinary(3), tmp_path / "a_folder")
    assert path.read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {"report.html", "a_folder"}


# In the browser


@pytest.mark.parametrize(
    ("options", "windows"),
    [
        ({"viewport": PHONE, "has_touch": True}, {"phone": PHONE, "light": DESKTOP}),
        ({"color_scheme": "dark"}, {"dark": DESKTOP}),
    ],
)
def test_the_page_fits_its_window_and_its_pictures_are_drawn(look, options, windows):
    """Also a window that becomes wider, which must be as one that was opened so."""
    opened = look("replicates", **options)
    page = opened.page
    assert len(opened.draw_all()) >= 12
    for name, window in windows.items():
        page.set_viewport_size(window)
        page.wait_for_function(FITS)
        assert page.get_by_text("can't be drawn").count() == 0
        assert page.get_by_text("WebGL is not supported").count() == 0
        brightness = page.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0]"
        )
        assert (int(brightness) < 128) == (name == "dark")
        screenshot(page, name, full_page=True)
        table = page.locator("#best .scroll:has(table)")
        cut = table.evaluate("box => box.scrollWidth > box.clientWidth")
        assert not cut or window == PHONE


def screenshot(page: Page, name: str, **options) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"report-{name}.png", **options)


@pytest.mark.parametrize("name", ["none", "one", "grid", "twenty", "categories", "hostile_metrics"])
def test_every_odd_sweep_opens(look, name):
    opened = look(name)
    opened.draw_all()
    assert opened.page.get_by_text("can't be drawn").count() == 0


def test_pictures_follow_the_theme_of_the_browser_and_can_not_be_uploaded(look):
    opened = look("ordinary")
    page = opened.page
    chart = opened.draw_all()[0]
    titles = page.locator(".modebar-btn").evaluate_all(
        "buttons => buttons.map(button => button.getAttribute('data-title'))"
    )
    assert "Download plot as a PNG" in titles
    assert not [title for title in titles if re.search("share|cloud|edit", title, re.IGNORECASE)]

    colour = "chart => chart.layout.template.layout.font.color"
    light = chart.evaluate(colour)
    curves = page.locator(".chart[data-of=learning_curves]").first
    lines = "chart => chart.data.map(({line}) => line.color)"
    on_light = curves.evaluate(lines)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "light => document.querySelector('.chart').layout.template.layout.font.color !== light",
        arg=light,
    )
    page.wait_for_function(
        "colours => document.querySelector('.chart[data-of=learning_curves]').data.every("
        "({line}, i) => line.color === colours[i])",
        arg=[ON_DARK.get(colour, colour) for colour in on_light],
    )
    assert set(on_light) & {STEPS[0], STEPS[-1]}
    page.emulate_media(color_scheme="light")


def test_the_table_is_sorted_by_any_column(look):
    found = odd()["ordinary"]
    opened = look("ordinary")
    errors = [float(text) for text in opened.column("validation_error")]
    whole = opened.column("status").count("finished")
    assert errors[:whole] == sorted(errors[:whole])  # the best first, to begin with
    assert errors[0] == pytest.approx(found.best_error, rel=1e-5)
    for name in ("trial", "momentum", "validation_error"):
        button = opened.page.locator("#table th button", has_text=name)
        for direction in ("ascending", "descending"):
            button.click()
            head = opened.page.locator(f"#table th[aria-sort={direction}]")
            assert head.text_content() == name
            values = [float(text) for text in opened.column(name)]
            assert values == sorted(values, reverse=direction == "descending")
    opened.page.locator("#table th button", has_text="optimizer").click()
    assert set(opened.column("optimizer")) == {"adam"}


def test_the_table_of_an_accuracy_begins_with_the_highest(look):
    found = odd()["accurate"]
    opened = look("accurate")
    whole = opened.column("status").count("finished")
    values = [float(text) for text in opened.column("accuracy")]
    assert values[0] == pytest.approx(found.best_value, rel=1e-5)
    assert values[:whole] == sorted(values[:whole], reverse=True)
    assert opened.page.locator("#table th[aria-sort=descending]").text_content() == "accuracy"
    opened.page.locator("#table th button", has_text="accuracy").click()
    assert opened.page.locator("#table th[aria-sort=ascending]").text_content() == "accuracy"
    values = [float(text) for text in opened.column("accuracy")]
    assert values == sorted(values)
    opened.page.locator("#table th button", has_text="train_loss").click()
    assert opened.page.locator("#table th[aria-sort=ascending]").text_content() == "train_loss"
    losses = [float(text) for text in opened.column("train_loss")]
    assert losses == sorted(losses)
    opened.draw_all()
    assert opened.page.locator("#metrics .chart").count() == 1
    assert opened.page.get_by_text("can't be drawn").count() == 0
    screenshot(opened.page, "accuracy", full_page=True)


def test_sweeps_with_one_metric_have_no_section_of_others(tmp_path):
    assert 'id="metrics"' not in sweeper.write_report(ordinary(3), tmp_path / "r.html").read_text()


def test_the_report_of_a_sweep_with_early_stopping_tells_whole_trials_from_stopped_ones(look):
    found = odd()["stopped_early"]
    opened = look("stopped_early")
    whole = sum(one.status == "finished" for one in found.rows)
    assert opened.column("status") == ["finished"] * whole + ["stopped"] * (25 - whole)
    epochs = [int(text) for text in opened.column("epochs")[whole:]]
    assert epochs == sorted(epochs, reverse=True)
    errors = [float(text) for text in opened.column("validation_error")]
    assert min(errors[whole:]) < max(errors[:whole])  # which would have come before it
    opened.page.locator("#table th button", has_text="validation_error").click()
    assert opened.column("status")[:whole] == ["finished"] * whole
    header = opened.page.locator("header").text_content()
    assert f"{whole} of 59 trials were trained to the end; " in header
    assert opened.page.get_by_text("needs the final error of every draw").count() == 1
    opened.draw_all()
    assert opened.page.get_by_text("can't be drawn").count() == 0
    screenshot(opened.page, "stopped-early", full_page=True)


def test_pages_of_the_table_hold_every_trial_once(look):
    opened = look("ordinary")
    seen = opened.column("trial")
    while opened.page.locator("#next").is_enabled():
        opened.page.locator("#next").click()
        seen += opened.column("trial")
    assert sorted(map(int, seen)) == list(range(60))
    assert opened.page.locator("#page").text_content() == "page 3 of 3"
    opened.page.locator("#previous").click()
    assert opened.page.locator("#page").text_content() == "page 2 of 3"


def test_the_table_is_searched(look):
    found = odd()["ordinary"]
    opened = look("ordinary")
    opened.page.locator("#query").fill("DIVERGED")
    diverged = (found.frame["status"] == "diverged").sum()
    assert opened.page.locator("#shown").text_content() == f"{diverged} of 60 trials"
    assert set(opened.column("status")) == {"diverged"}
    opened.page.locator("#query").fill("sgd 256")
    assert set(opened.column("optimizer")) == {"sgd"}
    assert set(opened.column("num_hiddens")) == {"256"}
    opened.page.locator("#query").fill("nothing has this")
    assert opened.column("trial") == []


def test_an_exception_leads_to_its_traceback(look):
    opened = look("all_failed")
    opened.draw_all()
    assert opened.page.get_by_text("can't be drawn").count() == 0
    details = opened.page.locator("#exception-0")
    assert not details.locator("pre").is_visible()
    opened.page.locator("#table a").first.click()
    assert details.locator("pre").text_content() == "Traceback …\nValueError: no"
    assert details.locator("pre").is_visible()


def test_brushing_an_axis_selects_its_trials(look):
    found = odd()["ordinary"]
    opened = look("ordinary")
    page = opened.page
    chart = page.locator(".chart.brushed")
    chart.scroll_into_view_if_needed()
    chart.and_(page.locator("[data-drawn]")).wait_for()
    axis = chart.locator(".axis-brush .background").first.bounding_box()
    x, height = axis["x"] + axis["width"] / 2, axis["height"]
    page.mouse.move(x, axis["y"] + 0.3 * height)
    page.mouse.down()
    page.mouse.move(x, axis["y"] + 0.4 * height, steps=4)
    page.mouse.move(x, axis["y"] + 0.6 * height, steps=4)
    page.mouse.up()
    page.locator(".brush", has_text="lines are brushed").wait_for()
    screenshot(page, "brushed")

    low, high = chart.evaluate("chart => chart.data[0].dimensions[0].constraintrange")
    frame = found.frame[found.frame["validation_error"].notna()]
    rates = frame["learning_rate"]
    brushed = frame.loc[(rates >= 10**low) & (rates <= 10**high), "trial"]
    assert 5 < len(brushed) < 50
    page.locator("#query").fill(" ")
    seen = opened.column("trial")
    while page.locator("#next").is_enabled():
        page.locator("#next").click()
        seen += opened.column("trial")
    assert sorted(map(int, seen)) == sorted(brushed)
    page.get_by_text("Show all trials").click()
    assert page.locator("#shown").text_content() == "60 of 60 trials"


def test_markup_is_shown_as_text_and_runs_nothing(look):
    opened = look("hostile")
    page = opened.page
    opened.draw_all()
    assert page.get_by_text("can't be drawn").count() == 0
    page.locator("summary").last.click()
    assert MARKUP in page.locator("#exceptions").inner_text()
    assert MARKUP in page.locator("#run").inner_text()
    assert MARKUP[:30] in page.locator("#table").inner_text()
    assert MARKUP in page.locator("#best pre").first.inner_text()
    titles = page.locator(".chart svg text.xtitle").all_text_contents()
    assert any(MARKUP[:15] in title for title in titles)  # of an axis, drawn by plotly
    assert page.locator("img").count() == 0


def test_the_configuration_is_copied(look):
    found = odd()["ordinary"]
    opened = look("ordinary", permissions=["clipboard-read", "clipboard-write"])
    opened.page.clock.install()  # the page's own, which stands still
    opened.page.clock.pause_at(datetime.now() + timedelta(hours=1))
    opened.page.get_by_text("Copy Python").click()
    opened.page.get_by_text("Copied").wait_for()
    opened.page.clock.run_for(1500)
    opened.page.get_by_text("Copy Python").wait_for()
    copied = opened.page.evaluate("navigator.clipboard.readText()")
    names: dict = {}
    exec(copied, names)
    assert names["config"] == found.best_config


def test_ten_thousand_trials_are_sorted_and_searched(look):
    opened = look("large")
    assert opened.page.locator("#shown").text_content() == "10,000 of 10,000 trials"
    opened.page.locator("#table th button", has_text="momentum").click()
    values = [float(text) for text in opened.column("momentum")]
    assert values == sorted(values)
    opened.page.locator("#query").fill("failed")
    assert set(opened.column("status")) == {"failed"}
    opened.draw_all()
    timing = "performance.getEntriesByType('navigation')[0].toJSON()"
    loaded = json.loads(opened.page.evaluate(f"JSON.stringify({timing})"))["loadEventEnd"]
    print(f"10,000 trials: loaded in {loaded:.0f} ms")
