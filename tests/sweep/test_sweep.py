"""Whole sweeps, where it matters on a real Ray, which has more logical CPUs than the machine."""

import contextlib
import functools
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from drivers import running
from scipy import stats
from waiting import PATIENCE_S, meet, wait_until

import sweeper
from sweeper.space.config_space import draw, trial_seed

SPACE = {"x": stats.uniform(0, 1), "kind": ["a", "b"]}
TIMED = ["start_s", "runtime_s", "worker", "node"]


def with_defaults(run, **defaults):
    """`run` with a space and a searcher for those who need no other."""

    def start(objective, space=SPACE, searcher=None, **options):
        searcher = searcher or sweeper.RandomSearch(4)
        return run(objective, space, searcher, **(defaults | options))

    return start


@pytest.fixture
def run(run, ray_session):
    """On one worker, where a test wants no more: each takes seconds of computing to start."""
    return with_defaults(run, num_workers=1)


@pytest.fixture
def run_inline(run_inline):
    return with_defaults(run_inline)


def square(config):
    return (config["x"] - 0.5) ** 2


@pytest.fixture(scope="module")
def plain(ray_session, tmp_path_factory):
    """One sweep on one worker, at sides of which several tests look: its `results`, the
    environment `before` and `after` it, and what is `left` in the folder of temporary files.
    """
    folder = tmp_path_factory.mktemp("plain")
    (folder / "tmp").mkdir()
    (folder / "here.txt").write_text("0.25")

    def objective(config):
        print("x is", config["x"])
        in_the_users_directory = float(Path("here.txt").read_text())
        return square_without_torch(config) + in_the_users_directory + ("torch" in sys.modules)

    def square_without_torch(config):  # not of this module, which imports it
        return (config["x"] - 0.5) ** 2

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("tempfile.tempdir", str(folder / "tmp"))
        before = dict(os.environ)
        results = sweeper.run(
            objective, SPACE, sweeper.RandomSearch(6), seed=3, num_workers=1, progress=False,
            folder=folder / "runs",
        )  # fmt: skip
        after = dict(os.environ)
    left = list((folder / "tmp").iterdir())
    return SimpleNamespace(results=results, before=before, after=after, left=left)


def test_the_table_is_what_a_plain_loop_gives(plain):
    """Of a relative path, which means the user's directory, and without torch in the worker."""
    results = plain.results
    expected = [draw(SPACE, 3, trial) for trial in range(6)]
    assert [row.config for row in results.rows] == expected
    errors = [square(config) + 0.25 for config in expected]
    assert list(results.frame["validation_error"]) == errors
    assert list(results.frame["seed"]) == [trial_seed(3, trial, 0) for trial in range(6)]
    assert set(results.frame["status"]) == {"finished"}
    best = min(expected, key=square)
    assert (results.best_config, results.best_error) == (best, square(best) + 0.25)
    assert results.frame["worker"].nunique() == 1


def test_what_objectives_print_is_kept(plain):
    results = plain.results
    text = "".join(path.read_text() for path in (results.folder / "output").iterdir())
    for row in results.rows:
        assert f"--- trial {row.trial}, replicate 0\nx is {row.config['x']}\n" in text
    files = {path.stem for path in (results.folder / "output").iterdir()}
    assert files >= set(results.frame["worker"])


def test_tune_leaves_nothing_behind(plain):
    assert plain.left == []
    assert plain.after == plain.before


def test_three_workers_give_the_table_of_one_and_integers_of_numpy_are_integers(run, run_inline):
    """`test_torch_is_loaded_…` shows the same of torch's draws, which workers load for seconds."""

    def noisy(config):
        values = [random.random(), np.random.random()]
        for epoch in range(3):
            time.sleep(0.02 * (time.time_ns() % 3))  # no part of the configuration
            yield config["x"] + sum(values) / (epoch + 1)

    counts = {"replicates": 2, "seed": 5}
    of_numpy = {"replicates": np.int32(2), "seed": np.int64(5), "num_workers": np.int64(3)}
    one = run_inline(noisy, searcher=sweeper.RandomSearch(2), name="one", **counts)
    three = run(noisy, searcher=sweeper.RandomSearch(np.int64(2)), name="three", **of_numpy)
    pd.testing.assert_frame_equal(
        one.frame.drop(columns=TIMED), three.frame.drop(columns=TIMED), check_exact=True
    )
    pd.testing.assert_frame_equal(
        one.curves.drop(columns="elapsed_s"),
        three.curves.drop(columns="elapsed_s"),
        check_exact=True,
    )
    assert one.frame["worker"].nunique() == 1
    assert one.frame["validation_error"].nunique() == 4
    sweep = json.loads((three.folder / "sweep.json").read_text())
    counts |= {"num_trials": 2, "num_workers": 3}
    assert {name: sweep[name] for name in counts} == counts
    assert list(three.frame["replicate"]) == [0, 1, 0, 1]


