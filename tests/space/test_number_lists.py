import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.space.number_lists import makes_a_list
from sweeper.space.reading import read_value
from sweeper.space.text import to_text

small = st.integers(-50, 50)


@given(small, small, st.integers(-7, 7).filter(bool))
def test_a_range_is_the_list_of_python(low, high, step):
    text, expected = f"range({low}, {high}, {step})", list(range(low, high, step))
    if expected:
        assert read_value(text) == expected
        assert set(map(type, read_value(text))) == {int}
    else:
        with pytest.raises(ValueError, match="but a choice has finite numbers"):
            read_value(text)


@pytest.mark.parametrize("prefix", ["np.", "numpy.", ""])
@given(low=st.floats(0.01, 10), ratio=st.floats(1.1, 100), num=st.integers(1, 20))
def test_numpys_lists_are_numpys(prefix, low, ratio, num):
    high = low * ratio
    for name in ("linspace", "geomspace"):
        value = read_value(f"{prefix}{name}({low!r}, {high!r}, {num})")
        assert value == getattr(np, name)(low, high, num).tolist()
        assert set(map(type, value)) == {float}
        assert read_value(to_text(value)) == value
    assert read_value(f"{prefix}logspace({-low!r}, 2, num={num}, base=2)") == (
        np.logspace(-low, 2, num=num, base=2).tolist()
    )
    assert read_value(f"{prefix}arange(0, {high!r}, {high / num!r})") == (
        np.arange(0, high, high / num).tolist()
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("range(3)", [0, 1, 2]),
        ("range(16, 257, 80)", [16, 96, 176, 256]),
        ("np.logspace(-4, 0, 5)", [1e-4, 1e-3, 1e-2, 1e-1, 1.0]),
        ("linspace(0, 1, 2, endpoint=False)", [0.0, 0.5]),
        ("list(range(2))", [0, 1]),
        ("np.array([1, 2])", [1, 2]),
        ("tuple((1, 2))", [1, 2]),
        ("range(2) if a else np.arange(1)", None),
        ("[range(2), sgd]", [[0, 1], "sgd"]),
        ("rv_discrete(values=(range(2), [0.5, 0.5]))", None),
    ],
)
def test_calls_that_make_lists(text, value):
    made = read_value(text)
    assert value is None or made == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("range(1000000000000)", r"has more than 1,000 values. Write a distribution: randint"),
        ("np.linspace(0, 1, 1000000000000)", "more than 1,000 values"),
        ("np.arange(0, 1, 1e-300)", "more than 1,000 values"),
        ("range(1e400)", "larger than any float"),
        ("range(0.5)", r"can't make range\(0.5\): 'float'"),
        ("range(1, 5, 0)", "can't make"),
        ("range()", "can't make"),
        ("range(a)", "a literal or a word, but got a"),
        ("range('3')", "needs numbers, but got '3'"),
        ("np.linspace(0)", "can't make .*stop"),
        ("np.linspace(0, 1, endpoint=1)", "needs numbers, but got 1"),
        ("np.logspace(0, 999, 3)", "but a choice has finite numbers"),
        ("np.geomspace(0, 1, 3)", "can't make .*Geometric"),
        ("list(3)", r"can't read list\(3\). Write the list itself"),
        ("np.load('x')", r"np\.load is not a distribution"),
        ("np.random.rand(3)", "not a distribution"),
        ("range(10 ** 9)", "literal or a word"),
    ],
)
def test_other_calls_are_refused(text, told):
    with pytest.raises(ValueError, match=told):
        read_value(text)


def test_only_these_names_make_lists():
    assert makes_a_list("np.arange")
    assert not any(map(makes_a_list, ("np.range", "numpy.zeros", "arange.x", "torch.linspace")))
