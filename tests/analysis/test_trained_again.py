"""The fresh trainings of a sweep's best, as `show` and the report find them."""

import random

import pytest
from scipy import stats

import sweeper
from sweeper.analysis.certainty import winner
from sweeper.analysis.trained_again import trained_again
from sweeper.html_report.page import page_text

INLINE = {"address": "inline", "progress": False}
SPACE = {"x": stats.uniform(0, 1), "pair": [(1, 2), [3, 4]]}
pytestmark = pytest.mark.slow


@pytest.fixture
def run(run_inline):
    return run_inline


def noisy(config):
    return config["x"] + 0.01 * random.random()


def means(results):
    """Each trial's mean and number of trainings."""
    table = results.summary[results.summary["count"] > 0]
    values = table[["trial", "validation_error", "count"]].to_dict("list")
    return dict(zip(values["trial"], zip(*list(values.values())[1:], strict=True), strict=True))


def test_a_sweep_that_was_not_confirmed_has_none(run):
    results = run(noisy, SPACE, sweeper.RandomSearch(4))
    assert trained_again(results).results is None
    assert winner(results).confirmed is None


@pytest.mark.parametrize("until", [None, 0.99])
def test_the_fresh_trainings_are_replicates_of_the_trials_they_confirm(run, until):
    results = run(noisy, SPACE, sweeper.RandomSearch(8), name="s")
    table = sweeper.confirm(results, noisy, top=3, until=until, **INLINE)
    again = trained_again(sweeper.load(results.folder)).results
    expected = table.set_index("trial")[["validation_error", "count"]]
    assert means(again) == {trial: tuple(row) for trial, row in expected.iterrows()}
    assert not {row.seed for row in again.rows} & {row.seed for row in results.rows}
    assert f"Trial {table['trial'][0]} has the best mean" in page_text(results)
    found = winner(sweeper.load(results.folder))
    assert found.confirmed.trial == table["trial"][0]
    assert found.confirmed.probability_best.set_index("trial")["probability"].to_dict() == (
        pytest.approx(table.set_index("trial")["probability_best"].to_dict())
    )


def test_all_confirmations_count_each_training_once(run):
    """The three of the first are trained with the same seeds in the second, two more besides."""
    results = run(noisy, SPACE, sweeper.RandomSearch(8), name="s")
    sweeper.confirm(results, noisy, top=3, replicates=2, **INLINE)
    five = sweeper.confirm(results, noisy, top=5, replicates=3, **INLINE)
    again = trained_again(results).results
    assert len(again.rows) == len({(row.trial, row.seed) for row in again.rows}) == 15
    assert {trial: count for trial, (_, count) in means(again).items()} == dict.fromkeys(
        five["trial"], 3
    )
    assert sorted((row.trial, row.replicate) for row in again.rows) == sorted(
        (trial, replicate) for trial in five["trial"] for replicate in range(3)
    )


def test_equal_configurations_of_a_sweep_are_told_apart(run):
    results = run(noisy, {"x": [1.0] * 6}, sweeper.GridSearch())
    table = sweeper.confirm(results, noisy, top=2, replicates=2, **INLINE)
    assert sorted(means(trained_again(results).results)) == sorted(table["trial"])


def test_the_sentence_says_what_was_confirmed_and_what_was_not(run):
    def objective(config):
        return config["x"] + 1e-6 * random.random()

    results = run(objective, SPACE, sweeper.RandomSearch(3), name="s")
    told = winner(results).sentence
    advice = f"sweeper confirm {results.folder}"
    assert told.endswith(f"{advice}, or sweeper.confirm(…), trains the best again.")
    sweeper.confirm(results, objective, replicates=2, **INLINE)
    told = winner(results).sentence
    best = results.best_row.trial
    assert told.startswith("Trained again with fresh seeds (sweeper confirm): Trial")
    assert f": Trial {best} has the lowest validation error" in told
    assert "(mean of 2 replicates; " in told
    assert told.endswith(f"In the sweep itself trial {best} had the lowest validation error, "
                         f"{results.best_error:.4g}.")  # fmt: skip
    assert advice not in told
    more = run(objective, SPACE, sweeper.RandomSearch(40), name="s", resume=True)
    new = more.best_row.trial
    assert new != best
    told = winner(more).sentence
    assert f": Trial {best} has the lowest" in told
    assert f"In the sweep itself trial {new} had the lowest" in told
    assert told.endswith(f" It was not trained again: {advice} does that.")


def test_trainings_that_fail_are_told_of(run, tmp_path):
    def objective(config):
        if (tmp_path / "fails").exists() and config["x"] == 1:
            raise RuntimeError("as asked")
        return config["x"] + 1e-6 * random.random()

    results = run(objective, {"x": [1, 2, 3]}, sweeper.GridSearch(), name="s")
    (tmp_path / "fails").touch()
    table = sweeper.confirm(results, objective, replicates=2, **INLINE)
    assert table["trial"].to_list()[:2] == [1, 2]
    told = winner(results).sentence
    assert ": Trial 1 has the lowest" in told
    assert "2 of 6 trainings failed. In the sweep itself trial 0 had the lowest" in told
    assert told.endswith(" It failed each time it was trained again.")


def test_a_confirmation_is_not_confirmed_itself(run):
    results = run(noisy, SPACE, sweeper.RandomSearch(3), name="s")
    sweeper.confirm(results, noisy, replicates=2, **INLINE)
    (folder,) = results.folder.glob("confirm-*")
    with pytest.raises(ValueError, match=f"Give the folder of its sweep, {results.folder}"):
        sweeper.confirm(sweeper.load(folder), noisy, **INLINE)


def test_a_confirmation_that_can_not_be_read_is_told_and_a_foreign_one_is_nothing(run, tmp_path):
    results = run(noisy, SPACE, sweeper.RandomSearch(4), name="s")
    other = run(noisy, {"x": stats.uniform(5, 1)}, sweeper.RandomSearch(4), name="other")
    other.folder.rename(results.folder / "confirm-other")
    assert trained_again(results).results is None
    damaged = results.folder / "confirm-damaged"
    damaged.mkdir()
    (damaged / "sweep.json").write_text("{")
    (results.folder / "confirm-link").symlink_to(tmp_path)
    (told,) = trained_again(results).unreadable
    assert told.startswith(f"{damaged}/sweep.json: damaged")
    assert told.partition(":")[0] in page_text(results)
    assert winner(results).confirmed is None