def test_grid_search_with_constants(run_inline):
    space = {"x": stats.uniform(0, 1), "units": [1, 2], "layers": [[64, 64]], "c": [{"d": (1, 2)}]}
    results = run_inline(lambda config: config["x"], space, sweeper.GridSearch(points=3))
    assert list(results.frame["x"]) == [0, 0, 0.5, 0.5, 1, 1]
    assert list(results.frame["units"]) == [1, 2] * 3
    assert results.best_config == {"x": 0.0, "units": 1, "layers": [64, 64], "c": {"d": (1, 2)}}


def test_torch_is_loaded_when_the_objective_does_and_seeded_all_the_same(run):
    def late(config):
        import sys

        first = "torch" not in sys.modules
        import torch

        assert torch.get_num_threads() == 1
        return torch.rand((), dtype=torch.float64) * (-1 if first else 1)

    results = run(late, searcher=sweeper.RandomSearch(6))
    errors = results.frame["validation_error"]
    assert (errors < 0).sum() == results.frame["worker"].nunique()
    for seed, error in zip(results.frame["seed"], errors, strict=True):
        torch.manual_seed(seed)
        assert abs(error) == torch.rand((), dtype=torch.float64).item()


# What an objective may be


@pytest.mark.slow
def test_lambdas_partials_closures_and_objects(run_inline):
    offset = 10

    class Adder:
        def __call__(self, config, more=1):
            return config["x"] + offset + more

    def two(config, factor):
        return config["x"] * factor

    for objective in (
        lambda config: config["x"] + offset,
        functools.partial(two, factor=2),
        Adder(),
    ):
        results = run_inline(objective, searcher=sweeper.RandomSearch(1), name=None)
        assert results.best_error == objective(results.best_config)
        time.sleep(1)  # the default name has seconds


def test_data_and_a_large_closure_reach_every_trial_and_data_stay_private(run):
    """Of three kinds; `test_shared_data.py` shows more of them."""
    large = torch.ones(30_000_000)  # 120 MB
    frame = pd.DataFrame({"x": [0.0] * 9})
    data = {"array": np.zeros(1000), "tensor": torch.zeros(1000), "frame": frame}

    def spoil(config, data):
        seen = float(large[:2].sum()) + sum(float(np.asarray(d).sum()) for d in data.values())
        data["array"][:] = 1.0
        data["tensor"][:] = 1.0
        data["frame"].loc[:, "x"] = 1.0
        return seen

    results = run(spoil, data=data, searcher=sweeper.RandomSearch(5))
    assert list(results.frame["validation_error"]) == [2.0] * 5


def test_generators_make_learning_curves(run_inline):
    results = run_inline(lambda config: (config["x"] / epoch for epoch in (1, 2, 4)))
    for trial, curve in results.curves.groupby("trial"):
        x = results.rows[trial].config["x"]
        assert list(curve["validation_error"]) == [x, x / 2, x / 4]
        assert list(curve["epoch"]) == [1, 2, 3]
        assert curve["elapsed_s"].is_monotonic_increasing
    assert list(results.frame["epochs"]) == [3] * 4
    assert list(results.frame["validation_error"]) == [r.config["x"] / 4 for r in results.rows]


def test_our_trainer_makes_learning_curves_too(run_inline):
    def train(config):
        trainer = sweeper.HPOTrainer(max_epochs=2)
        model = sweeper.SoftmaxRegression(num_outputs=10, lr=config["x"])
        trainer.fit(model=model, data=sweeper.Digits(batch_size=64))
        return trainer.validation_error().detach().numpy()

    results = run_inline(train, searcher=sweeper.RandomSearch(2))
    assert list(results.frame["epochs"]) == [2, 2]
    last = results.curves[results.curves["epoch"] == 2]["validation_error"]
    assert list(last) == list(results.frame["validation_error"])
    again = {"seed": results.frame["seed"][0], "config": results.rows[0].config}
    torch.manual_seed(again["seed"])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert float(train(again["config"])) == results.rows[0].value
    torch.set_num_threads(threads)


