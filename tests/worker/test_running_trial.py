import contextlib
import contextvars
import io
import itertools
import math
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from linear import Linear, make_batches

from sweeper.search.asha import ASHA
from sweeper.training.trainer import HPOTrainer
from sweeper.training.trial import StopTrial, current_context
from sweeper.worker.reports import Ended, Reports
from sweeper.worker.running_trial import RunningTrial

EPOCHS = 4


def always(epoch):
    return True


def to_the_end(trial, pause_at=always):
    """What the trial told, and how it ended."""
    told = []
    while True:
        result = trial.advance(pause_at)
        told.append(result.points)
        if isinstance(result, Ended):
            return told, result


def trial_of(objective, config=None, seed=1, **options):
    return RunningTrial(objective, config or {}, {}, seed, **options)


def joined(told):
    return list(itertools.chain.from_iterable(told))


def without_seconds(points):
    return [(epoch, error) for epoch, error, _ in points]


# Objectives of all kinds, which are to be the same to whoever runs them


def fits(config, log=None):
    log = [] if log is None else log
    trainer = HPOTrainer(max_epochs=EPOCHS)
    try:
        trainer.fit(Linear(), (make_batches(), make_batches(seed=1)))
        return trainer.validation_error()
    finally:
        log.append("closed")


def yields(config, log=None):
    log = [] if log is None else log
    trainer = HPOTrainer(max_epochs=0)
    trainer.fit(Linear(), (make_batches(), make_batches(seed=1)))
    try:
        for _ in range(EPOCHS):
            trainer.fit_epoch()
            yield trainer.validation_error()
    finally:
        log.append("closed")


def fits_in_parts(config, log=None):
    log = [] if log is None else log
    trainer = HPOTrainer(max_epochs=1)
    model = Linear()
    try:
        for _ in range(EPOCHS):
            trainer.fit(model, (make_batches(), make_batches(seed=1)))
        return trainer.validation_error()
    finally:
        log.append("closed")


def fits_deep_down(config, log=None, depth=300):
    return fits(config, log) if depth == 0 else fits_deep_down(config, log, depth - 1)


class Iterates:
    def __init__(self, config, log=None):
        self.epochs = yields(config, log)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.epochs)


KINDS = [fits, yields, fits_in_parts, fits_deep_down, Iterates]


@pytest.mark.parametrize("objective", KINDS)
def test_every_kind_of_objective_tells_the_same_curve(objective):
    expected = joined(to_the_end(trial_of(fits), pause_at=lambda epoch: False)[0])
    told, ended = to_the_end(trial_of(objective))
    points = joined(told)
    assert without_seconds(points) == without_seconds(expected)
    assert [len(each) for each in told] == [1] * EPOCHS + [0]
    seconds = [0, *(point[2] for point in points), ended.runtime_s]
    assert seconds == sorted(seconds)
    assert (ended.status, ended.epochs, ended.exception) == ("finished", EPOCHS, None)
    assert ended.value == points[-1][1]


@given(pauses=st.sets(st.integers(1, 12)), epochs=st.integers(0, 12))
def test_each_point_is_told_once_and_at_once_where_asked_for(pauses, epochs):
    def objective(config):
        for epoch in range(epochs):
            yield epoch / 100
        return

    told, ended = to_the_end(trial_of(objective), pauses.__contains__)
    points = joined(told)
    assert without_seconds(points) == [(i + 1, i / 100) for i in range(epochs)]
    assert ended.status == ("finished" if epochs else "failed")
    ends = {points[-1][0] for points in told if points}
    assert pauses & set(range(1, epochs + 1)) <= ends


def test_cheap_epochs_are_told_of_together_and_long_ones_as_time_goes_by():
    def objective(config):
        for _ in range(3):
            time.sleep(0.11)
            yield 0.5
        for _ in range(1000):
            yield 0.25

    told, ended = to_the_end(trial_of(objective), lambda epoch: False)
    points = joined(told)
    assert [epoch for epoch, _, _ in points] == list(range(1, 1004))
    assert [len(each) for each in told[:3]] == [1, 1, 1]
    assert ended.epochs == 1003


@given(grace=st.integers(1, 9), factor=st.integers(2, 5), epoch=st.integers(1, 2000))
def test_rungs_are_powers_of_the_factor_from_the_first_one_on(grace, factor, epoch):
    assert ASHA(grace, factor).is_rung(epoch) == (epoch in {grace * factor**k for k in range(12)})


# Stopping


