import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy import stats

import sweeper
from sweeper.search.model_axes import model_axes
from sweeper.space.conditions import when
from sweeper.space.space import check_space

KINDS = {
    "list": ["a", "b", "c"],
    "mixed": [1, None, 2],
    "numbers": [16, 32, 64],
    "descending": [0.3, 0.2, 0.1],
    "unsorted": [3, 1, 2],
    "uniform": stats.uniform(1, 3),
    "normal": stats.norm(0, 1),
    "expon": stats.expon(),
    "randint": stats.randint(1, 6),
    "many": stats.randint(0, 10_000),
    "binom": stats.binom(5, 0.5),
    "poisson": stats.poisson(3),
    "table": stats.rv_discrete(values=([0, 1, 7], [0.2, 0.3, 0.5])),
    "rounded": sweeper.rounded(stats.loguniform(16, 512)),
    "conditional": when("uniform > 2", ["x", "y"]),
    "two_laws": when("uniform > 2", [1, 2], otherwise=stats.uniform(0, 1)),
    "constant": 3,
}
EXPECTED = {
    "list": CategoricalDistribution((0, 1, 2)),
    "mixed": CategoricalDistribution((0, 1, 2)),
    "numbers": IntDistribution(0, 2),
    "descending": IntDistribution(0, 2),
    "unsorted": CategoricalDistribution((0, 1, 2)),
    "randint": IntDistribution(0, 4),
    "conditional": CategoricalDistribution((0, 1)),
}
SPACE = check_space(KINDS)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "constant"])
def test_lists_and_equally_likely_whole_numbers_are_steps_all_else_quantiles(name):
    told = model_axes(SPACE)[name].distribution()
    if name in EXPECTED:
        assert told == EXPECTED[name]
    else:
        assert isinstance(told, FloatDistribution)


def test_a_constant_is_no_axis():
    assert list(model_axes(SPACE)) == [name for name in KINDS if name != "constant"]


def test_a_model_chooses_ends_where_there_are_some():
    axes = model_axes(SPACE)
    assert axes["uniform"].high > 1 - 1e-9
    assert axes["uniform"].low < 1e-9
    assert 0.99 < axes["normal"].high < 1 - 1e-3
    assert (axes["expon"].low < 1e-9) == (axes["expon"].high < 1 - 1e-3) == True  # noqa: E712


@settings(deadline=None)
@given(st.floats(0.01, 0.99), st.sampled_from([name for name in KINDS if name != "constant"]))
def test_what_the_model_sees_leads_back_to_the_configuration(u, name):
    axis = model_axes(SPACE)[name]
    others = dict.fromkeys(SPACE.tuned, 0.5)
    config = SPACE.at({**others, name: u})
    seen = axis.seen(SPACE.u_of(config)[name])
    again = SPACE.at({**others, name: axis.probability(seen)})
    if isinstance(config.get(name), float):
        assert again[name] == pytest.approx(config[name])
    else:
        assert again == config