# What goes wrong


def yields_nothing(config):
    yield from ()


def raises_later(config):
    yield 0.5
    raise RuntimeError("in the second epoch")


def misbehave(config):
    how = config["how"]
    if how == "dies":
        os._exit(3)
    if how == "raises":
        raise ValueError("a bad\nconfiguration")
    if how == "exits":
        sys.exit("goodbye")
    if how == "interrupts":
        raise KeyboardInterrupt
    odd = {"nan": math.nan, "inf": math.inf, "none": None, "text": "0.5", "bool": True}
    odd |= {"vector": np.zeros(2), "dict": {}, "good": 0.5, "numpy": np.float32(0.25)}
    odd |= {"array": np.array(0.125), "tensor": torch.tensor(0.0625), "int": 1}
    if how in odd:
        return odd[how]
    return {"yields nothing": yields_nothing, "raises later": raises_later}[how](config)


@pytest.mark.lowest
def test_every_way_to_fail_is_a_row_and_never_wins(run):
    expected = {
        "dies": ("failed", "WorkerDied"),
        "raises": ("failed", "ValueError: a bad"),
        "exits": ("failed", "SystemExit: goodbye"),
        "interrupts": ("failed", "KeyboardInterrupt"),
        "nan": ("diverged", None),
        "inf": ("diverged", None),
        "none": ("failed", "TypeError: The objective must give validation_error"),
        "text": ("failed", "but got '0.5' (str)"),
        "bool": ("failed", "but got True (bool)"),
        "vector": ("failed", "got ndarray of shape (2,)"),
        "dict": ("failed", "gave [], but not 'validation_error'"),
        "yields nothing": ("failed", "without a yield"),
        "raises later": ("failed", "RuntimeError: in the second epoch"),
        "good": ("finished", None),
        "numpy": ("finished", None),
        "array": ("finished", None),
        "tensor": ("finished", None),
        "int": ("finished", None),
    }
    limits = sweeper.Limits(max_failures=0)  # each worker that starts anew takes seconds
    space, searcher = {"how": list(expected)}, sweeper.GridSearch()
    results = run(misbehave, space, searcher, num_workers=1, limits=limits)
    assert len(results.rows) == len(expected)
    for row in results.rows:
        status, exception = expected[row.config["how"]]
        assert row.status == status, row
        assert (exception or "") in (row.exception or ""), row
        if status == "failed" and row.config["how"] not in ("dies", "raises later"):
            assert row.value is None
    assert results.best_config == {"how": "tensor"}
    raised = next(row for row in results.rows if row.config["how"] == "raises")
    assert 'raise ValueError("a bad\\nconfiguration")' in raised.traceback
    assert "trainable.py" not in raised.traceback
    assert results.frame["worker"].notna().all()
    # Only the worker that died was replaced.
    assert results.frame["worker"].nunique() == 2


def test_a_stopped_generator_is_closed_and_its_memory_freed(run_inline, tmp_path):
    def hold(config):
        try:
            yield 0.5
            raise ValueError
        finally:
            with open(tmp_path / "closed.txt", "a") as file:
                file.write(".")

    run_inline(hold)
    assert (tmp_path / "closed.txt").read_text() == "...."


def test_trials_that_all_fail_alike_are_told_of_once(run_inline, capfd):
    def fails(config):
        raise ValueError("no such file")

    results = run_inline(fails, progress=True)
    printed = capfd.readouterr().err
    assert printed.count("The first 2 trials failed alike") == 1
    assert printed.count("All 4 trials failed") == 1
    assert printed.count('raise ValueError("no such file")') == 1
    with pytest.raises(LookupError, match="ValueError: no such file"):
        _ = results.best_config


def test_an_objective_that_workers_cannot_load(run):
    class Unloadable:
        def __reduce__(self):
            return (int, ("not a number",))

    broken = Unloadable()
    results = run(lambda config: broken)
    assert list(results.frame["status"]) == ["failed"] * 4
    assert "invalid literal for int()" in results.frame["exception"][0]
    assert results.frame["worker"].nunique() <= 2


