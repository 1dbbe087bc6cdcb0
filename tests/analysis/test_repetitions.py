from made_results import made

from sweeper.analysis.repetitions import labels


def test_other_seeds_are_repetitions_and_other_searchers_are_not():
    sweeps = [made([1], seed=0), made([1], seed=1), made([1], searcher="GridSearch")]
    assert labels(sweeps) == ["RandomSearch", "RandomSearch", "GridSearch"]


def test_the_number_of_trials_makes_no_difference():
    one, other = made([1], seed=0), made([1], seed=1)
    one.sweep["searcher"]["num_trials"], other.sweep["searcher"]["num_trials"] = 10, 20
    assert labels([one, other]) == ["RandomSearch", "RandomSearch"]


def test_another_space_is_named_by_its_folder():
    sweeps = [
        made([1], space={"x": "uniform(0, 1)"}, folder="runs/narrow"),
        made([1], space={"x": "uniform(0, 9)"}, folder="runs/wide"),
    ]
    assert labels(sweeps) == ["RandomSearch · narrow", "RandomSearch · wide"]


def test_the_same_seed_again_is_no_repetition():
    assert labels([made([1]), made([1])]) == ["RandomSearch · made", "RandomSearch · made (2)"]


def test_a_record_without_searcher_has_a_label_too():
    assert labels([made([1], searcher=None), made([1], **{"searcher": "?"})]) != []  # type: ignore


def test_what_sets_the_table_tells_sweeps_apart():
    asha = {"kind": "ASHA", "grace_epochs": 1, "reduction_factor": 3}
    one = made([1], seed=0)
    assert labels([one, made([1], seed=1, scheduler=None, constraints=[], lag=None)]) == [
        "RandomSearch",
        "RandomSearch",
    ]
    for fields in ({"scheduler": asha}, {"constraints": ["x < 0.5"]}, {"lag": 8}):
        assert len(set(labels([one, made([1], seed=1, folder="runs/other", **fields)]))) == 2
    assert labels([one, made([1], seed=1, scheduler=asha)])[1] == "RandomSearch with ASHA"
