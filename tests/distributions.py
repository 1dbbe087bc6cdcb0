"""Distributions of every kind that scipy.stats has, for the tests of what takes them."""

from scipy import stats

from sweeper.space.rounded import rounded

LogUniform = stats.make_distribution(stats.loguniform)
Randint = stats.make_distribution(stats.randint)


class _Triangle(stats.rv_continuous):
    """A user's own distribution, without shape parameters."""

    def _cdf(self, x):
        return x**2


CONTINUOUS = {
    "uniform": stats.uniform(1, 3),
    "loguniform": stats.loguniform(1e-4, 1),
    "reciprocal": stats.reciprocal(1e-4, 1, scale=3),
    "norm": stats.norm(loc=3, scale=2),
    "expon": stats.expon(scale=0.1),
    "beta": stats.beta(2, 5),
    "cauchy": stats.cauchy(),
    "truncnorm": stats.truncnorm(-1, 2),
    "histogram": stats.rv_histogram(([1, 3, 2], [0.0, 1.0, 2.0, 3.0]), density=False),
    "own": _Triangle(a=0, b=1),
    "Uniform": stats.Uniform(a=-1, b=1),
    "Normal": stats.Normal(mu=1, sigma=2),
    "StandardNormal": stats.Normal(),
    "made": LogUniform(a=1e-3, b=1),
    "truncated": stats.truncate(stats.Normal(mu=0, sigma=1), lb=0),
    "exp": stats.exp(stats.Uniform(a=-9, b=0)),
    "rescaled": 2 * stats.Normal() + 3,
    "mixture": stats.Mixture([stats.Normal(mu=0, sigma=1), stats.Uniform(a=2, b=5)]),
}
DISCRETE = {
    "randint": stats.randint(32, 256),
    "binom": stats.binom(5, 0.5),
    "poisson": stats.poisson(3),
    "halves": stats.randint(0, 4, loc=0.5),
    "table": stats.rv_discrete(values=([0.1, 0.2, 7], [0.5, 0.3, 0.2])),
    "Binomial": stats.Binomial(n=5, p=0.5),
    "Randint": Randint(low=0, high=4),
    "rounded": rounded(stats.loguniform(3, 40)),
}
DISTRIBUTIONS = CONTINUOUS | DISCRETE