def test_all_faults_of_all_inputs_at_once_and_nothing_is_written(run_inline, tmp_path):
    def needs_more(config, learning_rate, data):
        return 0

    with pytest.raises(ValueError, match="x") as caught:
        run_inline(needs_more, {"x": stats.uniform, "y": []}, num_workers=0, seed=-1, name="../out")
    for text in ('"x"', '"y"', "learning_rate", "data=", "num_workers", "seed", "'../out'"):
        assert text in str(caught.value), text
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("objective", "options", "message"),
    [
        (5, {}, r"objective must be a function .* got 5 \(int\)"),
        (lambda: 0, {}, "takes no argument"),
        (square, {"data": 1}, "takes no argument `data`"),
    ],
)
def test_wrong_objectives(run_inline, objective, options, message):
    with pytest.raises(ValueError, match=message):
        run_inline(objective, **options)


def test_an_objective_that_cannot_be_pickled(run):
    unpicklable = (x for x in range(3))
    with pytest.raises(TypeError, match="objective can't be pickled"):
        run(lambda config: next(unpicklable))


def test_more_than_there_is_is_an_error_not_a_wait(run, tmp_path):
    with pytest.raises(ValueError, match="a trial needs 99 CPUs"):
        run(square, resources=sweeper.Resources(cpus=99))
    assert not (tmp_path / "runs").exists()


def test_more_workers_than_fit_are_capped_and_said(run, capfd):
    searcher = sweeper.RandomSearch(1)
    run(lambda config: config["x"], searcher=searcher, num_workers=1000, progress=True)
    assert "num_workers=1000: only 8 fit" in capfd.readouterr().err


def test_a_folder_is_never_overwritten(run_inline, tmp_path):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="never overwritten"):
        run_inline(square, name="mine")


# The folder


def test_the_folder_tells_everything(run_inline):
    results = run_inline(square, seed=5)
    again = sweeper.load(results.folder)
    pd.testing.assert_frame_equal(again.frame, results.frame, check_exact=True)
    sweep = json.loads((results.folder / "sweep.json").read_text())
    assert sweep["config_space"] == {"x": "uniform(0, 1)", "kind": "['a', 'b']"}
    assert sweep["seed"] == 5
    assert sweep["objective"] == "test_sweep:square"
    assert sweep["searcher"] == {
        "kind": "RandomSearch", "num_trials": 4, "initial_configs": [], "unique": False
    }  # fmt: skip
    assert (sweep["scheduler"], sweep["constraints"], sweep["lag"]) == (None, [], None)


def test_a_folder_removed_in_the_middle_ends_the_sweep_with_its_path(run, tmp_path):
    def remove(config):
        time.sleep(0.3)
        if config["x"] == 3:
            shutil.rmtree(tmp_path / "runs")
        return config["x"]

    space = {"x": list(range(40))}
    with pytest.raises(OSError, match=r"trials\.jsonl"):
        run(remove, space, sweeper.GridSearch(), name="gone")


