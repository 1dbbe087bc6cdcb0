import copy
import math
import pickle

import cloudpickle
import numpy as np
import pytest
from ray import tune
from ray.tune.search.basic_variant import BasicVariantGenerator
from ray.tune.search.optuna import OptunaSearch
from ray.tune.search.sample import Categorical, Domain, Float, Integer
from ray.tune.search.variant_generator import generate_variants
from scipy import stats

import sweeper
from sweeper.space.conditions import when
from sweeper.space.distributions import support
from sweeper.space.rounded import rounded
from sweeper.space.search_space import Quantiles, to_search_space
from sweeper.space.space import check_space

NATIVE = {
    "uniform": (stats.uniform(1, 3), Float),
    "uniform by keyword": (stats.uniform(scale=2, loc=-1), Float),
    "loguniform": (stats.loguniform(1e-4, 1), Float),
    "reciprocal": (stats.reciprocal(1e-4, b=1, scale=3), Float),
    "norm": (stats.norm(3, scale=2), Float),
    "standard norm": (stats.norm(), Float),
    "randint": (stats.randint(3, 9), Integer),
    "shifted randint": (stats.randint(0, 6, loc=-3), Integer),
    "Uniform": (stats.Uniform(a=-1, b=1), Float),
    "Normal": (stats.Normal(mu=3, sigma=2), Float),
    "StandardNormal": (stats.Normal(), Float),
    "exp": (stats.exp(stats.Uniform(a=-9, b=0)), Float),
}
OTHERS = {
    "beta": stats.beta(2, 5),
    "halves": stats.randint(0, 4, loc=0.5),
    "binom": stats.binom(5, 0.5),
    "table": stats.rv_discrete(values=([0.1, 0.2, 7], [0.5, 0.3, 0.2])),
    "histogram": stats.rv_histogram(([1, 3, 2], [0.0, 1.0, 2.0, 3.0]), density=False),
    "truncated": stats.truncate(stats.Normal(mu=0, sigma=1), lb=0),
    "exp of normal": stats.exp(stats.Normal(mu=0, sigma=1)),
    "log": stats.log(stats.Uniform(a=1, b=2)),
    "made": stats.make_distribution(stats.loguniform)(a=1e-3, b=1),
    "mixture": stats.Mixture([stats.Uniform(a=0, b=1), stats.Uniform(a=2, b=5)]),
    "down to 0": stats.exp(stats.Uniform(a=-800, b=0)),
}


def _domain(value) -> Domain:
    return to_search_space({"x": value})["x"]


def _ks_pvalue(values, distribution):
    """Of the Kolmogorov-Smirnov test, which is conservative for discrete distributions."""
    values = np.sort(values)
    shares = np.searchsorted(values, values, side="right") / len(values)
    return stats.kstwo.sf(np.max(np.abs(shares - distribution.cdf(values))), len(values))


@pytest.mark.parametrize("name", NATIVE)
def test_native_domains_have_the_same_law(name):
    distribution, kind = NATIVE[name]
    domain = _domain(distribution)
    assert type(domain) is kind
    values = np.array(domain.sample(size=4000, random_state=0))
    assert _ks_pvalue(values, distribution) > 1e-3
    low, high = support(distribution)
    if kind is Integer:
        assert (values.min(), values.max()) == (low, high)
    else:
        assert np.all((values >= low * 0.999999 - 1e-9) & (values <= high * 1.000001 + 1e-9))


@pytest.mark.parametrize(("lower", "upper"), [(-1, 3), (0, 2)])
def test_native_bounds_are_those_of_the_support(lower, upper):
    domain = _domain(stats.uniform(lower, upper - lower))
    assert (domain.lower, domain.upper) == (lower, upper)
    domain = _domain(stats.randint(lower, upper))  # both exclude the upper bound
    assert (domain.lower, domain.upper) == (lower, upper)


class _LookAlike(type(stats.uniform)):
    """A subclass of SciPy's uniform with another law."""

    def _ppf(self, q):
        return q**2


