import pytest
import simulated

from sweeper.record.journal import Journal
from sweeper.search.random_search import RandomSearch
from sweeper.sweep.conductor import Conductor, Place
from sweeper.sweep.core import Core
from sweeper.sweep.interrupts import Interrupts
from sweeper.sweep.limits import Limits
from sweeper.sweep.progress import Progress
from sweeper.sweep.stops import Stops
from sweeper.sweep.suggestions import Here, Suggestions
from sweeper.sweep.tune_hooks import HandOver, LeaveTuneError
from sweeper.worker.reports import Ended


def conductor_of(sweep, folder) -> Conductor:
    core = Core(sweep)
    bar = Progress(sweep.num_trials, lambda: 1, enabled=False)
    stops = Stops(core, Limits(), Interrupts(), 1, bar.say)
    return Conductor(core, Journal(folder), folder, bar, stops, Suggestions(core, Here(sweep)))


def end(conductor: Conductor, handed_over: dict) -> None:
    key = simulated.Trial(**handed_over).key
    conductor.started(key, Place())
    conductor.ended(key, Ended("finished", 0.5, None, 1.0, []))


def test_as_many_are_handed_out_as_the_limit_allows_at_each_moment(tmp_path):
    conductor = conductor_of(simulated.sweep_of(RandomSearch(4)), tmp_path)
    limit = 1
    hand_over = HandOver(conductor, lambda: limit)
    first = hand_over.suggest("a")
    assert [first["trial"], hand_over.suggest("b"), hand_over.suggest("c")] == [0, None, None]
    limit = 3  # nodes have come
    second, third = hand_over.suggest("b"), hand_over.suggest("c")
    assert [second["trial"], third["trial"], hand_over.suggest("d")] == [1, 2, None]
    limit = 1  # and gone
    for name, trial in (("a", first), ("b", second)):
        end(conductor, trial)
        hand_over.on_trial_complete(name)
    assert hand_over.suggest("d") is None
    end(conductor, third)
    hand_over.on_trial_complete("c")
    hand_over.on_trial_complete("c")  # as Tune may say it, if the end of a trial fails
    last = hand_over.suggest("d")
    assert [last["trial"], hand_over.suggest("e")] == [3, None]
    end(conductor, last)
    hand_over.on_trial_complete("d")
    assert hand_over.suggest("e") == HandOver.FINISHED
    assert [row.trial for row in conductor.core.rows()] == [0, 1, 2, 3]


def test_a_trial_whose_worker_did_not_start_is_handed_out_again(tmp_path):
    conductor = conductor_of(simulated.sweep_of(RandomSearch(1)), tmp_path)
    hand_over = HandOver(conductor)
    trial = hand_over.suggest("a")
    assert hand_over.suggest("b") is None  # it may come back
    conductor.core.not_started(simulated.Trial(**trial))
    hand_over.on_trial_complete("a", error=True)
    assert hand_over.suggest("b") == trial


def test_a_reason_to_end_is_heard_while_tune_does_nothing_but_ask_for_trials(tmp_path):
    conductor = conductor_of(simulated.sweep_of(RandomSearch(4)), tmp_path)
    hand_over = HandOver(conductor, lambda: 1)
    first = hand_over.suggest("a")
    conductor.stops.stop(KeyboardInterrupt())
    assert hand_over.suggest("b") is None  # a trial runs, so that Tune looks for itself
    end(conductor, first)
    hand_over.on_trial_complete("a")
    with pytest.raises(LeaveTuneError):
        hand_over.suggest("b")
