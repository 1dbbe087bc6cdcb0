import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.space.checks import check_config_space
from sweeper.space.conditions import When
from sweeper.space.distributions import is_distribution, quantile
from sweeper.space.rounded import rounded
from sweeper.space.text import read_config_space, read_value, to_text

CALLS = {
    "loguniform(1e-4, 1)": stats.loguniform(1e-4, 1),
    "stats.loguniform(1e-4, b=1)": stats.loguniform(1e-4, 1),
    "scipy.stats.uniform(loc=-1, scale=2)": stats.uniform(-1, 2),
    " norm( +3, scale=2 ) ": stats.norm(3, 2),
    "randint(32, 256)": stats.randint(32, 256),
    "rv_discrete(values=([1, 2], [.5, .5]))": stats.rv_discrete(values=([1, 2], [0.5, 0.5])),
    "rv_histogram(([1, 2], [0, 1, 3]), density=False)": stats.rv_histogram(
        ([1, 2], [0, 1, 3]), density=False
    ),
    "Uniform(a=0, b=1)": stats.Uniform(a=0, b=1),
    "stats.Normal()": stats.Normal(),
    "Binomial(n=5, p=0.5)": stats.Binomial(n=5, p=0.5),
    "truncate(Normal(mu=0, sigma=1), lb=0)": stats.truncate(stats.Normal(mu=0, sigma=1), lb=0),
    "truncate(Normal(mu=0, sigma=1), lb=-inf, ub=1)": stats.truncate(
        stats.Normal(mu=0, sigma=1), ub=1
    ),
    "exp(Uniform(a=-9, b=0))": stats.exp(stats.Uniform(a=-9, b=0)),
    "stats.log(stats.Uniform(a=1, b=2))": stats.log(stats.Uniform(a=1, b=2)),
    "abs(Normal(mu=1, sigma=2))": stats.abs(stats.Normal(mu=1, sigma=2)),
    "order_statistic(Uniform(a=0, b=1), r=2, n=3)": stats.order_statistic(
        stats.Uniform(a=0, b=1), r=2, n=3
    ),
    "Mixture([Normal(mu=0, sigma=1), Uniform(a=2, b=5)], weights=[.25, .75])": stats.Mixture(
        [stats.Normal(mu=0, sigma=1), stats.Uniform(a=2, b=5)], weights=[0.25, 0.75]
    ),
}
PROBABILITIES = (0.001, 0.2, 1 / 3, 0.5, 0.77, 0.999)


def _quantiles(distribution):
    return [quantile(distribution, u) for u in PROBABILITIES]


@pytest.mark.parametrize("text", CALLS)
def test_calls_give_the_distribution(text):
    assert _quantiles(read_value(text)) == _quantiles(CALLS[text])


LITERALS = {
    "3": 3,
    "-3": -3,
    "+0.5": 0.5,
    "1e-4": 1e-4,
    "inf": math.inf,
    "-inf": -math.inf,
    "None": None,
    "True": True,
    "'uniform(0, 1)'": "uniform(0, 1)",
    "[64, (1, 2), {'a': [None, -1.5]}]": [64, (1, 2), {"a": [None, -1.5]}],
    "(1,)": (1,),
    "{}": {},
    " [[64, 64]] ": [[64, 64]],
    "[sgd, adam]": ["sgd", "adam"],
    "{'name': sgd}": {"name": "sgd"},
}


@pytest.mark.parametrize("text", LITERALS)
def test_literals_give_their_value(text):
    value = read_value(text)
    assert value == LITERALS[text]
    assert type(value) is type(LITERALS[text])


def test_nan_is_a_number():
    assert math.isnan(read_value("nan"))


STRINGS = [
    "sgd",
    "uniform",
    "cosine-annealing",
    "resnet50.a1_in1k",
    "google/vit-base",
    "./data/x.csv",
    "a b",
    "~/data",
    "",
    "  ",
    "\0",
    "\udc80",
    "learning rate: 3",
    "größe",
    "[ab]*.csv",
    "'",
]


