import time

import pandas as pd
import pytest
from distributions import DISTRIBUTIONS
from scipy import stats

import sweeper
from sweeper.space.config_space import draw
from sweeper.space.space import check_space

SPACE = {
    "optimizer": ["sgd", "adam"],
    "momentum": sweeper.when("optimizer == 'sgd'", stats.uniform(0.5, 0.49)),
    "lr": stats.loguniform(1e-4, 1),
    "units": sweeper.rounded(stats.loguniform(16, 512)),
    "max_epochs": 8,
}


def lines_of(preview):
    return {line.split()[0]: line for line in preview.histograms.splitlines()}


def test_the_first_configurations_are_those_of_the_sweep():
    seen = sweeper.preview(SPACE, sweeper.RandomSearch(64), seed=3, constraints=["units > 20"])
    space = check_space(SPACE, ["units > 20"])
    assert seen.configs == [draw(space, 3, trial) for trial in range(10)]
    assert seen.num_trials == 64
    assert list(seen.frame.columns) == list(SPACE)
    assert seen.frame["lr"].tolist() == [config["lr"] for config in seen.configs]
    absent = ["momentum" not in config for config in seen.configs]
    assert seen.frame["momentum"].isna().tolist() == absent
    assert seen.frame["units"].dtype == "int64"


def test_most_says_how_many():
    assert len(sweeper.preview(SPACE, sweeper.RandomSearch(64), most=3).configs) == 3
    assert len(sweeper.preview(SPACE, sweeper.RandomSearch(2)).configs) == 2


def test_the_text_has_plan_configurations_ranges_and_warnings_in_80_columns():
    space = SPACE | {"a name that is longer than any column may be": list("abcdefghijklmnop")}
    space |= {"num_layers": stats.randint(1, 10), "text": ["x" * 200, "y\nz"]}
    preview = sweeper.preview(space, sweeper.RandomSearch(64), constraints=["units * lr < 100"])
    text = str(preview)
    assert max(map(len, text.splitlines())) <= 80
    for part in ("64 trials", "trial", "constraints\n- units * lr < 100", "Is this what you mean?"):
        assert part in text
    lines = lines_of(preview)
    assert "sgd" in lines["optimizer"]
    assert "%" in lines["optimizer"]
    assert lines["momentum"].split()[-2] == "in"
    assert lines["max_epochs"].split() == ["max_epochs", "8"]
    assert lines["lr"].split()[1] == "0.0001"
    assert lines["lr"].split()[-2:] == ["1", "log"]


def test_a_histogram_is_even_on_the_axis_of_its_law():
    preview = sweeper.preview({"lr": stats.loguniform(1e-4, 1)}, sweeper.RandomSearch(4))
    blocks = lines_of(preview)["lr"].split()[2]
    assert len(blocks) == 24
    assert set(blocks) <= set("▄▅▆▇█")


def test_few_values_have_a_block_each():
    space = {"fair": stats.randint(1, 7), "skew": stats.binom(3, 0.5), "one": stats.randint(5, 6)}
    lines = lines_of(sweeper.preview(space, sweeper.RandomSearch(4)))
    assert len(lines["fair"].split()[2]) == 6
    low, *middle, high = lines["skew"].split()[2]
    assert low in "▂▃▄"
    assert high in "▂▃▄"
    assert set(middle) <= set("▇█")
    assert lines["one"].split() == ["one", "5"]


def test_grids_tell_how_many_trials_they_make():
    preview = sweeper.preview({"a": [1, 2, 3], "b": stats.uniform(0, 1)}, sweeper.GridSearch(4))
    assert preview.plan == "3 × 4 = 12 trials"
    assert preview.num_trials == 12


def test_a_grid_of_billions_is_previewed():
    preview = sweeper.preview({f"h{i}": [0, 1] for i in range(40)}, sweeper.GridSearch())
    assert f"{2**40:,} trials" in preview.plan
    assert len(preview.configs) == 10


@pytest.mark.slow
def test_any_distribution_has_its_line():
    space = {name: law for name, law in DISTRIBUTIONS.items() if name != "mixture"}
    text = str(sweeper.preview(space, sweeper.RandomSearch(3), most=1))
    assert max(map(len, text.splitlines())) <= 80
    for name in space:
        assert f"\n{name} " in text


def test_a_notebook_shows_it_escaped():
    page = sweeper.preview({"a<b>": ["<i>", "&"]}, sweeper.RandomSearch(9))._repr_html_()
    assert "<i>" not in page
    assert "a<b>" not in page
    assert "different configurations for 9 trials" in page


@pytest.mark.slow
def test_faults_are_told_as_by_the_sweep():
    with pytest.raises(ValueError, match="a choice needs an entry"):
        sweeper.preview({"a": []}, sweeper.RandomSearch(1))
    with pytest.raises(ValueError, match="num_trials"):
        sweeper.preview({"a": [1]}, sweeper.RandomSearch(0))
    with pytest.raises(ValueError, match="at least 1 in 1,000"):
        sweeper.preview({"a": [1, 2]}, sweeper.RandomSearch(1), constraints=["a > 99"])
    with pytest.raises(ValueError, match="most must be an int of at least 1, but got 0"):
        sweeper.preview({"a": [1]}, sweeper.RandomSearch(1), most=0)
    with pytest.raises(TypeError, match="searcher must be"):
        sweeper.preview({"a": [1]}, 3)


def test_no_value_can_move_the_cursor():
    text = str(sweeper.preview({"a\x1b[2J": ["\x1b[2J", "b"]}, sweeper.RandomSearch(3)))
    assert "\x1b" not in text


def test_the_frame_is_a_table():
    assert isinstance(sweeper.preview(SPACE, sweeper.RandomSearch(3)).frame, pd.DataFrame)


@pytest.mark.slow
def test_what_is_slow_to_draw_is_drawn_less_often():
    class Slow(stats.rv_continuous):
        def _ppf(self, q):
            end = time.process_time() + 0.01
            while time.process_time() < end:
                pass
            return q

        def _cdf(self, x):
            return x

    searcher = sweeper.RandomSearch(2)
    slow = sweeper.preview({"x": Slow(a=0, b=1)()}, searcher)
    fast = sweeper.preview({"x": stats.uniform(0, 1)}, searcher)
    assert len(fast.drawn) == 1000
    assert 0 < len(slow.drawn) < 1000
    drawn = [config["x"] for config in fast.drawn[: len(slow.drawn)]]
    assert [config["x"] for config in slow.drawn] == pytest.approx(drawn)


def test_a_condition_that_never_holds_is_said():
    space = {"optimizer": ["sgd", "adam"], "momentum": sweeper.when("optimizer == 'sdg'", 0.9)}
    (said,) = sweeper.preview(space, sweeper.RandomSearch(2)).warnings
    assert "momentum" in said
    assert "its condition held in none of 1,000 random configurations" in said
    space["momentum"] = sweeper.when("optimizer == 'sgd'", 0.9)
    assert sweeper.preview(space, sweeper.RandomSearch(2)).warnings == []
