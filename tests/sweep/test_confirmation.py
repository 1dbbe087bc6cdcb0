"""The best configurations trained again."""

import random
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sweeper
from sweeper.record.resume import rebuild

NOISE = 0.5
INLINE = {"address": "inline", "progress": False}


@pytest.fixture
def run(run_inline):
    return run_inline


def noisy(config):
    return config["x"] + NOISE * random.random()


@pytest.mark.slow
def test_the_fresh_mean_is_free_of_luck_and_more_replicates_add_to_it(run):
    results = run(noisy, {"x": [1.0] * 16}, sweeper.GridSearch())
    lucky = np.sort(results.frame["validation_error"])[:2]
    confirmed = sweeper.confirm(results, noisy, top=2, replicates=4, **INLINE)
    assert sorted(confirmed["selected_with"]) == list(lucky)
    assert list(confirmed["count"]) == [4, 4]
    assert confirmed["validation_error"].is_monotonic_increasing
    chosen = results.frame.set_index("trial")["validation_error"]
    assert list(chosen[confirmed["trial"]]) == list(confirmed["selected_with"])
    more = sweeper.confirm(results, noisy, top=2, replicates=6, **INLINE)
    assert list(more["count"]) == [6, 6]
    (folder,) = results.folder.glob("confirm-*")
    rows = sweeper.load(folder).rows
    assert len({row.seed for row in rows} | {row.seed for row in results.rows}) == 12 + 16
    # 12 draws from [1, 1.5]: all below 1.1 has probability 0.2 ** 12.
    assert max(row.value for row in rows) > 1.1


@pytest.mark.slow
def test_others_that_are_the_best_after_a_resume_are_confirmed_too(run):
    def objective(config):
        return config["x"]

    space = {"x": stats.uniform(0, 1)}
    results = run(objective, space, sweeper.RandomSearch(2), name="s")
    assert list(sweeper.confirm(results, objective, **INLINE)["x"]) == sorted(results.frame["x"])
    more = run(objective, space, sweeper.RandomSearch(9), name="s", resume=True)
    assert set(more.frame["x"].nsmallest(2)) != set(results.frame["x"])
    confirmed = sweeper.confirm(more, objective, top=2, **INLINE)
    assert list(confirmed["x"]) == sorted(more.frame["x"])[:2]


@pytest.mark.slow
def test_trainings_that_failed_for_a_passing_reason_are_tried_again(run, tmp_path):
    down = tmp_path / "down"

    def objective(config):
        if down.exists():
            raise ConnectionError("the data are not there")
        return config["x"] + NOISE * random.random()

    results = run(objective, {"x": [1, 2, 3]}, sweeper.GridSearch())
    down.touch()
    with pytest.raises(LookupError, match="the data are not there"):
        sweeper.confirm(results, objective, top=2, replicates=2, **INLINE)
    down.unlink()
    confirmed = sweeper.confirm(results, objective, top=2, replicates=2, **INLINE)
    assert list(confirmed["count"]) == [2, 2]


@pytest.mark.usefixtures("ray_session")
def test_more_replicates_of_those_that_may_be_the_best(run):
    """On Ray and without it, in one go and in two: the same trainings."""

    def objective(config):
        return config["x"] + 0.1 * random.random()

    results = run(objective, {"x": [1.0, 1.001, 1.001, 2.0, 3.0]}, sweeper.GridSearch())
    on_ray = sweeper.confirm(results, objective, top=4, until=0.99, num_workers=1, progress=False)
    table = on_ray.set_index("x")["count"]
    assert list(on_ray["x"])[2:] == [2.0, 3.0]
    assert min(table[1.0], table[1.001]) > max(table[2.0], table[3.0]) == 2
    assert on_ray["probability_best"].sum() == pytest.approx(1)
    (folder,) = results.folder.glob("confirm-*-until")
    first = [row.config["x"] for row in sweeper.load(folder).rows[:8]]
    assert first[:4] == first[4:]
    assert sorted(first[:4]) == [1.0, 1.001, 2.0, 3.0]
    shutil.rmtree(folder)
    first = sweeper.confirm(results, objective, top=4, until=0.5, **INLINE)
    again = sweeper.confirm(results, objective, top=4, until=0.99, **INLINE)
    assert first["count"].sum() <= again["count"].sum()
    pd.testing.assert_frame_equal(again, on_ray)
    assert sweeper.confirm(results, objective, top=4, until=0.99, **INLINE).equals(again)


def test_a_confirmation_goes_on_by_itself_only(run):
    results = run(noisy, {"x": [1.0, 2.0]}, sweeper.GridSearch())
    sweeper.confirm(results, noisy, until=0.99, **INLINE)
    (folder,) = results.folder.glob("confirm-*-until")
    with pytest.raises(ValueError, match=r"sweeper\.confirm has made it, and goes on with it"):
        rebuild(sweeper.load(folder).sweep, None)


def test_wrong_arguments(run):
    results = sweeper.Results(None, {"config_space": {}}, [])
    with pytest.raises(ValueError, match="top must be an int of at least 1") as caught:
        sweeper.confirm(results, noisy, top=0, replicates=1)
    assert "replicates must be an int of at least 2, but got 1 (int)" in str(caught.value)
    with pytest.raises(ValueError, match=r"until must be a probability .* 0\.5 and") as caught:
        sweeper.confirm(results, noisy, until=95, max_replicates=1.5)
    assert "max_replicates must be an int of at least 2, but got 1.5" in str(caught.value)
    with pytest.raises(ValueError, match=r"max_replicates .* needs until=…"):
        sweeper.confirm(results, noisy, max_replicates=20)
    with pytest.raises(ValueError, match="max_replicates must be an int of at least 10, but got 9"):
        sweeper.confirm(results, noisy, top=5, until=0.9, max_replicates=9)
    with pytest.raises(LookupError, match="No configuration has finished"):
        sweeper.confirm(results, noisy)
