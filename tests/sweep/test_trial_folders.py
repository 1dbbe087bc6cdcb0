import random

import pytest
import simulated
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import sweeper
from sweeper.record.results import Results
from sweeper.record.rows import Row
from sweeper.search.metric import Metric
from sweeper.sweep.core import Core
from sweeper.sweep.trial_folders import TrialFolders
from sweeper.training.trial import trial_folder

pytestmark = pytest.mark.slow


def saves(config):
    folder = sweeper.current_trial().folder
    (folder / "model.pt").write_text(repr(config["x"]))
    if config["x"] < 0.1:
        raise ValueError("too small")
    for epoch in range(1, 10):
        yield config["x"] + 1 / epoch


def writes_to_the_end(config):
    """Both ways in which an objective that is stopped may write: the second makes a folder anew."""
    folder = sweeper.current_trial().folder
    try:
        yield from saves(config)
    finally:
        (folder / "last.pt").touch()
        (sweeper.current_trial().folder / "log.txt").touch()


def noisy(config):
    random.seed(f"{config} {sweeper.current_trial().seed}")
    (sweeper.current_trial().folder / "model.pt").write_text(repr(config["x"]))
    if random.random() < 0.1:
        raise ValueError("unlucky")
    return round(config["x"] + random.random(), 1)


def sweep(folder, keep=None, objective=saves, trials=30, **options):
    options = {"address": "inline", "progress": False, "folder": folder, "name": "s"} | options
    options |= {} if keep is None else {"keep": keep}
    space, searcher = {"x": stats.uniform(0, 1)}, sweeper.RandomSearch(trials)
    return sweeper.run(objective, space, searcher, **options)


def kept(results):
    there = (results.folder / "trials").glob("*") if results.folder else []
    return {path.name for path in there}


def best_three(results):
    summary = results.summary[results.summary["count"] == results.sweep.get("replicates", 1)]
    order = results.metric.loss(summary[results.metric.name]).sort_values(kind="stable").index
    replicates = range(results.sweep.get("replicates", 1))
    return {f"{trial}-{r}" for trial in summary["trial"][order[:3]] for r in replicates}


@pytest.mark.parametrize("scheduler", [None, sweeper.ASHA()])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_best_three_stay_by_default(tmp_path, scheduler, mode):
    results = sweep(tmp_path, scheduler=scheduler, mode=mode)
    finished = [row for row in results.rows if row.status == "finished"]
    assert len(finished) >= 3
    best = sorted(finished, key=lambda row: results.metric.loss(row.value))[:3]
    assert kept(results) == {f"{row.trial}-0" for row in best}
    assert (results.best_folder / "model.pt").read_text() == repr(results.best_config["x"])


def test_of_replicates_all_stay_of_the_three_best_means_after_a_resume_too(tmp_path):
    options = {"objective": noisy, "replicates": 3, "seed": 0}
    first = sweep(tmp_path, limits=sweeper.Limits(target=0.4), **options)
    assert {row.status for row in first.rows} >= {"finished", "failed"}
    results = sweep(tmp_path, resume=True, trials=40, **options)
    assert kept(results) == best_three(results)
    assert (results.best_folder / "model.pt").read_text() == repr(results.best_config["x"])


values = st.sampled_from([0.1, 0.2, 0.3, 0.7])  # whose sums depend on their order
outcomes = st.sampled_from(["finished"] * 9 + ["failed", "diverged"])