@pytest.mark.parametrize("text", STRINGS)
def test_words_and_what_is_no_python_are_strings(text):
    assert read_value(text) == text


BAD_TEXTS = {
    "bootstrap((1, 2))": r"bootstrap is not a distribution of scipy\.stats",
    "stats.bootstrap((1, 2))": r"stats\.bootstrap is not a distribution",
    "stats.make_distribution(uniform)": "not a distribution",
    "stats.rv_continuous()": "not a distribution",
    "stats.stats.uniform(0, 1)": "not a distribution",
    "stats.uniform.rvs()": "not a distribution",
    "uniform(0, 1).rvs()": "not a distribution",
    "norm()(1)": "not a distribution",
    "logunifrom(1e-4, 1)": "Did you mean loguniform",
    "multivariate_normal([0, 0])": "not a distribution",
    "__import__('os').system('true')": "not a distribution",
    "eval('1')": "not a distribution",
    "print()": "not a distribution",
    "().__class__": r"literal or a word, but got \(\).__class__\. Put quotes",
    "norm.__init__.__globals__['os']": "literal or a word, but got",
    "(1).real": "literal or a word",
    "f'{1}'": "literal or a word",
    "f'{print()}'": "literal or a word",
    "[x for x in (1, 2)]": "literal or a word",
    "lambda: 1": "literal or a word",
    "1 + 2": "literal or a word",
    "10 ** 10 ** 10": "literal or a word",
    "(x := 3)": "literal or a word",
    "b'bytes'": "literal or a word",
    "1j": "literal or a word",
    "...": "literal or a word",
    "{1, 2}": "literal or a word",
    "{1: 2}": "literal or a word",
    "{**a}": "literal or a word",
    "[*a]": "literal or a word",
    "a if f() else c": "is not allowed here",
    "-'a'": "literal or a word",
    "-True": "literal or a word",
    "uniform(low, high)": r"can't make uniform\(low, high\): .* numbers, but got low, high\.",
    "loguniform(0, scale='b')": "its arguments are numbers, but got 'b'",
    "[norml(0, 1), print(), norml(0, 1)]": r"^norml is [^?]*\? print is [^?]*\?$",
    "truncate(unifrm(0, 1), lb=print())": "Did you mean uniform.*print is not a distribution",
    "uniform([x], 1)": "literal or a word, but got x",
    "uniform(*[0, 1])": "literal or a word",
    "uniform(**{'loc': 0})": r"\*\* can't be read",
    "uniform(0, print())": "print is not a distribution",
    "loguniform(1e-4)": r"can't make loguniform\(0\.0001\): it lacks b",
    "loguniform(1, 2, 3, 4, 5)": "can't make loguniform",
    "norm(mean=3)": "can't make norm.*mean",
    "Uniform(c=3)": "can't make Uniform",
    "truncate(norm(), lb=0)": "can't make truncate",
    "exp(1)": "can't make exp",
    "abs(-3)": "can't make abs",
    "rv_discrete()": r"can't make rv_discrete\(\): needs values=",
    "rv_discrete(values=([1, 2], [1, 1]))": "can't make rv_discrete.*sum",
    "rv_histogram(3)": "can't make rv_histogram",
    "loguniform(1e-4 1)": "can't read 'loguniform.*invalid syntax.*Put quotes",
    "uniform(0, 1": "can't read .*never closed",
    "stats.uniform": r"stats\.uniform lacks its parameters\. Call it: uniform\(…\)",
    **dict.fromkeys(
        ("1e400", "[1, -1e400]", "uniform(0, 1e400)"), "larger than any float, 1.8e308"
    ),
    "x" * 10_001: "at most 10,000 characters, but got 10,001",
    "(" * 5000 + ")" * 5000: "nested too deeply",
    "[" * 250 + "]" * 250: "nested too deeply",
    "-" * 9000 + "1": "nested too deeply",
    "a" + ".b" * 4000 + "()": "nested too deeply|not a distribution",
}


