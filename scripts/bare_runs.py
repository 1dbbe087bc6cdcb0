"""One run of bare Ray Tune or bare Optuna, as their documentation shows; for what_happens_when.py.

    python scripts/bare_runs.py '{"tool": "tune", "folder": "/tmp/x", "trials": 20, …}'

Its trials write a line each when they start and end into `events`, and what the library shows at
the end goes into `table.json`, both in the folder.
"""

import json
import os
import sys
import time
from pathlib import Path

NOT_ACCEPTED = {"nan": float("nan"), "none": None, "text": "0.0"}


def evaluate(spec, number, x):
    """The value of a trial, or the fault that `spec` has for it."""

    def note(kind):
        with open(f"{spec['folder']}/events", "a") as file:
            file.write(f"{kind} {number} {x!r} {os.getpid()}\n")

    note("start")
    time.sleep(spec["seconds"])
    fault = spec["faults"].get(str(number))
    if fault == "raise":
        raise RuntimeError("this trial raises")
    if fault == "exit":
        os._exit(1)
    note("end")
    return NOT_ACCEPTED[fault] if fault else 0.1 + (x - 0.3) ** 2


def run_tune(spec):
    """Rows (number, x, value, state) and what wins, of a run, a restored run or a reading."""
    import ray
    from ray import tune
    from ray.tune.search.basic_variant import BasicVariantGenerator

    class Trial(tune.Trainable):
        def setup(self, config):
            self.config = config

        def reset_config(self, new_config):
            self.config = new_config
            return True

        def step(self):
            number = int(self.trial_id.rpartition("_")[2])
            return {"loss": evaluate(spec, number, self.config["x"]), "done": True}

        def save_checkpoint(self, checkpoint_dir):
            Path(checkpoint_dir, "config.json").write_text(json.dumps(self.config))

        def load_checkpoint(self, checkpoint_dir):
            pass

    storage = f"{spec['folder']}/results"
    if spec["mode"] != "read":
        ray.init(address="local", num_cpus=2, include_dashboard=False)
    if spec["mode"] == "run":
        searcher = BasicVariantGenerator(max_concurrent=spec["workers"], random_state=spec["seed"])
        failures = tune.FailureConfig(max_failures=spec["max_failures"])
        tuner = tune.Tuner(
            Trial,
            param_space={"x": tune.uniform(0, 1)},
            tune_config=tune.TuneConfig(
                metric="loss",
                mode="min",
                search_alg=searcher,
                num_samples=spec["trials"],
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(name="sweep", storage_path=storage, failure_config=failures),
        )
    else:
        tuner = tune.Tuner.restore(f"{storage}/sweep", Trial)
    results = tuner.get_results() if spec["mode"] == "read" else tuner.fit()
    state = f"{results.num_terminated} TERMINATED, {results.num_errors} ERROR"
    rows = results.get_dataframe().to_dict("records")
    return [
        (int(row["trial_id"].rpartition("_")[2]), row["config/x"], repr(row["loss"]), state)
        for row in rows
        if "loss" in row
    ], lambda: results.get_best_result("loss", "min").metrics["loss"]


def run_optuna(spec):
    """Rows (number, x, value, state) and what wins, of a run, a resumed run or a reading."""
    import optuna
    from optuna.storages import JournalStorage, journal

    folder = Path(spec["folder"], "results")
    if spec["mode"] == "run":
        folder.mkdir(exist_ok=True)
    if spec["storage"] == "journal":
        storage = JournalStorage(journal.JournalFileBackend(str(folder / "journal.log")))
    else:
        storage = f"sqlite:///{folder}/optuna.db"
    if spec["mode"] == "read":
        study = optuna.load_study(study_name="sweep", storage=storage)
    else:
        sampler = optuna.samplers.RandomSampler(seed=spec["seed"])
        study = optuna.create_study(
            study_name="sweep", storage=storage, sampler=sampler, load_if_exists=True
        )
        study.optimize(
            lambda trial: evaluate(spec, trial.number, trial.suggest_float("x", 0, 1)),
            n_trials=spec["trials"] - sum(trial.state.is_finished() for trial in study.trials),
            n_jobs=spec["workers"],
            catch=(Exception,) if spec["catch"] else (),
        )
    return [
        (row["number"], row.get("params_x"), repr(row.get("value")), row["state"])
        for row in study.trials_dataframe().to_dict("records")
    ], lambda: study.best_trial.value


def main(spec):
    """Runs what `spec` says, and leaves what the tool shows at the end in `table.json`."""
    rows, best = {"tune": run_tune, "optuna": run_optuna}[spec["tool"]](spec)
    try:
        best = repr(best())
    except Exception as error:
        best = f"{type(error).__name__} ({str(error).splitlines()[0][:60]})"
    Path(spec["folder"], "table.json").write_text(json.dumps({"rows": rows, "best": best}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