@given(st.data(), st.sampled_from(["min", "max"]), st.integers(1, 4), st.integers(1, 12))
@settings(max_examples=40)
def test_the_best_folder_stays_in_any_order_of_completion(
    tmp_path_factory, data, mode, replicates, trials
):
    """Trials end in any order, in two runs; all have made folders."""
    metric = Metric(mode=mode)
    sweep = simulated.sweep_of(sweeper.RandomSearch(trials), replicates=replicates, metric=metric)
    core, folder = Core(sweep), tmp_path_factory.mktemp("sweep")
    folders = TrialFolders(core, folder, "best")
    order = data.draw(st.permutations([core.next_trial() for _ in range(trials * replicates)]))
    resumed_at = data.draw(st.integers(0, len(order)))
    for number, trial in enumerate(order):
        trial_folder(folder, trial.key).mkdir(parents=True)
        if number == resumed_at:
            core = Core(sweep, core.lines.values())
            folders = TrialFolders(core, folder, "best")
        value, status = data.draw(st.tuples(values, outcomes))
        core.ended(Row(trial.trial, trial.replicate, trial.config, value, None, status, trial.seed))
        folders.left(trial.key)
    described = {"config_space": {"x": ""}, "replicates": replicates}
    results = Results(folder, described | {"metric": metric.name, "mode": mode}, core.rows())
    assert kept(results) == best_three(results)
    if kept(results):
        assert results.best_folder.is_dir()


def test_all_or_none(tmp_path):
    everything = sweep(tmp_path / "all", "all")
    assert kept(everything) == {f"{trial}-0" for trial in range(30)}
    nothing = sweep(tmp_path / "none", "none")
    assert kept(nothing) == set()
    with pytest.raises(FileNotFoundError, match=r"or keep='none' removed it"):
        nothing.best_folder  # noqa: B018
    with pytest.raises(ValueError, match=r"keep must be 'best', 'all' or 'none', but got 3 \(int"):
        sweep(tmp_path, 3)


def test_where_a_sweep_was_sent_to_a_cluster_the_error_says_how_to_bring_the_folder(tmp_path):
    results = sweep(tmp_path, "none", trials=2)
    (results.folder / "job.json").touch()
    with pytest.raises(FileNotFoundError, match=rf"ray rsync-down cluster.yaml runs/s/ {tmp_path}"):
        results.best_folder  # noqa: B018


def test_a_trial_that_asks_for_no_folder_makes_none(tmp_path):
    results = sweep(tmp_path, "all", objective=lambda config: config["x"], trials=2)
    assert not (results.folder / "trials").exists()


@pytest.mark.parametrize("keep", ["best", "all", "none"])
def test_a_trial_that_is_stopped_has_its_folder_until_it_is_left(tmp_path, capfd, keep):
    options = {"objective": writes_to_the_end, "scheduler": sweeper.ASHA()}
    results = sweep(tmp_path, keep, **options)
    assert sum(row.status == "stopped" for row in results.rows) > 10
    assert capfd.readouterr().err == ""
    everything = {f"{trial}-0" for trial in range(30)}
    assert kept(results) == {"best": best_three(results), "all": everything, "none": set()}[keep]
    for name in kept(results):
        assert (results.folder / "trials" / name / "log.txt").exists()


def test_on_ray_too(ray_session, tmp_path):
    options = {"objective": writes_to_the_end, "scheduler": sweeper.ASHA()}
    results = sweep(tmp_path, address=None, num_workers=1, trials=12, **options)
    assert sum(row.status == "stopped" for row in results.rows) > 3
    assert kept(results) == best_three(results)
    printed = [path.read_text() for path in (results.folder / "output").iterdir()]
    assert "Traceback" not in "".join(printed)


def test_the_best_three_are_those_of_the_whole_sweep_after_an_interruption(tmp_path):
    sweep(tmp_path, limits=sweeper.Limits(total_epochs=100))
    results = sweep(tmp_path, resume=True)
    whole = sweep(tmp_path / "whole")
    assert kept(results) == kept(whole)


def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").touch()

    def objective(config):
        folder = sweeper.current_trial().folder
        folder.rmdir()
        folder.symlink_to(tmp_path / "mine")
        return config["x"]

    sweeper.run(
        objective, {"x": stats.uniform(0, 1)}, sweeper.RandomSearch(5), keep="none",
        address="inline", progress=False, folder=tmp_path,
    )  # fmt: skip
    assert (tmp_path / "mine" / "thesis").exists()