@pytest.mark.parametrize("name", OTHERS)
def test_other_distributions_go_through_their_quantiles(name):
    domain = _domain(OTHERS[name])
    assert type(domain) is Quantiles
    values = domain.sample(size=300, random_state=1)
    low, high = support(OTHERS[name])
    assert all(type(value) in (int, float) and low <= value <= high for value in values)
    assert all(domain.is_valid(value) for value in values)
    assert _ks_pvalue(values, OTHERS[name]) > 1e-3


def test_optuna_takes_and_refuses_what_the_readme_says():
    taken = {"a": [1, "x"], "b": stats.uniform(0, 1), "c": stats.loguniform(1e-4, 1)}
    taken |= {"d": stats.randint(3, 9)}
    assert list(OptunaSearch.convert_search_space(to_search_space(taken))) == list(taken)
    for refused in (stats.norm(), stats.Normal(mu=3, sigma=2), *OTHERS.values()):
        with pytest.raises(ValueError, match="does not support parameters of type"):
            OptunaSearch.convert_search_space(to_search_space({"x": refused}))


def test_a_subclass_with_another_law_is_no_native_domain():
    domain = _domain(_LookAlike(name="look-alike", a=0, b=1)())
    assert type(domain) is Quantiles
    assert np.median(domain.sample(size=2000, random_state=0)) == pytest.approx(0.25, abs=0.03)


def test_lists_are_choices_and_constants_stay():
    space = {"a": [1, "x", None], "b": ({"c": 1},), "d": 8, "e": "sgd", "f": {"g": {"i": 1}}}
    converted = to_search_space(space)
    assert list(converted) == list(space)
    assert isinstance(converted["a"], Categorical)
    assert converted["a"].categories == [1, "x", None]
    assert converted["b"].categories == [{"c": 1}]
    assert {name: converted[name] for name in "def"} == {name: space[name] for name in "def"}
    converted["a"].categories.append(2)
    converted["f"]["g"]["i"] = 2
    assert space["a"] == [1, "x", None]
    assert space["f"] == {"g": {"i": 1}}


def test_faults_are_reported_as_by_the_check():
    with pytest.raises(ValueError, match=r'config_space\["a"\]: .*\n.*config_space\["b"\]: '):
        to_search_space({"a": stats.uniform, "b": [], "c": 1})
    with pytest.raises(TypeError, match="config_space: needs to be a dict, but got None"):
        to_search_space(None)


@pytest.mark.parametrize(
    ("domain", "cure"),
    [
        (tune.uniform(0, 1), r"stats\.uniform\(low, high - low\)"),
        (tune.randint(0, 3), r"stats\.randint\(low, high\)"),
        (tune.choice([1, 2]), "a plain list"),
        (tune.sample_from(lambda: 1), r"stats\.uniform.*or a list"),
        (tune.grid_search([1, 2]), "Use a plain list"),
    ],
)
def test_domains_of_tune_are_refused_with_the_cure(domain, cure):
    with pytest.raises(ValueError, match=rf'config_space\["lr"\]: must .*{cure}'):
        to_search_space({"lr": domain})
    with pytest.raises(ValueError, match=rf'config_space\["lr"\]\[1\]: must .*{cure}'):
        to_search_space({"lr": [1, domain]})


RANDOM_STATES = {
    "int": lambda: 7,
    "Generator": lambda: np.random.default_rng(7),
    "RandomState": lambda: np.random.RandomState(7),
}


@pytest.mark.parametrize("make", RANDOM_STATES.values(), ids=RANDOM_STATES)
def test_quantiles_take_any_random_state(make):
    domain = _domain(OTHERS["beta"])
    assert domain.sample(size=5, random_state=make()) == domain.sample(size=5, random_state=make())
    assert type(domain.sample(random_state=make())) is float
    state = make()
    if not isinstance(state, int):
        assert domain.sample(random_state=state) != domain.sample(random_state=state)


