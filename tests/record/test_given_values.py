import pytest
from made_records import row, sweep
from scipy import stats

import sweeper
from sweeper.record.given_values import as_given
from sweeper.record.journal import Journal, decode, encode
from sweeper.record.results import load
from sweeper.space.config_space import sample
from sweeper.space.space import check_space
from sweeper.space.text import to_text

SPACE = {
    "units": [(1, 2), (3, 4), [5, 6]],
    "nested": [{"a": ((1,), 2)}, None],
    "x": stats.uniform(0, 1),
    "kernel": sweeper.when("x < 0.5", [(3, 3), (5, 5)], otherwise="none"),
    "constant": [((1, 2),)],
}


def recorded(space):
    return {name: to_text(value) for name, value in space.entries.items()}


def test_what_was_drawn_comes_back_from_the_disk(tmp_path):
    space = check_space(SPACE)
    drawn = sample(space, 0, 50)
    writer = Journal(sweep(tmp_path, config_space=recorded(space)))
    for trial, config in enumerate(drawn):
        writer.append(row(trial, config=config))
    writer.close()
    found = [one.config for one in load(tmp_path).rows]
    assert repr(found) == repr(drawn)  # 1 and 1.0, lists and tuples, the order of names


def test_what_the_record_does_not_tell_stays():
    texts = {
        "a": "[(1, 2)]",
        "b": "Own",
        "c": "[(",
        "d": "loguniform(1e-4, 1)",
        "e": "[(1,), (2,)]",
    }
    before = {"a": [7, 8], "b": [1], "c": [2], "d": 0.1, "e": [2], "f": [3]}
    (after,) = as_given({"config_space": texts, "without_text": ["b"]}, [row(config=before)])
    assert after.config == {**before, "e": (2,)}


def test_spaces_without_tuples_cost_nothing():
    rows = [row(config={"x": 1})]
    assert as_given({"config_space": {"x": "loguniform(1, 2)"}}, rows) is rows


@pytest.mark.parametrize("value", [(1, 2), {"a": (1, (2,))}])
def test_the_whole_round(value):
    space = check_space({"v": [value, None]})
    stored = decode(encode({"v": value}))
    assert stored != {"v": value}
    (after,) = as_given({"config_space": recorded(space)}, [row(config=stored)])
    assert after.config == {"v": value}


def test_test_and_confirm_after_load_give_the_objective_what_the_sweep_gave(tmp_path):
    def objective(config, test=False):
        assert isinstance(config["units"], tuple)
        return sum(config["units"]) + config["x"]

    space = {"units": [(1, 2), (3, 4)], "x": stats.uniform(0, 1)}
    quiet = {"address": "inline", "progress": False}
    sweeper.run(objective, space, sweeper.RandomSearch(4), folder=tmp_path, name="s", **quiet)
    results = load(tmp_path / "s")
    assert sweeper.test(results, objective) == results.best_error
    confirmed = sweeper.confirm(results, objective, top=2, replicates=2, **quiet)
    assert list(confirmed["count"]) == [2, 2]
    assert list(confirmed["validation_error"]) == list(confirmed["selected_with"])


def test_confirm_says_why_nothing_has_finished(tmp_path):
    def objective(config):
        if (tmp_path / "broken").exists():
            raise OSError("the disk is gone")
        return config["x"]

    quiet = {"address": "inline", "progress": False}
    space = {"x": stats.uniform(0, 1)}
    results = sweeper.run(objective, space, sweeper.RandomSearch(2), folder=tmp_path, **quiet)
    (tmp_path / "broken").touch()
    with pytest.raises(LookupError, match="The first exception: OSError: the disk"):
        sweeper.confirm(results, objective, top=1, replicates=3, **quiet)
