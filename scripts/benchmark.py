"""Prints what sweeper costs, beside something else that ran in the same minutes here.

    python scripts/benchmark.py              all but the two long ones (15 minutes on 2 cores)
    python scripts/benchmark.py fit noop     only these
    python scripts/benchmark.py scale        and ten_thousand: 10 and 12 minutes, only when named
    python scripts/benchmark.py waiting asha searches that learn and stop early: 3 minutes

Speeds of shared machines wander: read the ratios, not the seconds.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SEED, EPOCHS, BATCH_SIZE, TRIALS = 0, 8, 16, 5


def say(name, value, beside=""):
    """One line of the report."""
    print(f"{name:<58} {value:>12}   {beside}", flush=True)


# The README's first sweep, beside a pool of processes written by hand


def documented_space():
    """The configuration space of d2l 19.1.1."""
    from scipy import stats

    return {"learning_rate": stats.loguniform(1e-4, 1)}


def documented_objective(config, max_epochs=EPOCHS):
    """The objective of d2l 19.1.2, word for word but for the library's name."""
    import sweeper

    learning_rate = config["learning_rate"]
    trainer = sweeper.HPOTrainer(max_epochs=max_epochs)
    data = sweeper.FashionMNIST(batch_size=BATCH_SIZE)
    model = sweeper.SoftmaxRegression(num_outputs=10, lr=learning_rate)
    trainer.fit(model=model, data=data)
    return trainer.validation_error().detach().numpy()


def tensors():
    """Training and validation images and labels as tensors in memory, sweeper's split."""
    import torch

    import sweeper

    data = sweeper.FashionMNIST(batch_size=10_000)
    torch.manual_seed(0)
    train, validation = (
        [torch.cat(parts) for parts in zip(*data.get_dataloader(train), strict=True)]
        for train in (True, False)
    )
    return (*train, *validation)


