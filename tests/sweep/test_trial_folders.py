import pytest
from scipy import stats

import sweeper

pytestmark = pytest.mark.slow


def saves(config):
    folder = sweeper.current_trial().folder
    (folder / "model.pt").write_text(repr(config["x"]))
    if config["x"] < 0.1:
        raise ValueError("too small")
    for epoch in range(1, 10):
        yield config["x"] + 1 / epoch


def sweep(folder, keep=None, **options):
    options = {"address": "inline", "progress": False, "folder": folder, "name": "s"} | options
    options |= {} if keep is None else {"keep": keep}
    return sweeper.run(saves, {"x": stats.uniform(0, 1)}, sweeper.RandomSearch(30), **options)


def kept(results):
    there = (results.folder / "trials").glob("*") if results.folder else []
    return {path.name for path in there}


@pytest.mark.parametrize("scheduler", [None, sweeper.ASHA()])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_best_three_stay_by_default(tmp_path, scheduler, mode):
    results = sweep(tmp_path, scheduler=scheduler, mode=mode)
    finished = [row for row in results.rows if row.status == "finished"]
    assert len(finished) >= 3
    best = sorted(finished, key=lambda row: results.metric.loss(row.value))[:3]
    assert kept(results) == {f"{row.trial}-0" for row in best}
    assert (results.best_folder / "model.pt").read_text() == repr(results.best_config["x"])


def test_all_or_none(tmp_path):
    everything = sweep(tmp_path / "all", "all")
    assert kept(everything) == {f"{trial}-0" for trial in range(30)}
    nothing = sweep(tmp_path / "none", "none")
    assert kept(nothing) == set()
    with pytest.raises(FileNotFoundError, match=r"or keep='none' removed it"):
        nothing.best_folder  # noqa: B018
    with pytest.raises(ValueError, match=r"keep must be 'best', 'all' or 'none', but got 3 \(int"):
        sweep(tmp_path, 3)


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
