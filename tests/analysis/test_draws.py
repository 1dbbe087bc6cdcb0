import pytest
from made_results import made, made_stopped, odd_sweeps, with_asha

from sweeper.analysis.draws import (
    check_random,
    is_in_any_order,
    kind_of_searcher,
    num_initial,
    stops_early,
)
from sweeper.record.results import Results


def test_a_searcher_has_a_kind_unless_the_record_is_damaged():
    assert kind_of_searcher(made([1.0])) == "RandomSearch"
    for searcher in (None, "RandomSearch", ["RandomSearch"], {}, {"kind": 3}):
        damaged = Results(None, {"config_space": {}, "searcher": searcher}, [])
        assert kind_of_searcher(damaged) is None
        assert num_initial(damaged) == 0
        with pytest.raises(ValueError, match="this one is of an unknown searcher"):
            check_random(damaged)


def test_trials_are_stopped_early_where_a_scheduler_says_so_or_some_were():
    assert not stops_early(made([1.0]))
    assert stops_early(with_asha(0))
    assert stops_early(made_stopped(made([1.0])))


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (made([1.0]), True),
        (made([1.0], searcher="GridSearch"), True),
        (made([1.0], searcher="SobolSearch"), False),
        (made([1.0], searcher="BayesianSearch"), False),
        (with_asha(9), False),
    ],
)
def test_an_order_matters_where_earlier_trials_decide_on_later_ones(results, expected):
    assert is_in_any_order(results) is expected


def test_what_is_no_random_draw_is_refused_with_the_reason_and_the_cure():
    check_random(made([1.0]))
    for kind, why in (("SobolSearch", "evenly"), ("BayesianSearch", "have shown")):
        with pytest.raises(ValueError, match=f"of {kind}, .*{why}.*incumbents"):
            check_random(made([1.0], searcher=kind))
    with pytest.raises(ValueError, match=r"needs the final error of every draw.*incumbents"):
        check_random(with_asha())


@pytest.mark.parametrize("name", odd_sweeps())
def test_odd_sweeps_are_no_trouble(name):
    assert isinstance(is_in_any_order(odd_sweeps()[name]), bool)
