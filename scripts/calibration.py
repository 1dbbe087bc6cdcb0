"""How far `sweeper show` and `sweeper.confirm` can be believed where they say how sure they are.

    python scripts/calibration.py                   4,200 simulated sweeps, 5 minutes
    python scripts/calibration.py --sweeps 400      fewer

Each sweep has 3 to 60 configurations with known true means, 2 to 10 replicates of each, and one of
several kinds of noise. Printed is what was said beside what is true.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from sweeper.search.asha import ASHA, Verdicts
from sweeper.search.known import Known
from sweeper.search.ranking import PRACTICAL, Ranking, rank, rank_by
from sweeper.search.top_two import SearchOver, TopTwo
from sweeper.space.space import Space

BINS = [0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.001]


class Sweep(NamedTuple):
    """A simulated sweep: `(m,)` true means, `(m,)` noise of one training, `(m, r)` replicates."""

    truth: np.ndarray
    noise: np.ndarray
    losses: np.ndarray


# True means, on a scale on which they differ by about 1


def normal(rng: np.random.Generator, m: int) -> np.ndarray:
    """As many good as bad ones."""
    return rng.normal(size=m)


def bowl(rng: np.random.Generator, m: int) -> np.ndarray:
    """Random points of a valley in three hyperparameters."""
    return 4 * ((rng.random((m, 3)) - 0.4) ** 2).sum(axis=1)


def skew(rng: np.random.Generator, m: int) -> np.ndarray:
    """Most are good, some very bad."""
    return rng.lognormal(0, 1.2, size=m)


def ties(rng: np.random.Generator, m: int) -> np.ndarray:
    """One hyperparameter with five choices matters, the others do nothing."""
    return rng.normal(size=5)[rng.integers(5, size=m)]


def near_ties(rng: np.random.Generator, m: int) -> np.ndarray:
    """The others do next to nothing."""
    return ties(rng, m) + 0.02 * rng.normal(size=m)


def lead(rng: np.random.Generator, m: int) -> np.ndarray:
    """One may be much better than all others."""
    means = rng.normal(size=m)
    means[rng.integers(m)] -= 4 * rng.random()
    return means


def equal(rng: np.random.Generator, m: int) -> np.ndarray:
    """All are the same, so that each is the best with probability 1 / m."""
    return np.zeros(m)


def after_asha(rng: np.random.Generator, m: int) -> np.ndarray:
    """Those that ASHA has trained to the end, of 3 m, whose curves are noisy."""
    means, gaps = rng.normal(size=(2, 3 * m))
    verdicts = Verdicts(ASHA(1, 3, max_epochs=9))
    for trial in range(3 * m):
        for epoch in (1, 3):
            if verdicts.stopped_at(trial) is None:
                noisy = means[trial] + gaps[trial] / epoch + rng.normal(0, 0.3)
                verdicts.reported(trial, epoch, noisy)
        verdicts.over(trial)
    return means[[trial for trial in range(3 * m) if verdicts.stopped_at(trial) is None]]


TRUTHS = (normal, bowl, skew, lead, near_ties, ties, after_asha)
NOISES = ("equal", "unequal", "trend", "heavy")


def simulated(seed: int, truth: Callable, noise: str, m: int, r: int, size: float) -> Sweep:
    """A sweep of m configurations × r replicates whose noise is about `size`."""
    rng = np.random.default_rng(seed)
    means = truth(rng, m)
    m = len(means)
    place = stats.rankdata(means) / m
    factors = {"unequal": np.exp(rng.normal(0, 0.5, m)), "trend": np.exp(1.5 * (place - 0.3))}
    sds = size * factors.get(noise, np.ones(m))
    drawn = stats.t(3).rvs((m, r), random_state=rng) / np.sqrt(3) if noise == "heavy" else None
    drawn = rng.normal(size=(m, r)) if drawn is None else drawn
    return Sweep(means, sds, means[:, None] + sds[:, None] * drawn)


def ranked(sweep: Sweep) -> Ranking:
    """What sweeper makes of a sweep."""
    count = sweep.losses.shape[1]
    counts = np.full(len(sweep.truth), count)
    found = rank(sweep.losses.mean(axis=1), sweep.losses.var(axis=1, ddof=1), counts)
    assert found is not None
    return found


# What two oracles that know the variances make of it


def oracle(sweep: Sweep) -> int:
    """How many contenders the same model finds."""
    counts = np.full(len(sweep.truth), sweep.losses.shape[1])
    freedom = np.full(len(sweep.truth), 1e6)
    found = rank_by(sweep.losses.mean(axis=1), sweep.noise**2, freedom, counts)
    return len(found.contenders())


def hsu(sweep: Sweep) -> int:
    """How many can't be told from the best by Hsu's comparisons (1984), variances known."""
    means, errors = sweep.losses.mean(axis=1), sweep.noise**2 / sweep.losses.shape[1]
    margin = _critical(len(means)) * np.sqrt(errors[:, None] + errors)
    np.fill_diagonal(margin, 0)
    return int((means[:, None] <= means + margin).all(axis=1).sum())


@lru_cache(maxsize=100)
def _critical(m: int) -> float:
    """The 95 % quantile of the largest of m - 1 differences to the same one (Dunnett 1955)."""

    z = np.linspace(-8, 8, 801)  # a sum in place of the integral: the result differs by 1e-14
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()

    def beyond(c: float) -> float:
        return float(weights @ special.ndtr(c * np.sqrt(2) + z) ** (m - 1)) - 0.95

    return float(optimize.brentq(beyond, 0, 6))


def judge(sweeps: int, seed: int = 0, truths: Sequence[Callable] = TRUTHS) -> pd.DataFrame:
    """One row a sweep: what was said and what is true."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(sweeps):
        truth, noise = truths[n % len(truths)], NOISES[rng.integers(len(NOISES))]
        m, r = int(rng.choice([3, 8, 20, 60])), int(rng.integers(2, 11))
        sweep = simulated(seed + n, truth, noise, m, r, float(rng.choice([0.05, 0.3, 1])))
        found, means = ranked(sweep), sweep.losses.mean(axis=1)
        winner, is_best = int(np.argmin(means)), sweep.truth == sweep.truth.min()
        low, high = found.interval(winner)
        most = found.most_to_gain(winner)
        close = found.contenders()
        rows.append({
            "truth": truth.__name__, "noise": noise, "configurations": m, "replicates": r,
            "said": found.probability[winner],
            # Of k equal ones each is the best with probability 1 / k.
            "true": is_best[winner] / is_best.sum(),
            "holds": is_best[close].any(), "size": len(close),
            "oracle": oracle(sweep), "Hsu": hsu(sweep),
            "in interval": low <= sweep.truth[winner] <= high,
            "none better by more": sweep.truth[winner] - sweep.truth.min() <= most * (1 + 1e-9),
        })  # fmt: skip
    return pd.DataFrame(rows)


