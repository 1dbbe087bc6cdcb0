import io

import pytest
from terminals import Terminal
from waiting import wait_until

from sweeper.record.rows import Key, Row
from sweeper.record.running import read_progress
from sweeper.search.metric import Metric
from sweeper.sweep import progress
from sweeper.sweep.progress import Progress, duration


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
    bar.ended(0, [finished(0.5)])
    bar.started(2)
    # 60 s a trial: trial 1 is due, 2 has just begun, 3 and 4 wait: 180 s of work for 2 workers.
    assert "about 1 min 30 s left" in bar.line()
    clock[0] += 30
    assert "about 1 min 15 s left" in bar.line()


def test_nothing_is_left_at_the_end(clock):
    bar = Progress(1, lambda: 1, stream=io.StringIO())
    bar.started(0)
    bar.ended(0, [finished(0.25, lr=0.1, units=64)])
    assert "left" not in bar.line()
    assert bar.line().endswith("best 0.25 (lr=0.1, units=64)")


def test_only_finished_trials_are_the_best():
    bar = Progress(3, lambda: 1, stream=io.StringIO())
    for row in (finished(0.5), Row(0, 0, {}, float("nan"), 9, "diverged", 0), FAILED):
        bar.ended(0, [row])
    assert "best 0.5" in bar.line()
    assert "2 failed or diverged" in bar.line()


def test_few_plain_lines_where_there_is_no_terminal():
    stream = io.StringIO()
    bar = Progress(1000, lambda: 2, stream=stream)
    for i in range(1000):
        bar.started(i)
        bar.tick()
        bar.ended(i, [finished(0.5)])
    bar.close()
    lines = stream.getvalue().splitlines()
    assert 5 <= len(lines) <= 12
    assert "\x1b" not in stream.getvalue()
    assert lines[-1].startswith("1,000/1,000 trials")


@pytest.mark.parametrize("columns", [40, 80])
def test_in_a_terminal_lines_change_in_place_the_best_one_first(monkeypatch, columns):
    terminal = Terminal(monkeypatch, columns)
    bar = Progress(3, lambda: 2, stream=terminal)
    bar.open()
    for trial in range(2):
        bar.started(Key(trial, 0))
        bar.reported(Key(trial, 0), 2, 0.75)
    bar.ended(Key(0, 0), [finished(0.5, a_long_name_of_a_hyperparameter=0.5, another=2)])
    wait_until(lambda: terminal.shown()[:1] and terminal.shown()[0].startswith("best 0.5 (a_long"))
    bar.say("a message")
    seen = terminal.shown()
    assert seen[0] == "a message"
    best = "best 0.5 (a_long_name_of_a_hyperparameter=0.5, another=2)"
    assert seen[1] == (best if len(best) <= columns else f"{best[: columns - 1]}…")
    assert seen[2].startswith("1/3 trials · about ")
    assert seen[3:] == ["running: trial 1 (epoch 2: 0.75)"]
    bar.close()
    assert terminal.shown()[0] == "a message"
    assert terminal.shown()[1].startswith("1/3 trials")


def test_workers_start_until_the_first_trial_does():
    bar = Progress(2, lambda: 2, stream=io.StringIO())
    assert "unknown time left · workers are starting · " in bar.line()
    bar.started(Key(0, 0))
    assert "1 running" in bar.line()
    bar.ended(Key(0, 0), [finished(0.5)])
    assert "running" not in bar.line()
    assert "workers" not in bar.line()


def test_lines_tell_who_waits_for_a_suggestion():
    bar = Progress(9, lambda: 4, stream=io.StringIO())
    bar.started(Key(0, 0))
    bar.started(Key(0, 1))
    bar.waits(True)
    counts, running = bar.lines()[1:]
    assert "2 waiting for a suggestion" in counts
    assert running == "running: trial 0, trial 0, replicate 1"
    bar.waits(False)
    assert "waiting" not in bar.lines()[1]


def test_plain_lines_come_now_and_then_also_without_a_result(clock):
    stream = io.StringIO()
    bar = Progress(2, lambda: 1, stream=stream)
    bar.started(Key(0, 0))
    for _ in range(3600):
        clock[0] += 1
        bar.tick()
    assert len(stream.getvalue().splitlines()) == 6  # after 1, 2, 4, 8, 16, 32 minutes


def test_however_many_hyperparameters_a_line_is_bounded():
    bar = Progress(1, lambda: 1, stream=io.StringIO())
    bar.ended(
        Key(0, 0), [finished(0.5, **{f"{'long_name' * 20}{i}": "x" * 500 for i in range(3000)})]
    )
    assert len(bar.line()) < 400
    assert all(len(line) < 400 for line in bar.lines())


def test_whoever_looks_at_the_folder_finds_how_far_the_sweep_is(clock, tmp_path):
    bar = Progress(2, lambda: 1, enabled=False, folder=tmp_path)
    bar.started(Key(0, 0))
    clock[0] += 3
    bar.tick()
    assert read_progress(tmp_path) == bar.lines()
    bar.close()
    assert read_progress(tmp_path) == []


def test_silent_when_told_so(monkeypatch):
    stream = Terminal(monkeypatch)
    bar = Progress(1, lambda: 1, enabled=False, stream=stream)
    bar.open()
    bar.started(Key(0, 0))
    bar.tick()
    bar.say("message")
    bar.ended(Key(0, 0), [finished(0.5)])
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
    bar.ended(0, [finished(0.5, epochs=27)])
    for trial, epochs in ((1, 1), (2, 9)):
        bar.ended(trial, [Row(trial, 0, {}, 0.1, epochs, "stopped", 0)])
    assert "2 stopped early, 44 epochs saved" in bar.line()
    assert "best 0.5" in bar.line()


def test_the_best_of_a_metric_is_named_and_follows_its_mode(clock):
    bar = Progress(3, lambda: 1, stream=io.StringIO(), metric=Metric("accuracy", "max"))
    for value in (0.8, 0.9, 0.7):
        bar.ended(value, [finished(value, lr=value)])
    assert bar.line().endswith(" · best accuracy 0.9 (lr=0.9)")


@pytest.mark.parametrize("fault", [BrokenPipeError(), OSError(28, "full"), ValueError("closed")])
def test_progress_that_can_not_be_written_is_dropped(fault, monkeypatch):
    class Closed(Terminal):
        def write(self, text: str) -> int:
            raise fault

    bar = Progress(1, lambda: 1, stream=Closed(monkeypatch))
    bar.open()
    bar.started(0)
    bar.say("message")
    bar.ended(0, [finished(0.5)])
    bar.tick()
    bar.close()
    assert bar.line().startswith("1/1 trials")