@pytest.mark.parametrize("objective", KINDS)
@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_a_trial_can_be_stopped_at_any_epoch_and_the_next_one_sees_nothing_of_it(objective, epoch):
    log = []
    expected = to_the_end(trial_of(fits))[1].value
    before = current_context()
    trial = trial_of(lambda config: objective(config, log))
    for _ in range(epoch):
        assert isinstance(trial.advance(always), Reports)
        assert current_context() is trial.context
    assert log == []
    trial.stop()
    trial.stop()  # which is nothing more
    del trial
    assert log == ["closed"]
    assert current_context() is before
    assert to_the_end(trial_of(objective))[1].value == expected
    assert log == ["closed"]


def test_stopping_where_nothing_has_begun_or_all_is_over_does_nothing():
    def objective(config):
        began.append(True)
        return 0.5

    began = []
    trial = trial_of(objective)
    trial.stop()
    with pytest.raises(RuntimeError, match="The trial has ended"):
        trial.advance()
    assert began == []
    trial = trial_of(objective)
    assert trial.advance().value == 0.5
    trial.stop()
    with pytest.raises(RuntimeError, match="The trial has ended"):
        trial.advance()


def test_stop_passes_what_catches_exceptions_and_has_its_name():
    def objective(config):
        try:
            yield 0.5
        except Exception:
            seen.append("Exception")
        except BaseException as stop:
            seen.append(type(stop))
            raise

    seen = []
    trial = trial_of(objective)
    trial.advance(always)
    trial.stop()
    assert seen == [StopTrial]


def swallows_in_a_generator(config, log):
    while len(log) < config["times"]:
        try:
            yield 0.5
        except BaseException as stop:
            log.append(type(stop))


def swallows_around_fit(config, log):
    while len(log) < config["times"]:
        try:
            fits(config)
        except BaseException as stop:
            log.append(type(stop))
    return 0.5


SWALLOWERS = [swallows_in_a_generator, swallows_around_fit]


@pytest.mark.parametrize("objective", SWALLOWERS)
def test_an_objective_that_swallows_the_stop_is_stopped_again(objective, capfd):
    log = []
    trial = trial_of(lambda config: objective(config, log), {"times": 50})
    trial.advance(always)
    trial.stop()
    assert log == [StopTrial] * 50
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_one_that_never_ends_is_left_behind_and_said_so():
    """In a process of its own: what is left behind stays there."""
    code = f"""
        import sys
        sys.path += {sys.path!r}  # behind its own: some of it hides parts of Python
        from test_running_trial import *
        before = current_context()
        for objective in SWALLOWERS:
            trial = trial_of(lambda config: objective(config, []), {{"times": math.inf}})
            trial.advance(always)
            trial.stop()
            assert current_context() is before
            print(to_the_end(trial_of(fits))[1].status)
    """
    environment = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "finished\n" * 2), done.stderr
    assert "ignored GeneratorExit" in done.stderr
    assert "keeps reporting" in done.stderr


def test_what_goes_wrong_while_it_is_stopped_is_printed(capfd):
    def objective(config):
        try:
            yield 0.5
        finally:
            raise OSError("can't remove it")

    trial = trial_of(objective)
    trial.advance(always)
    trial.stop()
    told = capfd.readouterr().err
    assert "in objective" in told
    assert "OSError: can't remove it" in told
    assert "_last_yield" not in told


def test_what_a_stopped_trial_held_is_freed():
    def objective(config):
        model = Model()
        held.append(weakref.ref(model))
        yield 0.5

    class Model:
        pass

    held = []
    trial = trial_of(objective)
    trial.advance(always)
    assert held[0]() is not None
    trial.stop()
    assert held[0]() is None


# The end


def test_failures_are_told_by_the_users_own_lines():
    def user_code():
        raise ValueError("two\nlines")

    def returns(config):
        user_code()

    def late(config):
        yield 0.5
        user_code()

    def inside_of_fit(config):
        class Broken(Linear):
            def validation_step(self, batch):
                user_code()

            def accuracy(self, y_hat, y, averaged=True):
                user_code()

        HPOTrainer(max_epochs=2).fit(Broken(), (make_batches(), make_batches()))

    for objective, epochs in ((returns, None), (late, 1), (inside_of_fit, 1)):
        _, ended = to_the_end(trial_of(objective))
        assert (ended.status, ended.value) == ("failed", None)
        assert ended.epochs == epochs
        assert ended.exception == "ValueError: two\nlines"
        first = next(line for line in ended.traceback.splitlines() if "File" in line)
        assert first.endswith(f"in {objective.__name__}")
        assert "in user_code" in ended.traceback