def bare_epoch(net, optimizer, X, y):
    """One epoch of the loop that everybody writes."""
    import torch

    for batch in torch.randperm(len(X)).split(BATCH_SIZE):
        loss = torch.nn.functional.cross_entropy(net(X[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def bare_trial(config):
    """A trial of the README's first sweep without any library but torch."""
    import torch

    X, y, X_validation, y_validation = bare_trial.tensors
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=config["learning_rate"])
    for _ in range(EPOCHS):
        bare_epoch(net, optimizer, X, y)
        with torch.no_grad():
            wrong = (net(X_validation).argmax(1) != y_validation).double().mean()
    return wrong.item()


def job_by_pool():
    """The README's first sweep on a pool of 2 processes."""
    import sweeper

    search = sweeper.RandomSearch(TRIALS)
    bare_trial.tensors = tensors()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(min(pool.map(bare_trial, search.configs(documented_space(), SEED), chunksize=1)))


def job_by_sweeper():
    """The README's first sweep on sweeper."""
    import sweeper

    with tempfile.TemporaryDirectory() as folder:
        results = sweeper.run(
            documented_objective,
            documented_space(),
            sweeper.RandomSearch(TRIALS),
            seed=SEED,
            num_workers=2,
            folder=folder,
            address="local",
            progress=False,
        )
    print(results.best_error)


def ray_alone():
    """What nobody who sweeps on Ray Tune can avoid: its start, 2 workers with torch, its stop."""
    ray = with_ray(2)
    from ray import tune

    class Worker(tune.Trainable):
        def ready(self):
            import torch

            return torch.__version__

    workers = [ray.remote(Worker).options(num_cpus=1).remote() for _ in range(2)]
    print(ray.get([worker.ready.remote() for worker in workers]))
    ray.shutdown()


def whole_process(function):
    """Seconds that a function takes in a Python of its own, imports included."""
    start = time.perf_counter()
    subprocess.run([sys.executable, __file__, "--child", function.__name__], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    return time.perf_counter() - start


def job():
    """The README's first sweep: sweeper beside a pool, each a process from its start to its end."""
    import sweeper

    sweeper.FashionMNIST()  # both find the data prepared
    pairs = [(whole_process(job_by_sweeper), whole_process(job_by_pool)) for _ in range(3)]
    ratios = sorted(ours / pool for ours, pool in pairs)
    detail = ", ".join(f"{ours:.1f} s / {pool:.1f} s" for ours, pool in pairs)
    say("first sweep / pool of 2 processes (≤ 1.25)", f"{ratios[1]:.2f}", detail)
    floor = sorted(whole_process(ray_alone) for _ in range(3))[1]
    pool = sorted(seconds for _, seconds in pairs)[1]
    say("  bare Ray's start, 2 workers with torch, stop / pool", f"{floor / pool:.2f}",
        f"{floor:.1f} s")  # fmt: skip


def fit():
    """Trainer.fit_epoch beside the bare loop, epochs in turn, one thread."""
    import torch

    import sweeper

    torch.set_num_threads(1)
    X, y, *_ = tensors()
    data = sweeper.FashionMNIST(batch_size=BATCH_SIZE)
    trainer = sweeper.Trainer(max_epochs=1)
    trainer.fit(sweeper.SoftmaxRegression(num_outputs=10, lr=0.1), data)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    bare_epoch(net, optimizer, X, y)
    ours, bare = [], []
    for _ in range(7):
        start = time.perf_counter()
        trainer.fit_epoch()
        middle = time.perf_counter()
        bare_epoch(net, optimizer, X, y)
        ours.append(middle - start)
        bare.append(time.perf_counter() - middle)
    ratios = sorted(a / b for a, b in zip(ours, bare, strict=True))
    detail = f"{min(ours):.2f} s / {min(bare):.2f} s an epoch"
    say("Trainer.fit_epoch / bare loop, softmax, batch 16 (≤ 1.15)", f"{ratios[3]:.2f}", detail)


# The fleet


def with_ray(num_cpus, **options):
    """A Ray of so many logical CPUs."""
    import ray

    ray.init(address="local", num_cpus=num_cpus, include_dashboard=False, log_to_driver=False,
             logging_level="ERROR", **options)  # fmt: skip
    return ray


def sweep(objective, space, searcher, num_workers, **options):
    """A quiet sweep; its results and the seconds it took."""
    import sweeper

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        results = sweeper.run(objective, space, searcher, num_workers=num_workers, folder=folder,
                              progress=False, **options)  # fmt: skip
        return results, time.perf_counter() - start


def bare_tune(objective, num_trials, num_workers, reuse):
    """The same trials on Ray Tune alone: seconds, and the number of processes that ran them."""
    from ray import tune

    class Trainable(tune.Trainable):
        def setup(self, config):
            pass

        def reset_config(self, new_config):
            return True

        def step(self):
            return {"validation_error": objective({}), "worker": os.getpid(), "done": True}

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        grid = tune.Tuner(
            Trainable,
            tune_config=tune.TuneConfig(
                num_samples=num_trials, reuse_actors=reuse, max_concurrent_trials=num_workers
            ),
            run_config=tune.RunConfig(
                storage_path=folder,
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()
        seconds = time.perf_counter() - start
    return seconds, len({result.metrics["worker"] for result in grid})


def fleet():
    """640 trials that sleep 1 s on 16 workers."""
    import sweeper

    def sleep(config):
        time.sleep(1)
        return 0.5

    ray = with_ray(16)
    results, wall_s = sweep(sleep, {"x": 1}, sweeper.RandomSearch(640), 16)
    frame = results.frame
    end_s = (frame["start_s"] + frame["runtime_s"]).max()
    ideal = 640 / 16 / (end_s - frame["start_s"].min())
    detail = f"{frame['worker'].nunique()} of 16 workers used; whole sweep {wall_s:.1f} s"
    say("640 × 1 s on 16 workers, part of ideal (≥ 0.93)", f"{ideal:.3f}", detail)
    for reuse, trials in ((True, 640), (False, 64)):
        seconds, used = bare_tune(sleep, trials, 16, reuse)
        name = f"  bare Tune, {trials} × 1 s, reuse_actors={reuse}"
        detail = f"{used} processes; whole run {seconds:.1f} s, ideal {trials / 16:.0f} s"
        say(name, f"{trials / 16 / seconds:.3f}", detail)
    ray.shutdown()


def noop():
    """2,000 trials that return at once on 2 workers, rows on disk."""
    import sweeper

    def nothing(config):
        return 0.5

    ray = with_ray(2)
    results, wall_s = sweep(nothing, {"x": 1}, sweeper.RandomSearch(2000), 2)
    frame = results.frame
    per_trial_ms = 1000 * (frame["start_s"].max() - frame["start_s"].min()) / len(frame)
    detail = f"{frame['worker'].nunique()} workers used; whole sweep {wall_s:.1f} s"
    say("2,000 trials that do nothing, ms a trial (≤ 12)", f"{per_trial_ms:.1f}", detail)
    for reuse, trials in ((True, 500), (False, 20)):
        seconds, used = bare_tune(nothing, trials, 2, reuse)
        name = f"  bare Tune, {trials} trials, reuse_actors={reuse}"
        say(name, f"{1000 * seconds / trials:.1f}", f"{used} processes, start included")
    ray.shutdown()


def failing():
    """40 short trials on 4 workers, 10 of them raising."""
    import sweeper

    def objective(config):
        time.sleep(0.2)
        if config["x"] % 4 == 0:
            raise ValueError
        return 0.5

    ray = with_ray(4)
    space = {"x": list(range(40))}
    results, wall_s = sweep(objective, space, sweeper.GridSearch(), 4)
    failed = (results.frame["status"] == "failed").sum()
    say("40 trials, 10 raising, 4 workers: set-ups in all (4)", results.frame["worker"].nunique(),
        f"{failed} failed; whole sweep {wall_s:.1f} s")  # fmt: skip
    ray.shutdown()


def private_mb():
    """Memory that only this process holds and that is not a file: Anonymous, in MB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1000


def memory():
    """Private memory that data adds to a worker."""
    import numpy as np

    import sweeper

    def through_modules(config):
        before = private_mb()
        data = sweeper.FashionMNIST(batch_size=256)
        seen = sum(int(y.sum()) for _, y in data.get_dataloader(True))
        assert seen
        return private_mb() - before

    def through_argument(config, data):
        before = private_mb()
        assert data["images"].sum() == 0
        return private_mb() - before

    ray = with_ray(2)
    large = {"images": np.zeros((60_000, 784), dtype=np.float32)}
    for name, objective, data in (
        ("FashionMNIST, read once through", through_modules, None),
        ("data= of 188 MB, read once through", through_argument, large),
    ):
        # The second of two trials on each worker: caches of libraries are warm.
        results, _ = sweep(objective, {"x": 1}, sweeper.RandomSearch(8), 2, data=data)
        last = results.frame.sort_values("start_s").groupby("worker")["validation_error"].last()
        say(f"{name}: private MB a worker (≤ 5)", f"{last.max():.1f}", "growth of Anonymous memory")
    ray.shutdown()


def private_mb_of_driver(num_trials):
    """MB by which this process grows in a sweep of trials that do nothing, its results included."""
    import sweeper

    before = private_mb()
    results, _ = sweep(lambda config: 0.5, {"x": 1}, sweeper.RandomSearch(num_trials), 2)
    assert len(results.rows) == num_trials
    return private_mb() - before


def journal():
    """What a trial costs in the record, how fast that is read, what the driver keeps in memory."""
    import sweeper
    from sweeper.record.journal import Journal, write_json
    from sweeper.record.rows import Row

    row = {"replicate": 0, "config": {"learning_rate": 0.1, "num_hiddens": 128},
           "validation_error": 0.25, "epochs": 8, "status": "finished", "seed": 1, "start_s": 1.0,
           "runtime_s": 2.0, "worker": "host-1", "node": "host-2", "exception": None,
           "traceback": None, "curve": [[i, 0.5, 1.0] for i in range(8)]}  # fmt: skip
    with tempfile.TemporaryDirectory(dir=".") as folder:
        record = Journal(Path(folder))
        times = []
        for trial in range(10_000):
            begin = time.perf_counter()
            record.append(Row(**row, trial=trial))
            times.append(time.perf_counter() - begin)
        record.close()
        for upto in (10, 1_000, 10_000):
            last = sorted(times[max(0, upto - 1_000) : upto])
            say(f"journal, ms a trial at {upto:,} trials (≤ 2)",
                f"{1000 * sum(last) / len(last):.2f}", f"median {1000 * last[len(last) // 2]:.2f}, "
                "fsync included, 8 epochs each")  # fmt: skip
        sweep_json = {"format": 1, "created": "", "objective": "", "digest_of_first_draws": "",
                      "num_trials": 10_000, "replicates": 1, "seed": 0, "searcher": {},
                      "config_space": {"learning_rate": "", "num_hiddens": ""}, "resources": {},
                      "versions": {}, "fixed_arguments": {}, "without_text": [],
                      "data_given": False}  # fmt: skip
        write_json(Path(folder, "sweep.json"), sweep_json)
        begin = time.perf_counter()
        results = sweeper.load(folder)
        loaded = time.perf_counter()
        assert len(results.frame) == 10_000
        say("sweeper.load of 10,000 trials, s (≤ 1)", f"{loaded - begin:.2f}",
            f"the frame then takes {time.perf_counter() - loaded:.2f} s")  # fmt: skip
    ray = with_ray(2)
    private_mb_of_driver(100)  # what libraries load once
    growth = [private_mb_of_driver(trials) for trials in (500, 3_000)]
    say("driver's memory, KB a trial (≤ 20)", f"{1000 * (growth[1] - growth[0]) / 2_500:.1f}",
        "growth of Anonymous memory, 3,000 trials less 500")  # fmt: skip
    ray.shutdown()


def start():
    """Starting the package and the command, beside a Python that does nothing."""

    def median_of(*command):
        times = []
        for _ in range(7):
            begin = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - begin)
        return sorted(times)[3]

    nothing = median_of("-c", "pass")
    for name, command in (("import sweeper", ("-c", "import sweeper")),
                          ("sweeper --help", ("-m", "sweeper", "--help"))):  # fmt: skip
        say(f"{name}, s (≤ 0.3)", f"{median_of(*command):.3f}", f"python -c pass: {nothing:.3f} s")


def same():
    """The frame of 1 worker and that of 2, to the last bit."""
    import sweeper

    ray = with_ray(2)
    frames = []
    for workers in (1, 2):
        results, _ = sweep(documented_objective_short, documented_space(), sweeper.RandomSearch(4),
                           workers)  # fmt: skip
        frames.append(results.frame.drop(columns=["start_s", "runtime_s", "worker", "node"]))
    say("frames of 1 worker and of 2 are equal to the last bit", str(frames[0].equals(frames[1])))
    ray.shutdown()


def documented_objective_short(config):
    """The documented objective with one epoch."""
    return documented_objective(config, max_epochs=1)


class Samples:
    """The CPU time of this process beside the number of rows in a sweep's record, as both grow."""

    def __init__(self, record):
        self._record = record
        self._end = threading.Event()
        self._taken = []  # seconds of CPU, rows

    def __enter__(self):
        self._thread = threading.Thread(target=self._take)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._end.set()
        self._thread.join()

    def _take(self):
        while not self._end.wait(0.2):
            rows = self._record.read_bytes().count(b"\n") if self._record.exists() else 0
            self._taken.append((time.process_time(), rows))

    def ms_a_row(self, first, last):
        """Milliseconds of CPU a row, between these two numbers of rows."""
        (cpu_0, rows_0), *_, (cpu_1, rows_1) = [s for s in self._taken if first <= s[1] <= last]
        return 1000 * (cpu_1 - cpu_0) / (rows_1 - rows_0)


REPORTS = 5
WORKER_GB = 0.12  # what Ray's part of a worker takes


def free_gb():
    """Memory and swap that nobody uses."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = ("MemAvailable:", "SwapFree:")
    return sum(int(line.split()[1]) for line in lines if line.startswith(free)) / 1e6


def scale():
    """The driver's CPU time for a trial and for a report of one, as the fleet grows."""
    import sweeper

    for workers in (16, 64, 256):
        if workers * WORKER_GB > free_gb():
            wants = f"wants {workers * WORKER_GB:.0f} GB of memory and swap"
            say(f"driver's CPU with {workers} workers", "left out", wants)
            continue
        nap_s = max(1, workers / 40)  # so that the machine keeps up
        quiet, talking = 7 * workers, 4 * workers

        with tempfile.TemporaryDirectory() as folder:

            def objective(config, folder=folder, workers=workers, nap_s=nap_s, quiet=quiet):
                if config["x"] < workers:  # the first of each worker waits until all are up
                    Path(folder, str(config["x"])).touch()
                    while len(list(Path(folder).glob("[0-9]*"))) < workers:
                        time.sleep(workers / 32)
                if config["x"] < quiet:
                    time.sleep(nap_s)
                    yield 0.5
                    return
                for _ in range(REPORTS + 1):
                    time.sleep(nap_s / (REPORTS + 1))
                    yield 0.5

            # Workers that sleep may be swapped out, which Ray would take for a lack of memory.
            ray = with_ray(workers, _system_config={"memory_monitor_refresh_ms": 0})
            space = {"x": list(range(quiet + talking))}
            with Samples(Path(folder, "s", "trials.jsonl")) as samples:
                results = sweeper.run(objective, space, sweeper.GridSearch(), num_workers=workers,
                                      name="s", folder=folder, progress=False)  # fmt: skip
            ray.shutdown()
        frame = results.frame
        trial_ms = samples.ms_a_row(2 * workers, quiet - workers)
        report_ms = (samples.ms_a_row(quiet + workers, quiet + talking) - trial_ms) / REPORTS
        up_s = frame["runtime_s"].max() - nap_s
        detail = f"a report {report_ms:.2f} ms; {frame['worker'].nunique()} workers, all up after "
        say(f"driver's CPU with {workers} workers, ms a trial", f"{trial_ms:.1f}",
            f"{detail}{up_s:.0f} s, trials of {nap_s:.1f} s")  # fmt: skip


def ten_thousand():
    """10,000 trials of 1 s on 16 logical CPUs, Ray's start included; 12 minutes."""
    import sweeper

    def sleep(config):
        time.sleep(1)
        return 0.5

    start = time.perf_counter()
    ray = with_ray(16)
    results, _ = sweep(sleep, {"x": 1}, sweeper.RandomSearch(10_000), 16)
    wall_s = time.perf_counter() - start
    ray.shutdown()
    frame = results.frame.sort_values("start_s")
    starts = frame.groupby("worker")["start_s"]
    gaps_s = (starts.diff() - frame.groupby("worker")["runtime_s"].shift()).dropna()
    all_up_s = starts.min().max()
    outside_s = wall_s - (frame["start_s"] + frame["runtime_s"]).max() + frame["start_s"].min()
    say("10,000 × 1 s on 16 workers, s (≤ 690; at least 625)", f"{wall_s:.0f}",
        f"{outside_s:.0f} s before the first and after the last trial, all workers up "
        f"{all_up_s - frame['start_s'].min():.1f} s after the first; gaps between "
        f"trials of a worker: {gaps_s.sum() / 16:.0f} s in all, {1000 * gaps_s.median():.0f} ms in "
        f"the middle; {(frame['status'] == 'finished').sum():,} finished")  # fmt: skip


# Searches that learn and stop early


def waiting():
    """Bayesian search beside random search, neither of which should wait: part of its speed."""
    import random

    import sweeper

    def sleep(config):
        time.sleep(random.Random(str(config)).uniform(0.5, 1.5))
        return config["x"]

    from scipy import stats

    space = {name: stats.uniform(0, 1) for name in "xyz"}
    ray = with_ray(4)
    walls = {}
    for searcher in (sweeper.RandomSearch(100), sweeper.BayesianSearch(100, model="gp")):
        results, _ = sweep(sleep, space, searcher, 4)
        frame = results.frame
        ends = frame["start_s"] + frame["runtime_s"]
        work_s = frame["runtime_s"].sum()
        walls[type(searcher).__name__] = work_s / (ends.max() - frame["start_s"].min())
    ray.shutdown()
    random_, bayesian = walls.values()
    say(
        "GP search, 100 × 1 s ± 50 % on 4 workers (≥ 0.95)",
        f"{bayesian / random_:.3f}",
        f"of random search's speed; of the ideal {bayesian / 4:.2f} and {random_ / 4:.2f}",
    )


def curve(config):
    """27 errors of a training, and how long an epoch takes."""
    x, y = config["x"], config["y"]
    seconds = 0.04 + 0.08 * y  # by a factor of 3
    return [x + (0.2 + y) / epoch for epoch in range(1, 28)], seconds


def asha():
    """In-order ASHA beside Ray's ASHAScheduler, both on warm workers."""
    from scipy import stats

    import sweeper

    space = {"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}
    configs = sweeper.preview(space, sweeper.RandomSearch(120), most=120).configs
    lowest = min(curve(config)[0][-1] for config in configs)

    def train(config):
        errors, seconds = curve(config)
        for error in errors:
            time.sleep(seconds)
            yield error

    for workers in (4, 16):
        ray = with_ray(workers)
        results, _ = sweep(
            train, space, sweeper.RandomSearch(120), workers, scheduler=sweeper.ASHA()
        )
        frame = results.frame
        ours_s = (frame["start_s"] + frame["runtime_s"]).max() - frame["start_s"].min()
        ours = results.best_error - lowest
        theirs_s, theirs = rays_asha(configs, workers)
        ray.shutdown()
        say(f"ASHA in order, {workers} workers, to Ray's (≤ 1.1)", f"{ours_s / theirs_s:.2f}",
            f"{ours_s:.0f} s to {theirs_s:.0f} s; error above the best of all {ours:.3f} and "
            f"{theirs:.3f}")  # fmt: skip


def rays_asha(configs, workers):
    """Seconds from the first start to the last end, and the best final error above the lowest."""
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler

    class Training(tune.Trainable):
        def setup(self, config):
            self.reset_config(config)

        def reset_config(self, new_config):
            self.errors, self.seconds = curve(configs[new_config["number"]])
            self.begun, self.epoch = time.time(), 0
            return True

        def step(self):
            time.sleep(self.seconds)
            self.epoch += 1
            return {"error": self.errors[self.epoch - 1], "begun": self.begun,
                    "ended": time.time(), "done": self.epoch == 27}  # fmt: skip

    class Warm(ASHAScheduler):
        def choose_trial_to_run(self, tune_controller):
            return None  # or most workers are never used: see sweeper/sweep/tune_hooks.py

    with tempfile.TemporaryDirectory() as storage:
        results = tune.Tuner(
            tune.with_resources(Training, {"cpu": 1}),
            param_space={"number": tune.grid_search(list(range(len(configs))))},
            tune_config=tune.TuneConfig(
                scheduler=Warm(time_attr="training_iteration", metric="error", mode="min",
                               max_t=27, grace_period=1, reduction_factor=3),
                max_concurrent_trials=workers, reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=storage, verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()  # fmt: skip
    metrics = [result.metrics for result in results]
    lowest = min(curve(config)[0][-1] for config in configs)
    whole = [m["error"] for m in metrics if m["training_iteration"] == 27]
    seconds = max(m["ended"] for m in metrics) - min(m["begun"] for m in metrics)
    return seconds, min(whole) - lowest


def reports():
    """Reports from a callback, beside yields; both in a process that runs trials as a worker."""
    import sweeper
    from sweeper.worker.running_trial import RunningTrial

    number = 100_000

    def yields(config):
        for _ in range(number):
            yield 0.5

    def reports(config):
        for _ in range(number):
            sweeper.report(0.5)

    def us_each(objective):
        trial, begin = RunningTrial(objective, {}, {}, SEED), time.perf_counter()
        while not hasattr(trial.advance(), "status"):
            pass
        return 1e6 * (time.perf_counter() - begin) / number

    pairs = [(us_each(reports), us_each(yields)) for _ in range(7)]
    ratio = sorted(report / one_yield for report, one_yield in pairs)[3]
    say("a report, as a part of a yield (≤ 1.2)", f"{ratio:.2f}",
        f"{pairs[3][0]:.1f} and {pairs[3][1]:.1f} µs")  # fmt: skip


def state():
    """What it takes to give each trial a process in the same state as the one before it."""
    import torch

    from sweeper.worker.process_state import ProcessState

    def nothing():
        pass

    def changes():
        os.environ["LEFT"] = "behind"
        torch.set_default_dtype(torch.float64)
        os.chdir("/")

    before = ProcessState()
    for name, change in (("nothing changed", nothing), ("3 things changed", changes)):
        times = []
        for _ in range(1000):
            change()
            begin = time.perf_counter()
            before.restore()
            times.append(time.perf_counter() - begin)
        say(f"a process's state put back, {name}, ms (≤ 1)", f"{1000 * sorted(times)[500]:.2f}",
            f"the slowest of 1,000 {1000 * max(times):.1f}, with torch")  # fmt: skip


def fresh():
    """Trials that do nothing, each in a new process, beside warm ones; with torch, one worker."""
    import torch

    import sweeper

    def nothing(config):
        return float(torch.get_num_threads() > 0)

    ray = with_ray(2)
    each_ms = {}
    for fresh, trials in ((True, 60), (False, 300)):
        results, _ = sweep(nothing, {"x": 1}, sweeper.RandomSearch(trials), 1, fresh=fresh)
        starts = results.frame["start_s"].sort_values()
        each_ms[fresh] = 1000 * starts.diff().median()
    say("a trial in a new process, ms", f"{each_ms[True]:.1f}", f"a warm one {each_ms[False]:.1f}")
    ray.shutdown()


QUICK = (start, fit, same, failing, noop, reports, state, fresh)
PARTS = {f.__name__: f for f in (*QUICK, memory, journal, job, fleet)}
LONG = {f.__name__: f for f in (scale, ten_thousand, waiting, asha)}  # only when they are named

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS | LONG))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        globals()[arguments.child]()
    else:
        unknown = [part for part in arguments.parts if part not in PARTS | LONG]
        if unknown:
            parser.error(f"unknown {unknown}; choose from {list(PARTS | LONG)}")
        print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
        for part in arguments.parts or PARTS:
            (PARTS | LONG)[part]()
