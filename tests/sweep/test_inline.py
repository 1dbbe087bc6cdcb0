"""Sweeps in this process, without Ray."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest
from scipy import stats

import sweeper

SPACE = {"x": stats.uniform(0, 1), "units": [(1, 2), (3, 4)]}
SEARCHERS = [
    sweeper.RandomSearch(12),
    sweeper.SobolSearch(12),
    sweeper.GridSearch(points=6),
    sweeper.BayesianSearch(12, lag=2),
    sweeper.BayesianSearch(14, model="tpe", lag=3),
]
TIMED = ["start_s", "runtime_s", "worker", "node"]


def yields(config):
    for epoch in range(1, 10):
        yield (config["x"] - 0.3) ** 2 + config["units"][0] / epoch


@pytest.fixture
def run(tmp_path):
    def run_inline(objective=yields, searcher=SEARCHERS[0], **options):
        options = {"folder": tmp_path, "address": "inline", "progress": False} | options
        return sweeper.run(objective, SPACE, searcher, **options)

    return run_inline


@pytest.mark.slow
def test_neither_it_nor_a_preview_nor_pictures_and_reports_need_ray_torch_or_optuna(tmp_path):
    code = (
        "import sys, sweeper; from scipy import stats\n"
        "space, searcher = {'x': stats.uniform(0, 1)}, sweeper.RandomSearch(3)\n"
        "str(sweeper.preview(space, searcher))\n"
        "r = sweeper.run(lambda c: c['x'], space, searcher, "
        "address='inline', folder=sys.argv[1], progress=False, report=False)\n"
        "from sweeper import plots\n"
        "sweeper.write_report(r, sys.argv[1] + '/report.html')\n"
        "print(len(r.rows), {'ray', 'torch', 'optuna'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "3 set()\n", done.stderr
    assert done.stderr == ""


def test_the_objective_has_the_main_thread_and_prints_as_usual(run, capfd):
    def objective(config):
        print("hello from", threading.current_thread() is threading.main_thread())
        return config["x"]

    run(objective)
    assert capfd.readouterr().out == "hello from True\n" * 12


def test_an_exception_is_a_row_or_in_debug_mode_raised_through(run, tmp_path):
    def fails(config):
        if config["x"] > 0.5:
            raise KeyError("missing")
        return config["x"]

    statuses = run(fails).frame["status"]
    assert set(statuses) == {"finished", "failed"}
    with pytest.raises(KeyError, match="missing") as caught:
        run(fails, name="debug", debug=True)
    assert caught.traceback[-1].name == "fails"
    left = sweeper.load(tmp_path / "debug").frame["status"]
    assert list(left)[-1] == "interrupted"


def test_ctrl_c_ends_the_sweep_at_once(run, tmp_path):
    def interrupts(config):
        if config["units"] == (3, 4):
            raise KeyboardInterrupt
        return config["x"]

    with pytest.raises(KeyboardInterrupt):
        run(interrupts, name="s")
    assert list(sweeper.load(tmp_path / "s").frame["status"])[-1] == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", [None, sweeper.ASHA()])
@pytest.mark.parametrize("searcher", SEARCHERS, ids=lambda s: f"{type(s).__name__}")
def test_a_sweep_that_is_stopped_again_and_again_ends_with_the_same_table(run, searcher, scheduler):
    whole = run(searcher=searcher, scheduler=scheduler)
    stops = [3, 40, 9]  # epochs after which it is stopped
    for epochs in stops:
        run(
            searcher=searcher, scheduler=scheduler, name="s", resume=True,
            limits=sweeper.Limits(total_epochs=epochs),
        )  # fmt: skip
    resumed = run(searcher=searcher, scheduler=scheduler, name="s", resume=True)
    for frame in (resumed.frame, sweeper.load(resumed.folder).frame):
        pd.testing.assert_frame_equal(
            frame.drop(columns=[*TIMED, "units"]),
            whole.frame.drop(columns=[*TIMED, "units"]),
            check_exact=True,
        )
    pd.testing.assert_series_equal(resumed.frame["units"], whole.frame["units"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "arguments"), [("inference_mode", ()), ("autocast", ("cpu",)), ("device", ("meta",))]
)
def test_what_the_objective_has_switched_on_is_off_for_the_searcher(run, mode, arguments):
    import torch  # not above: the new processes of other tests would import it, too

    def switches(config):
        with getattr(torch, mode)(*arguments):
            for error in yields(config):
                sweeper.report(error)

    frames = [
        run(objective, sweeper.BayesianSearch(12, lag=2), scheduler=sweeper.ASHA()).frame
        for objective in (yields, switches)
    ]
    pd.testing.assert_frame_equal(*(frame.drop(columns=TIMED) for frame in frames))


def test_what_can_not_be_is_refused(run):
    with pytest.raises(ValueError, match="num_workers=2 with address='inline'"):
        run(num_workers=2)
    with pytest.raises(ValueError, match="debug=True lets exceptions of the objective through"):
        run(debug=True, address="local")
    with pytest.raises(ValueError, match=r"scheduler=ASHA\(…\) with replicates=2"):
        run(scheduler=sweeper.ASHA(), replicates=2)
    with pytest.raises(ValueError, match=r"scheduler must be sweeper.ASHA\(…\) or None, but got"):
        run(scheduler="asha")


def test_failed_trials_are_not_retried_once_something_was_learned_from_them(run):
    def fails(config):
        if config["units"] == (3, 4):
            raise ValueError("no")
        yield config["x"]

    for name, options in {
        "bayes": {"searcher": sweeper.BayesianSearch(8, lag=1)},
        "asha": {"scheduler": sweeper.ASHA()},
    }.items():
        run(fails, name=name, **options)
        with pytest.raises(ValueError, match=r"retry_failed: .* the failure of trial"):
            run(fails, name=name, resume=True, retry_failed=True, **options)


def test_the_lag_is_told_if_it_was_chosen_recorded_and_kept(run, capsys):
    searcher = sweeper.BayesianSearch(6)
    shown = {"progress": True, "report": False}
    first = run(searcher=searcher, name="s", limits=sweeper.Limits(total_epochs=20), **shown)
    assert first.sweep["lag"] == 2
    told = "lag: 2, twice the workers. With lag=2 (--lag 2) any number of workers gives this table"
    assert told in capsys.readouterr().err.splitlines()
    more = sweeper.BayesianSearch(8)
    assert run(searcher=more, name="s", resume=True, **shown).sweep["lag"] == 2
    run(searcher=sweeper.BayesianSearch(2, lag=2), name="given", **shown)
    run(searcher=sweeper.RandomSearch(2), name="random", **shown)
    assert "lag:" not in capsys.readouterr().err
    with pytest.raises(ValueError, match="lag: was 2, is 5"):
        run(searcher=sweeper.BayesianSearch(8, lag=5), name="s", resume=True)


def test_another_scheduler_or_constraint_is_another_sweep(run):
    run(name="s")
    with pytest.raises(ValueError, match=r"scheduler: was None, is \{'kind': 'ASHA'"):
        run(name="s", resume=True, scheduler=sweeper.ASHA())
    with pytest.raises(ValueError, match=r"constraints: was \[\], is \['x < 0.9'\]"):
        run(name="s", resume=True, constraints=["x < 0.9"])


@pytest.mark.slow
def test_our_trainer_is_left_in_the_middle_of_fit(run):
    left = []

    def objective(config):
        trainer = sweeper.HPOTrainer(max_epochs=9)
        model = sweeper.SoftmaxRegression(num_outputs=10, lr=10 ** (-4 * config["x"]))
        try:
            trainer.fit(model=model, data=sweeper.Digits())
        finally:
            left.append(trainer.epoch)
        return trainer.validation_error()

    plain = run(objective)
    stopped = run(objective, scheduler=sweeper.ASHA())
    assert set(plain.frame["epochs"]) == {9}
    assert set(stopped.frame["epochs"]) == {1, 3, 9}
    assert left[12:] == list(stopped.frame["epochs"])
    errors = {row.trial: row.curve for row in plain.rows}
    for row in stopped.rows:
        assert [p[:2] for p in row.curve] == [p[:2] for p in errors[row.trial][: row.epochs]]


def checkpoints_of(folder) -> list:
    return list(folder.glob("checkpoints/*/*"))


@pytest.mark.slow
def test_early_stopping_with_checkpoints_is_gone_on_with(run):
    begun = []

    def objective(config):
        trainer = sweeper.HPOTrainer(max_epochs=9, checkpoint_every=1)
        model = sweeper.SoftmaxRegression(num_outputs=10, lr=10 ** (-4 * config["x"]))
        begun.append(sweeper.current_trial().number)
        trainer.fit(model=model, data=sweeper.Digits())
        return trainer.validation_error()

    options = {"searcher": sweeper.RandomSearch(8), "scheduler": sweeper.ASHA()}
    whole = run(objective, **options)
    assert begun == list(range(8))
    for epochs in (4, 13, 16):
        limits = sweeper.Limits(total_epochs=epochs)
        stopped = run(objective, **options, name="s", resume=True, limits=limits)
        assert checkpoints_of(stopped.folder)
    resumed = run(objective, **options, name="s", resume=True)
    assert len(begun) > 2 * 8  # some trials were left in the middle
    assert set(whole.frame["status"]) == {"finished", "stopped"}
    pd.testing.assert_frame_equal(
        resumed.frame.drop(columns=TIMED), whole.frame.drop(columns=TIMED), check_exact=True
    )
    assert not checkpoints_of(resumed.folder)


def test_an_objective_may_change_its_configuration(run):
    def pops(config):
        config["new"] = 1
        return config.pop("x")

    results = run(pops)
    assert all(row.config["x"] == row.value for row in results.rows)
    assert not any("new" in row.config for row in results.rows)


@pytest.mark.slow
def test_an_objective_that_swallows_everything_still_hears_ctrl_c_and_its_time(run, tmp_path):
    def swallows(config):
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            try:
                if not (tmp_path / "interrupted").exists():
                    (tmp_path / "interrupted").touch()
                    os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.01)
            except BaseException:
                continue
        return config["x"]

    with pytest.raises(KeyboardInterrupt):
        run(swallows, name="s")
    assert len(sweeper.load(tmp_path / "s").rows) == 1
    slow = run(swallows, sweeper.RandomSearch(2), limits=sweeper.Limits(trial_time_s=0.2))
    assert (
        list(slow.frame["exception"])
        == ["TrialTimeOver: the trial ran longer than trial_time_s=0.2"] * 2
    )


@pytest.mark.slow
def test_an_objective_without_epochs_is_told_of(run, capfd):
    options = {"scheduler": sweeper.ASHA(), "progress": True, "report": False}
    run(lambda config: config["x"], limits=sweeper.Limits(total_epochs=3), **options)
    printed = capfd.readouterr().err
    assert printed.count("so ASHA and total_epochs can do nothing for it") == 1


# In new processes


def leaves_traces(config):
    seen.append(config["x"])
    os.environ["LEFT"] = "behind"
    for _ in range(3):
        yield len(seen) + config["x"]


seen: list[float] = []


@pytest.mark.slow
def test_fresh_trials_leave_nothing_here(run):
    results = run(leaves_traces, sweeper.RandomSearch(2), fresh=True)
    assert [row.value for row in results.rows] == [1 + row.config["x"] for row in results.rows]
    assert seen == []
    assert "LEFT" not in os.environ
    with pytest.raises(ValueError, match=r"debug=True lets .* which fresh=True runs in"):
        run(leaves_traces, fresh=True, debug=True)
    with pytest.raises(ValueError, match=r"fresh must be True or False, but got 'yes' \(str\)"):
        run(leaves_traces, fresh="yes")


def test_warm_trials_begin_alike_and_leave_the_process_as_it_was(run, tmp_path):
    def objective(config):
        found = [os.getcwd(), os.environ.get("LEFT"), list(sys.argv)]
        os.chdir(tmp_path)
        os.environ["LEFT"] = "behind"
        sys.argv.append("more")
        random.seed(1)
        return float(found != before)

    before = [os.getcwd(), None, list(sys.argv)]
    random.seed(3)
    expected = random.random()
    random.seed(3)
    assert set(run(objective, sweeper.RandomSearch(3)).frame["validation_error"]) == {0.0}
    assert [os.getcwd(), os.environ.get("LEFT"), list(sys.argv)] == before
    assert random.random() == expected


def test_fresh_is_another_sweep_but_what_a_record_of_before_it_means(run):
    first = run(name="s")
    with pytest.raises(ValueError, match="fresh: was False, is True"):
        run(name="s", resume=True, fresh=True)
    path = first.folder / "sweep.json"
    path.write_text(path.read_text().replace('"fresh": false,', ""))
    run(name="s", resume=True)
    with pytest.raises(ValueError, match="fresh: was False, is True"):
        run(name="s", resume=True, fresh=True)


@pytest.mark.slow
def test_a_fresh_trial_that_takes_too_long_and_ctrl_c_end_its_process(run, tmp_path):
    (tmp_path / "pids").mkdir()

    def objective(config):
        (tmp_path / "pids" / str(os.getpid())).touch()
        time.sleep(600)

    slow = run(
        objective, sweeper.RandomSearch(2), fresh=True, limits=sweeper.Limits(trial_time_s=0.5)
    )
    assert set(slow.frame["exception"]) == {
        "TrialTimeOver: the trial ran longer than trial_time_s=0.5"
    }
    before = len(list((tmp_path / "pids").iterdir()))

    def interrupt():
        while len(list((tmp_path / "pids").iterdir())) == before:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(objective, fresh=True, name="s")
    thread.join()
    assert list(sweeper.load(tmp_path / "s").frame["status"]) == ["interrupted"]
    for path in (tmp_path / "pids").iterdir():
        assert not os.path.exists(f"/proc/{path.name}")


def test_a_sweep_is_named_after_its_function_or_script(run, tmp_path):
    (tmp_path / "quick.py").write_text("print('validation_error 0.5')")
    command = f"{sys.executable} {tmp_path / 'quick.py'} {{x}} {{units}}"
    script = run(sweeper.Command(command, "validation_error"), sweeper.RandomSearch(1))
    assert script.folder.name.endswith("_quick")
    assert run(lambda config: 0.5, sweeper.RandomSearch(1)).folder.name.endswith("_lambda")
    assert run(yields, sweeper.RandomSearch(1)).folder.name.endswith("_yields")


def reports_much(config):
    for epoch in range(1, 1_200):
        yield {"validation_error": config["x"] / epoch, **dict.fromkeys(NAMES, epoch / 3)}


NAMES = [f"{'a long name ' * 15}{i}" for i in range(100)]


@pytest.mark.slow
def test_a_trial_that_reports_more_than_a_line_holds_is_not_run_again(run_inline, tmp_path):
    searcher = sweeper.GridSearch()
    results = run_inline(reports_much, {"x": [1]}, searcher, name="s")
    again = sweeper.load(tmp_path / "runs" / "s")
    pd.testing.assert_frame_equal(again.frame, results.frame)
    pd.testing.assert_frame_equal(again.curves, results.curves)
    assert results.curves["epoch"].max() == 1_199
    before = (tmp_path / "runs" / "s" / "trials.jsonl").read_bytes()
    run_inline(reports_much, {"x": [1]}, searcher, name="s", resume=True)
    assert (tmp_path / "runs" / "s" / "trials.jsonl").read_bytes() == before