def by_said(judged: pd.DataFrame) -> pd.DataFrame:
    """Where it says "best with probability p": how often that is true."""
    groups = judged.groupby(pd.cut(judged["said"], BINS, right=False), observed=True)
    table = groups.agg(said=("said", "mean"), true=("true", "mean"), sweeps=("said", "size"))
    return table.reset_index(drop=True)


def by_kind(judged: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The means of all that was judged, for each kind of sweep."""
    columns = ["said", "true", "holds", "size", "oracle", "Hsu"]
    return judged.groupby(kind)[[*columns, "in interval", "none better by more"]].mean()


# How many trainings `sweeper.confirm(…, until=…)` saves


def trainings(sweep: Sweep, seed: int, equal_shares: bool, until: float = 0.95) -> dict:
    """Trains configurations until the best is known, on 4 workers; how many trainings that takes.

    With equal shares they are trained in turn, until the same is known.
    """
    k = len(sweep.truth)
    searcher = TopTwo(20 * k, [{"x": i} for i in range(k)], until)
    space, lag, known = Space({"x": list(range(k))}), 8, []
    rng = np.random.default_rng(seed)
    for trial in range(searcher.num_trials):
        hidden = [Known(one.config) for one in known[max(0, trial - lag + 1) :]]
        try:
            config = searcher.config(space, seed, trial, [*known[: trial - len(hidden)], *hidden])
        except SearchOver:
            break
        place = trial % k if equal_shares else config["x"]
        loss = sweep.truth[place] + sweep.noise[place] * rng.normal()
        known.append(Known({"x": place}, error=float(loss), status="finished"))
    losses = [[one.error for one in known if one.config["x"] == i] for i in range(k)]
    winner = int(np.argmin([np.mean(of_one) for of_one in losses]))
    lead = sweep.truth[winner] - sweep.truth.min()
    return {
        "trainings": len(known),
        "it is the best": lead == 0,
        "none is better by more than half the noise": lead <= PRACTICAL * sweep.noise[winner],
        "at the end of all trials": len(known) == searcher.num_trials,
    }


def savings(sweeps: int, seed: int = 0) -> pd.DataFrame:
    """The means over sweeps of 60 configurations, the best 3, 5 or 10 of which are confirmed."""
    rows = []
    for n in range(sweeps):
        rng = np.random.default_rng([seed, n])
        size = float(rng.choice([0.1, 0.3, 1]))
        whole = simulated(seed + n, TRUTHS[n % len(TRUTHS)], "unequal", 60, 1, size)
        k = (3, 5, 10)[n % 3]
        chosen = np.argsort(whole.losses[:, 0])[:k]
        confirmed = Sweep(whole.truth[chosen], whole.noise[chosen], whole.losses[chosen])
        for name, equal_shares in (("equal shares", True), ("top two", False)):
            found = trainings(confirmed, n, equal_shares)
            rows.append({"configurations": k, "replicates go": name} | found)
    return pd.DataFrame(rows).groupby(["configurations", "replicates go"]).mean()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sweeps", type=int, default=4200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    judged = judge(arguments.sweeps, arguments.seed, (*TRUTHS, equal))
    print(by_said(judged).round(3).to_string(index=False))
    for kind in ("truth", "noise", "configurations", "replicates"):
        print(by_kind(judged, kind).round(3).to_string())
    print(by_kind(judged.assign(all="all"), "all").round(3).to_string())
    print(savings(arguments.sweeps // 20, arguments.seed).round(3).to_string())