def test_quantiles_take_the_global_random_state():
    domain = _domain(OTHERS["beta"])
    before = np.random.get_state()
    np.random.seed(3)
    first = domain.sample(size=2)
    np.random.seed(3)
    again = domain.sample(size=2)
    np.random.set_state(before)
    assert first == again
    assert domain.sample() != domain.sample()


def test_quantiles_are_finite_at_the_end_of_the_random_numbers():
    class Zeros(np.random.RandomState):
        def uniform(self, *_, size):
            return np.zeros(size)

    domain = Quantiles(stats.cauchy())
    assert all(map(math.isfinite, domain.sample(size=2, random_state=Zeros())))


@pytest.mark.parametrize("name", OTHERS)
def test_quantiles_survive_copies_and_pickles(name):
    domain = _domain(OTHERS[name])
    expected = domain.sample(size=3, random_state=0)
    for again in (copy.deepcopy(domain), cloudpickle.loads(cloudpickle.dumps(domain))):
        assert again.sample(size=3, random_state=0) == expected
    if name in ("beta", "table"):
        assert pickle.loads(pickle.dumps(domain)).sample(size=3, random_state=0) == expected


def test_quantiles_say_what_they_are():
    assert _domain(OTHERS["beta"]).domain_str == "beta(2, 5)"
    truncated = _domain(OTHERS["truncated"])
    assert truncated.domain_str == "truncate(Normal(mu=0.0, sigma=1.0), lb=0.0, ub=inf)"
    assert "LogUniform" in _domain(OTHERS["made"]).domain_str
    assert truncated.is_valid(0)
    assert not any(map(truncated.is_valid, (-0.1, math.nan, "x", None)))


def _space():
    natives = {name: distribution for name, (distribution, _) in NATIVE.items()}
    return natives | OTHERS | {"choice": ["a", ("b", 1)], "constant": {"c": 1}}


def test_same_seed_gives_the_same_configs():
    def configs(seed):
        spec = {"config": to_search_space(_space())}
        state = np.random.RandomState(seed)
        return [next(generate_variants(spec, random_state=state))[1]["config"] for _ in range(3)]

    assert configs(5) == configs(5)
    assert configs(5) != configs(6)


def test_a_plain_tuner_runs_it(ray_session, tmp_path):
    def trainable(config):
        tune.report({"loss": config["beta"] + config["table"]})

    def configs_of(seed, samples):
        results = tune.Tuner(
            trainable,
            param_space=sweeper.to_search_space(_space()),
            tune_config=tune.TuneConfig(
                num_samples=samples, search_alg=BasicVariantGenerator(random_state=seed)
            ),
            run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
        ).fit()
        assert not results.errors
        return [result.config for result in results]

    configs = configs_of(5, 2)
    assert configs_of(5, 1) == configs[:1]
    for config in configs:
        assert list(config) == list(_space())
        assert config["constant"] == {"c": 1}
        assert config["choice"] in ("a", ("b", 1))
        assert type(config["binom"]) is int


def test_what_tune_cannot_say_is_refused_with_the_cure():
    entries = {"a": [1, 2], "b": when("a == 1", [3]), "c": when("a == 1", [3], otherwise=4)}
    with pytest.raises(ValueError, match="Ray Tune has no") as raised:
        to_search_space(check_space(entries, ["a < 2"]))
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        'config_space["b"]', 'config_space["c"]', "constraints",
    ]  # fmt: skip
    assert all("Use sweeper.run, which supports them" in line for line in lines)


def test_rounded_distributions_are_drawn_through_their_quantiles():
    domain = to_search_space({"n": rounded(stats.loguniform(16, 512))})["n"]
    assert isinstance(domain, Quantiles)
    assert domain.domain_str == "rounded(loguniform(16, 512))"
    values = [domain.sample(random_state=np.random.RandomState(i)) for i in range(50)]
    assert all(type(value) is int and domain.is_valid(value) for value in values)
