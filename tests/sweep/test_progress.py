import io

import pytest

from sweeper.record.rows import Row
from sweeper.search.metric import Metric
from sweeper.sweep import progress
from sweeper.sweep.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def finished(error: float, epochs: int = 9, **config) -> Row:
    return Row(0, 0, config, error, epochs, "finished", 0)


FAILED = Row(0, 0, {}, None, None, "failed", 0)


def test_time_left_is_unknown_until_a_trial_has_ended(clock):
    bar = Progress(4, lambda: 2, stream=io.StringIO())
    bar.started(0)
    assert "unknown time left" in bar.line()


def test_time_left_counts_running_trials(clock):
    bar = Progress(5, lambda: 2, stream=io.StringIO())
    bar.started(0)
    bar.started(1)
    clock[0] += 60
    bar.ended(0, finished(0.5))
    bar.started(2)
    # 60 s a trial: trial 1 is due, 2 has just begun, 3 and 4 wait: 180 s of work for 2 workers.
    assert "about 1 min 30 s left" in bar.line()
    clock[0] += 30
    assert "about 1 min 15 s left" in bar.line()


def test_nothing_is_left_at_the_end(clock):
    bar = Progress(1, lambda: 1, stream=io.StringIO())
    bar.started(0)
    bar.ended(0, finished(0.25, lr=0.1, units=64))
    assert "left" not in bar.line()
    assert bar.line().endswith("best 0.25 (lr=0.1, units=64)")


def test_only_finished_trials_are_the_best():
    bar = Progress(3, lambda: 1, stream=io.StringIO())
    for row in (finished(0.5), Row(0, 0, {}, float("nan"), 9, "diverged", 0), FAILED):
        bar.ended(0, row)
    assert "best 0.5" in bar.line()
    assert "2 failed or diverged" in bar.line()


def test_few_plain_lines_where_there_is_no_terminal():
    stream = io.StringIO()
    bar = Progress(1000, lambda: 2, stream=stream)
    for i in range(1000):
        bar.started(i)
        bar.tick()
        bar.ended(i, finished(0.5))
    bar.close()
    lines = stream.getvalue().splitlines()
    assert 5 <= len(lines) <= 12
    assert "\x1b" not in stream.getvalue()
    assert lines[-1].startswith("1,000/1,000 trials")


def test_one_line_redrawn_in_a_terminal(clock, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    bar = Progress(3, lambda: 1, stream=stream)
    for i in range(3):
        bar.started(i)
        clock[0] += 1
        bar.tick()
        bar.ended(i, finished(0.5, a_long_name_of_a_hyperparameter=0.5))
    drawn = stream.getvalue()
    assert "\n" not in drawn
    assert all(len(part) < 40 for part in drawn.split("\r\x1b[K"))
    bar.say("a message")
    bar.close()
    assert "a message\n" in stream.getvalue()
    assert stream.getvalue().splitlines()[-1].split("\x1b[K")[-1].startswith("3/3 trials")


def test_silent_when_told_so():
    stream = Terminal()
    bar = Progress(1, lambda: 1, enabled=False, stream=stream)
    bar.started(0)
    bar.tick()
    bar.say("message")
    bar.ended(0, finished(0.5))
    bar.close()
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7800, "2 h 10 min")],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_stopped_trials_and_the_epochs_they_saved():
    bar = Progress(5, lambda: 1, stream=io.StringIO())
    bar.ended(0, finished(0.5, epochs=27))
    for trial, epochs in ((1, 1), (2, 9)):
        bar.ended(trial, Row(trial, 0, {}, 0.1, epochs, "stopped", 0))
    assert "2 stopped early, 44 epochs saved" in bar.line()
    assert "best 0.5" in bar.line()


def test_the_best_of_a_metric_is_named_and_follows_its_mode(clock):
    bar = Progress(3, lambda: 1, stream=io.StringIO(), metric=Metric("accuracy", "max"))
    for value in (0.8, 0.9, 0.7):
        bar.ended(value, finished(value, lr=value))
    assert bar.line().endswith(" · best accuracy 0.9 (lr=0.9)")


@pytest.mark.parametrize("fault", [BrokenPipeError(), OSError(28, "full"), ValueError("closed")])
def test_progress_that_can_not_be_written_is_dropped(fault, monkeypatch):
    class Closed(Terminal):
        def write(self, text: str) -> int:
            raise fault

    monkeypatch.setenv("TERM", "xterm")
    bar = Progress(1, lambda: 1, stream=Closed())
    bar.started(0)
    bar.say("message")
    bar.ended(0, finished(0.5))
    bar._drawn = 0
    bar.tick()
    bar.close()
    assert bar.line().startswith("1/1 trials")