@pytest.mark.parametrize(("text", "message"), BAD_TEXTS.items(), ids=[t[:40] for t in BAD_TEXTS])
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        read_value(text)


def test_only_strings_are_read():
    with pytest.raises(TypeError, match=r"needs a string to read, but got 3 \(int\)"):
        read_value(3)


def _is_plain_or_distribution(value):
    plain = value is None or isinstance(value, bool | int | float | str | list | tuple | dict)
    return plain or is_distribution(value)


@given(st.text(max_size=60))
def test_any_text_gives_a_value_or_a_clear_error(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value = read_value(text)
        except ValueError:
            return
    assert _is_plain_or_distribution(value)


PIECES = [*"()[]{},.*=:'+-1 ", "norm", "uniform(", "stats.", "Normal(", "exp(", "nan", "lambda "]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_near_miss_gives_a_value_or_a_clear_error(text):
    try:
        value = read_value(text)
    except ValueError:
        return
    assert _is_plain_or_distribution(value)


# Whole spaces


def test_a_space_from_yaml():
    texts = {
        "lr": "loguniform(1e-4, 1)",
        "optimizer": ["sgd", "adam", None],
        "decay": ["1e-4", 0, "'none'"],
        "betas": [["1e-1", 0.9]],
        "extra": {"eps": "1e-8", "on": True},
        "epochs_each": 8,
        "name": "'3'",
    }
    space = read_config_space(texts)
    assert list(space) == list(texts)
    assert _quantiles(space.pop("lr")) == _quantiles(stats.loguniform(1e-4, 1))
    assert space == {
        "optimizer": ["sgd", "adam", None],
        "decay": [1e-4, 0, "none"],
        "betas": [[0.1, 0.9]],
        "extra": {"eps": 1e-8, "on": True},
        "epochs_each": 8,
        "name": "3",
    }


def test_every_unreadable_text_is_named():
    circular: list = []
    circular.append(circular)
    texts = {"a": "logunifrom(1, 2)", "b": 1, "c": ["x", "1 + 1"], "d": "norm(q=1)", "e": circular}
    with pytest.raises(ValueError, match=r'config_space\["a"\]: logunifrom is no') as raised:
        read_config_space(texts)
    assert [line.split('"')[1] for line in str(raised.value).splitlines()] == ["a", "c", "d", "e"]


# Round trips

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(plain_values)
def test_plain_values_survive_the_round_trip(value):
    again = read_value(to_text(value))
    assert again == value
    assert repr(again) == repr(value)  # 1, 1.0 and True are equal but not the same


def test_numbers_survive_the_round_trip():
    assert to_text(math.nan) == "nan"
    assert to_text([math.inf, -math.inf]) == "[inf, -inf]"
    assert to_text(np.float64(0.5)) == "0.5"


@pytest.mark.parametrize("text", CALLS)
def test_distributions_survive_the_round_trip(text):
    written = to_text(CALLS[text])
    assert _quantiles(read_value(written)) == _quantiles(CALLS[text])
    assert to_text(read_value(written)) == written


finite = st.floats(-1e6, 1e6)
positive = st.floats(1e-6, 1e6)
random_distributions = st.one_of(
    st.builds(stats.uniform, finite, positive),
    st.builds(lambda a, ratio: stats.loguniform(a, a * ratio), positive, st.floats(1.001, 1e6)),
    st.builds(lambda loc, scale: stats.norm(loc=loc, scale=scale), finite, positive),
    st.builds(lambda low, n: stats.randint(low, low + n), st.integers(-99, 99), st.integers(1, 99)),
    st.builds(lambda mu, sigma: stats.Normal(mu=mu, sigma=sigma), finite, positive),
    st.builds(lambda a, width: stats.Uniform(a=a, b=a + width), finite, st.floats(1, 100)),
    st.builds(lambda mu: stats.truncate(stats.Normal(mu=mu, sigma=1), lb=mu), st.floats(-9, 9)),
)


@given(random_distributions)
def test_any_parameters_survive_the_round_trip(distribution):
    assert _quantiles(read_value(to_text(distribution))) == _quantiles(distribution)


def test_long_tables_are_written_whole():
    rng = np.random.default_rng(0)
    histogram = stats.rv_histogram(np.histogram(rng.normal(size=500), bins=40))
    table = stats.rv_discrete(values=(rng.normal(size=30), np.full(30, 1 / 30)))
    mixture = stats.Mixture([stats.Normal(mu=i, sigma=0.1) for i in range(15)])
    for distribution in (histogram, table, mixture):
        assert _quantiles(read_value(to_text(distribution))) == _quantiles(distribution)


class _Triangle(stats.rv_continuous):
    def _cdf(self, x):
        return x**2


class Normal:
    """Pretends to be SciPy's, with another law."""

    support = staticmethod(lambda: (-math.inf, math.inf))
    icdf = staticmethod(lambda u: 2 * stats.norm.ppf(u))

    def __repr__(self):
        return "Normal(mu=0.0, sigma=1.0)"


@pytest.mark.parametrize(
    "value",
    [
        _Triangle(a=0, b=1),
        _Triangle(a=0, b=1, name="uniform")(),
        Normal(),
        2 * stats.Normal() + 3,
        stats.make_distribution(stats.gamma)(a=2),
        stats.rv_discrete(values=([1, 2], [0.5, 0.5]))(loc=1),
        stats.norm([0, 1]),
        [_Triangle(a=0, b=1)],
        object(),
        np.zeros(3),
        {"a": len},
        list(range(5000)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_text_gives_none(value):
    assert to_text(value) is None


def test_texts_of_checked_spaces_draw_the_same():
    space = check_config_space({f"h{i}": value for i, value in enumerate(CALLS.values())})
    again = read_config_space({name: to_text(value) for name, value in space.items()})
    assert [_quantiles(value) for value in again.values()] == [
        _quantiles(value) for value in space.values()
    ]


@pytest.mark.parametrize(
    "text",
    [
        "uniform(0.5, 0.49) if optimizer == 'sgd'",
        "uniform(0.5, 0.49) if optimizer == 'sgd' else 0.9",
        "[1, 2] if a in (1, 2) and (not b) else 'x' if c < 3 < d else None",
        "'if' if a == 'else' else 'b if c'",
        "rounded(loguniform(16, 512)) if depth > 1 else (1, 2) if depth == 0",
        "rounded(uniform(0, 0.5), to=0.1)",
        "{'a': 1} if x != [1, 'y'] else nan",
    ],
)
def test_conditions_and_rounded_ones_are_read_and_written(text):
    value = read_value(text)
    assert to_text(value) == text
    assert to_text(read_value(to_text(value))) == text


def test_quotes_and_words_are_free_in_conditions():
    value = read_value(' sgd if optimizer=="x"   else [adam, b] ')
    assert value == When("optimizer == 'x'", "sgd", ["adam", "b"])
    assert read_config_space({"a": "0.5 if b"})["a"] == When("b", 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a if f(b) else c", r"the condition f\(b\): f\(b\) is not allowed here.*Put quotes"),
        ("a if b.c", r"b\.c is not allowed here"),
        ("(a if b else c) if d", "a distribution of scipy.stats, a literal or a word"),
        ("[a if b else c]", "a distribution of scipy.stats, a literal or a word"),
        ("unifrm(0, 1) if b else 3", "Did you mean uniform"),
        ("rounded(3)", "needs a distribution of scipy.stats"),
        ("rounded(uniform(0, 1), to=-1)", "to must be positive"),
        ("rounded(uniform(0.2, 0.5))", "must hold a multiple of 1"),
    ],
)
def test_other_conditions_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        read_value(text)


@pytest.mark.parametrize("text", ["what if", "if", "a if b c", "if x else y", "x if # y"])
def test_strings_with_an_if_stay_strings(text):
    assert read_value(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loguniform(1)", r"it lacks b\. Write loguniform\(a, b, loc=0, scale=1\)\."),
        ("loguniform(b=1)", r"it lacks a\. "),
        ("loguniform()", "it lacks a and b"),
        ("randint(3)", r"it lacks high\. Write randint\(low, high, loc=0\)\."),
        ("norm(1, 2, 3)", r"it takes loc, scale, but got 3 values\. Write norm\(loc=0, scale=1\)"),
        ("uniform(low=1, high=3)", "it takes loc, scale, but got low, high"),
        ("Normal(1)", r"Write them, as in Normal\(mu=0, sigma=1\)"),
        ("[0.1, 1", r"can't read .*'\[' was never closed"),
        ("loguniform", r"loguniform lacks its parameters. Call it: loguniform\(…\)"),
        ("uniform 0 1", r"a distribution is called with round brackets, such as uniform\(…\)"),
        ("stats.uniform{0, 1}", "is called with round brackets"),
        ("uniform: 0, 1", "is called with round brackets"),
    ],
)
def test_what_a_text_lacks_is_said_in_its_own_words(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_value(text)
    assert "_parse_args" not in str(caught.value)


TOO_WIDE = {
    "nchypergeom_fisher(1400000, 800000, 600000, 0.5)": stats.nchypergeom_fisher(
        1400000, 800000, 600000, 0.5
    ),
    "nchypergeom_wallenius(1400000, 800000, 600000, 0.5)": stats.nchypergeom_wallenius(
        1400000, 800000, 600000, 0.5
    ),
    "zipf(1.0000001)": stats.zipf(1.0000001),
    "zipf(1.0000001, 5)": stats.zipf(1.0000001, 5),
    "logser(0.999999999999)": stats.logser(0.999999999999),
    "betabinom(1000000000, 2, 2)": stats.betabinom(1000000000, 2, 2),
    "rounded(zipf(1.0000001), to=10)": rounded(stats.zipf(1.0000001), 10),
}


@pytest.mark.parametrize("text", TOO_WIDE)
def test_a_distribution_that_takes_any_time_and_memory_is_refused(text):
    rule = "this distribution has too many values for SciPy to sum"
    with pytest.raises(ValueError, match=rule):
        read_value(text)
    with pytest.raises(ValueError, match=rule):
        check_config_space({"x": TOO_WIDE[text]})


@pytest.mark.parametrize(
    "text",
    [
        *("zipf(2.0)", "nchypergeom_fisher(140, 80, 60, 0.5)", "betabinom(1000, 2, 2)"),
        *("logser(0.99)", "binom(1000000000, 0.5)", "poisson(1000000000.0)"),
        "randint(0, 1000000000000)",
    ],
)
def test_distributions_that_can_be_computed_stay(text):
    assert to_text(check_config_space({"x": read_value(text)})["x"]) == text


def test_a_distribution_is_no_argument_of_an_older_one():
    with pytest.raises(ValueError, match=r"can't make norm\(norm\(0, 1\), 1\): its arguments are"):
        read_value("norm(norm(0, 1), 1)")


@pytest.mark.parametrize(
    "text",
    [
        "nbinom(9007199254740991, 0.5)",  # of which SciPy ends the process
        "invgauss(5e-324)",
        "hypergeom(2147483648, 7, 12)",  # over which it takes for ever
        "binom(1e17, .5)",
        "Binomial(n=1e17, p=0.5)",
        "irwinhall(9007199254740992)",
    ],
)
def test_what_scipy_can_not_compute_is_refused(text):
    with pytest.raises(ValueError, match=r"so large or so small\. Take 0 or sizes from 1e-9"):
        read_value(text)


@pytest.mark.parametrize(
    "text", ["loguniform(1e-300, 1e300)", "randint(0, 2**62)", "norm(0, 1e300)", "gamma(1e-3)"]
)
def test_bounds_and_scales_of_any_size_are_read(text):
    value = read_value(text.replace("2**62", str(2**62)))
    assert check_config_space({"x": value})