def test_a_full_disk_ends_the_sweep_with_the_path(run, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()

    def fills_the_disk(config):
        with open(disk / "full", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while not (tmp_path / "there is another disk").exists():
                file.write(bytes(4096))
        return 0.5

    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    try:
        # Either may be the first that finds no room: the journal, or what the worker has printed.
        full = rf"{disk}/s/(trials\.jsonl|output/\S+\.txt): can't be written: No space left"
        with pytest.raises(OSError, match=full):
            run(fills_the_disk, folder=disk, name="s")
        (disk / "full").unlink()
        (tmp_path / "there is another disk").touch()
        results = run(fills_the_disk, folder=disk, name="s", resume=True)
        assert results.statuses() == "4 finished"
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_folder_that_cannot_be_made_is_an_error_with_the_path(run_inline):
    with pytest.raises(OSError, match=r"/dev/null/runs: can't be written: Not a directory"):
        run_inline(square, folder="/dev/null/runs")


def test_hostile_names_are_harmless(run_inline, tmp_path, capfd):
    names = ["../up", "a/b", '"><script>', "'; rm", "\x1b[31mred\r\n", "💥", "n" * 10_000, "$(x)"]
    space = {name: ["../../" + name, 1] for name in names}

    def fails(config):
        raise ValueError("\x1b[2J" + "".join(config))

    results = run_inline(fails, space, sweeper.RandomSearch(3), progress=True)
    again = sweeper.load(results.folder)
    assert set(names) <= set(again.frame.columns)
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]
    print(again)
    shown = capfd.readouterr()
    for text in (shown.out, shown.err):
        assert "\x1b[31m" not in text
        assert "\x1b[2J" not in text
        assert max(map(len, text.splitlines())) < 12_000


# Workers


def test_every_worker_is_used_and_kept_and_trials_that_fail_are_never_tried_again(run, tmp_path):
    class Slow:
        """The first worker that loads it is free while the others start.

        Three of them share the later half of the trials in rounds, for which they wait for one
        another. Every other trial fails.
        """

        def __init__(self):
            self.rounds = 0

        def __setstate__(self, state):
            vars(self).update(state)
            try:
                (tmp_path / "first").touch(exist_ok=False)
            except FileExistsError:
                wait_until((tmp_path / "12").exists)

        def __call__(self, config):
            with open(tmp_path / str(config["x"]), "a") as file:
                file.write(".")
            if config["x"] >= 20:
                self.rounds += 1
                meet(tmp_path / f"round-{self.rounds}", 3)
            if config["x"] % 2:
                raise ValueError("unlucky")
            return 0.5

    space, limits = {"x": list(range(38))}, sweeper.Limits(max_failures=5)
    results = run(Slow(), space, sweeper.GridSearch(), num_workers=3, limits=limits)
    assert list(results.frame["status"]) == ["finished", "failed"] * 19
    assert {(tmp_path / str(x)).read_text() for x in range(38)} == {"."}
    workers = results.frame["worker"]
    assert workers.nunique() == workers[:3].nunique() == 3
    assert workers.value_counts().min() >= 5


# Deaths, and the limits of a sweep


def test_trials_are_tried_again_unless_they_kill_too_often_and_the_fleet_is_full_again(
    run, tmp_path
):
    deaths = {1: ("exit", 2), 3: ("abort", 1), 5: ("kill", 99), 6: ("kill", 1)}
    together = (9, 10)  # these run at the same time, or not at all

    def dies_at_first(config):
        x = config["x"]
        trace = tmp_path / f"{x}"
        trace.write_text(trace.read_text() + "." if trace.exists() else ".")
        how, times = deaths.get(x, ("", 0))
        if len(trace.read_text()) <= times:
            if how == "exit":
                os._exit(0)
            if how == "abort":
                os.abort()
            os.kill(os.getpid(), signal.SIGKILL)
        if x in together:
            wait_until(lambda: all((tmp_path / f"{x}").exists() for x in together))
        return x

    space = {"x": list(range(11))}
    results = run(dies_at_first, space, sweeper.GridSearch(), num_workers=2)
    frame = results.frame
    assert list(frame["status"]) == ["finished"] * 5 + ["failed"] + ["finished"] * 5
    assert "WorkerDied" in frame["exception"][5]
    assert list(frame["validation_error"].dropna()) == [x for x in range(11) if x != 5]
    for x in range(11):
        times = deaths.get(x, ("", 0))[1]
        assert (tmp_path / f"{x}").read_text() == "." * (1 + min(times, 2))  # tried again twice
    assert frame["worker"][9] != frame["worker"][10]


def test_a_time_budget_ends_the_sweep_and_resume_completes_it(run, capfd):
    def sleeps(config):
        time.sleep(0.4)
        return config["x"]

    arguments = {"searcher": sweeper.RandomSearch(30), "name": "s"}
    first = run(sleeps, limits=sweeper.Limits(time_budget_s=4), progress=True, **arguments)
    assert "Stopped after its time budget of 4 s" in capfd.readouterr().err
    statuses = set(first.frame["status"])  # the time may be over between two trials
    assert {"finished"} <= statuses <= {"finished", "interrupted"}
    assert len(first.rows) < 30
    interrupted = [row.trial for row in first.rows if row.status == "interrupted"]
    assert len(interrupted) <= first.sweep["num_workers"]  # those that had begun
    second = run(sleeps, resume=True, **arguments)
    assert list(second.frame["validation_error"]) == [r.config["x"] for r in second.rows]
    assert list(second.frame["status"]) == ["finished"] * 30


def trains(config, folder=None, dies=False):
    """Two fits with checkpoints; the process may die once, in the middle of the second."""
    for momentum in (0.0, 0.9):
        trainer = sweeper.HPOTrainer(max_epochs=0, checkpoint_every=1)
        model = sweeper.DropoutMLP(lr=config["x"], num_hiddens_1=32, num_hiddens_2=16)
        model.momentum = momentum
        trainer.fit(model, sweeper.Digits())
        for epoch in range(4):
            if dies and momentum and epoch == 2 and not (folder / "died").exists():
                (folder / "died").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            trainer.fit_epoch()
            yield trainer.validation_error()


@pytest.mark.lowest
def test_a_trial_goes_on_from_its_checkpoint(run, run_inline, tmp_path):
    def trains_and_dies(config):
        return trains(config, tmp_path, dies=True)

    searcher = sweeper.RandomSearch(1)
    undisturbed = run_inline(trains, searcher=searcher, name="undisturbed")
    results = run(trains_and_dies, searcher=searcher, name="s", keep_checkpoints=True)
    assert (tmp_path / "died").exists()
    for name in ("epoch", "validation_error"):
        assert list(results.curves[name]) == list(undisturbed.curves[name])
    assert results.best_error == undisturbed.best_error
    kept = sorted(path.name for path in (results.folder / "checkpoints" / "0-0").iterdir())
    assert kept == ["fit-1.pt", "fit-2.pt"]
    assert not list((undisturbed.folder / "checkpoints").iterdir())


def test_replicates(run_inline):
    def noisy_error(config):
        return config["x"] + random.random() / 10

    results = run_inline(noisy_error, replicates=3)
    frame = results.frame
    assert list(frame["trial"]) == [t for t in range(4) for _ in range(3)]
    assert list(frame["seed"]) == [trial_seed(0, t, r) for t in range(4) for r in range(3)]
    assert frame["validation_error"].nunique() == 12
    means = frame.groupby("trial")["validation_error"].mean()
    assert results.best_error == means.min()
    assert results.best_config == results.rows[3 * means.argmin()].config
    alone = run_inline(noisy_error, name="alone")
    first = frame[frame["replicate"] == 0]["validation_error"]
    assert list(alone.frame["validation_error"]) == list(first)


# Ctrl-C


@pytest.mark.ray
@pytest.mark.parametrize(
    ("number", "times", "large", "workers"),
    [(signal.SIGINT, 1, False, 2), (signal.SIGINT, 2, False, 1), (signal.SIGTERM, 1, True, 1)],
)
def test_ctrl_c_keeps_what_is_finished(tmp_path, number, times, large, workers):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            import time
            from pathlib import Path
            import sweeper

            def objective(config, data=None):
                if config["x"] > 0.5:
                    Path(f"began-{time.time()}").touch()
                    time.sleep(100)
                return config["x"]

            if __name__ == "__main__":
                space = {"x": [0.1, 0.2, 0.3, 0.9, 0.9, 0.9]}
                sweeper.run(objective, space, sweeper.GridSearch(), name="s", address="local",
                            num_workers=int(sys.argv[1]),
                            data=bytes(1000) if "large" in sys.argv else None)
            """
        )
    )
    command = [sys.executable, str(script), str(workers), *["large"] * large]
    with running(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "RAY_TMPDIR": "/tmp"},
    ) as process:  # fmt: skip
        wait_until(lambda: len(list(tmp_path.glob("began-*"))) >= workers, process)
        rows = sweeper.load(tmp_path / "runs" / "s").rows
        processes = [row.worker.rpartition("-")[2] for row in rows]
        assert len(list(tmp_path.glob("sweeper-data-*/*.data"))) == large
        for _ in range(times):
            process.send_signal(number)
            time.sleep(0.3)
        printed = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode in (128 + number, -number), printed
    deadline = time.monotonic() + 60
    while any(map(lives, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    results = sweeper.load(tmp_path / "runs" / "s")
    assert list(results.frame["validation_error"][:3]) == [0.1, 0.2, 0.3]
    if times == 1:
        assert list(results.frame["status"][3:]) == ["interrupted"] * workers  # those that began
        assert f"Stopped: 3 finished, {workers} interrupted" in printed
        how = "sweeper.run(…, name='s', resume=True)" if large else ": sweeper resume runs/s"
        assert f"Go on with{' ' * large}{how}" in printed
    assert not list(tmp_path.glob("sweeper-data-*/*.data"))


def lives(pid: str) -> bool:
    """Whether there is such a process, and not only its exit code that nobody asks for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