@pytest.mark.parametrize("exception", [SystemExit("bye"), KeyboardInterrupt(), StopTrial()])
def test_exceptions_that_would_end_a_process_are_failures_unless_let_through(exception):
    def objective(config):
        try:
            raise exception
        finally:
            log.append("closed")

    log = []
    _, ended = to_the_end(trial_of(objective))
    assert (ended.status, log) == ("failed", ["closed"])
    assert type(exception).__name__ in ended.exception
    before = current_context()
    trial = trial_of(objective, passes=(type(exception),))
    with pytest.raises(type(exception)) as raised:
        trial.advance()
    assert raised.traceback[-1].name == "objective"
    assert current_context() is before
    with pytest.raises(RuntimeError, match="The trial has ended"):
        trial.advance()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_finite_number_is_a_divergence(value):
    _, ended = to_the_end(trial_of(lambda config: value))
    assert (ended.status, ended.exception) == ("diverged", None)
    assert str(ended.value) == str(value)

    def objective(config):
        yield value
        yield 0.5

    told, ended = to_the_end(trial_of(objective))
    assert str(told[0][0][1]) == str(value)
    assert (ended.status, ended.value) == ("finished", 0.5)


@pytest.mark.parametrize("value", [None, "0.5", [0.5], np.zeros(2)])
def test_what_is_no_number_fails_and_the_generator_is_closed(value):
    def objective(config):
        try:
            yield 0.5
            yield value
        finally:
            log.append("closed")

    log = []
    _, ended = to_the_end(trial_of(objective))
    assert (ended.status, ended.epochs, log) == ("failed", 1, ["closed"])
    assert ended.exception.startswith("TypeError: The objective must give validation_error")


# What the objective has to itself


def test_seeds_and_configuration_reach_the_objective():
    def objective(config):
        return random.random() + np.random.random() + float(torch.rand(())) + config["x"]

    def error(seed, x):
        return trial_of(objective, {"x": x}, seed).advance().value

    assert error(7, 0) == error(7, 0) != error(8, 0)
    assert error(7, 1) == pytest.approx(error(7, 0) + 1)


def test_gradients_threads_streams_and_context_are_the_objectives_own(capsys):
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("outside")
    threads = torch.get_num_threads()
    printed = io.StringIO()

    def objective(config):
        seen.append(variable.get())
        variable.set("inside")
        np.seterr(all="ignore")
        torch.set_num_threads(threads + 1)
        with torch.no_grad(), torch.autocast("cpu"), contextlib.redirect_stdout(printed):
            for _ in range(3):
                modes = (torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"))
                seen.append((*modes, torch.get_num_threads(), variable.get()))
                print("inside")
                yield 0.5

    def ours():
        modes = (torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"))
        return modes, torch.get_num_threads(), variable.get(), np.geterr()

    seen = []
    before = ours()
    trial = trial_of(objective, cpus=1)
    for _ in range(2):
        trial.advance(always)
        print("outside")
        assert ours() == before
    trial.stop()
    assert ours() == before
    assert seen == ["outside", *[(False, True, threads + 1, "inside")] * 2]
    assert (printed.getvalue(), capsys.readouterr().out) == ("inside\n" * 2, "outside\n" * 2)
    torch.set_grad_enabled(True)


def test_a_generator_that_returns_a_value_as_well_fails():
    def objective(config):
        yield 1.0
        return 0.1

    ended = trial_of(objective).advance()
    assert "yields, and then returns 0.1. Only what it yields counts" in ended.exception


def test_what_is_switched_on_for_good_ends_with_the_trial():
    def objective(config):
        found = torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")
        torch.set_grad_enabled(False)
        torch.set_autocast_enabled("cpu", True)
        return torch.get_num_threads() if found == (True, False) else 0

    threads = torch.get_num_threads()
    for _ in range(2):
        assert trial_of(objective, cpus=3).advance().value == 3
        assert (torch.is_grad_enabled(), torch.get_num_threads()) == (True, threads)
        assert not torch.is_autocast_enabled("cpu")


def test_the_objective_hears_signals_also_after_it_was_left():
    def objective(config):
        signal.signal(signal.SIGALRM, lambda *_: heard.append(threading.current_thread()))
        for _ in range(3):
            before = len(heard)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            while len(heard) == before:
                pass
            yield 0.5

    heard = []
    before = signal.getsignal(signal.SIGALRM)
    try:
        to_the_end(trial_of(objective))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert heard == [threading.main_thread()] * 3


def test_an_exception_that_is_being_handled_stays_so_across_reports():
    def objective(config):
        try:
            raise KeyError("one")
        except KeyError:
            yield 0.5
            raise

    try:
        raise ValueError("outside")
    except ValueError as error:
        outside = error
        trial = trial_of(objective)
        trial.advance(always)
        handled = [sys.exc_info()[1]]
        assert trial.advance().exception == "KeyError: 'one'"
        handled.append(sys.exc_info()[1])
    assert handled == [outside] * 2


def test_what_runs_beside_the_objective_reports_but_does_not_leave_it():
    """A thread has no right to, and a forked child would go on as the whole program."""

    def in_a_thread(config):
        thread = threading.Thread(target=fits, args=(config,))
        thread.start()
        thread.join()
        return 0.5

    def in_a_child(config):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch has threads
            child = os.fork()
        if child == 0:
            try:
                current_context().curve.append((0.5, 0.0))
                current_context().report()
            finally:
                os._exit(7)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    ended = trial_of(in_a_thread).advance(always)
    assert (len(ended.points), ended.epochs) == (EPOCHS, EPOCHS)
    ended = trial_of(in_a_child).advance(always)
    assert (ended.points, ended.value) == ([], 7)


@pytest.mark.parametrize("way", ["returns", "yields", "raises"])
def test_a_forked_child_that_comes_back_from_the_objective_is_ended(way, tmp_path):
    def objective(config):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch has threads
            child = os.fork()
        if child == 0:
            if way == "raises":
                raise ValueError("of the child")
            return 0.0
        return 1.0 + os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def epochs(config):
        yield objective(config)

    _, ended = to_the_end(trial_of(epochs if way == "yields" else objective))
    (tmp_path / str(os.getpid())).touch()  # what follows a trial is done once
    assert ended.value == (2.0 if way == "raises" else 1.0)
    assert len(list(tmp_path.iterdir())) == 1


def test_trials_inside_of_a_trial():
    def objective(config):
        for _ in range(2):
            inner = trial_of(fits)
            told, ended = to_the_end(inner)
            assert len(told) == EPOCHS + 1
            yield ended.value

    told, ended = to_the_end(trial_of(objective))
    assert (len(told), ended.status) == (3, "finished")
    assert ended.value == to_the_end(trial_of(fits))[1].value


@pytest.mark.slow
def test_torch_that_the_objective_imports_is_seeded_and_has_the_trials_threads():
    code = """
        import sys
        from sweeper.worker.running_trial import RunningTrial

        def objective(config):
            import torch
            yield torch.get_num_threads()
            yield float(torch.rand(()))

        curves = []
        for loaded in (False, True):
            assert ("torch" in sys.modules) == loaded
            trial = RunningTrial(objective, {}, {}, seed=5, cpus=1)
            curves.append([trial.advance(lambda epoch: True).points[0][1] for _ in range(2)])
            trial.stop()
        import torch
        torch.manual_seed(5)
        print(curves[0] == curves[1] == [1, float(torch.rand(()))], torch.get_num_threads())
    """
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    cores = len(os.sched_getaffinity(0))  # torch takes no more
    assert done.stdout == f"True {min(2, cores)}\n", done.stderr


# Checkpoints


def saves(config):
    trainer = HPOTrainer(max_epochs=EPOCHS, checkpoint_every=1)
    trainer.fit(Linear(), (make_batches(), make_batches(seed=1)))
    return trainer.validation_error()


@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_a_trial_that_goes_on_tells_the_epochs_before_as_well(tmp_path, epoch):
    expected = joined(to_the_end(trial_of(saves))[0])
    trial = trial_of(saves, checkpoints=tmp_path)
    first = joined(trial.advance(always).points for _ in range(epoch))
    trial.stop()
    for stopped_at in range(1, EPOCHS + 1):  # in the middle of what is told once more, or later
        again = trial_of(saves, checkpoints=tmp_path)
        points = joined(again.advance(always).points for _ in range(stopped_at))
        assert without_seconds(points) == without_seconds(expected[:stopped_at])
        assert points[:epoch] == first[:stopped_at]
        again.stop()
    told, ended = to_the_end(trial_of(saves, checkpoints=tmp_path))
    assert without_seconds(joined(told)) == without_seconds(expected)
    assert (ended.status, ended.epochs) == ("finished", EPOCHS)
