import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.space.combinations import TooManyError, combinations, finite_values
from sweeper.space.conditions import when
from sweeper.space.rounded import rounded
from sweeper.space.space import check_space

NAMES = ("a", "b", "c")
lists = st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True)
tests = st.tuples(st.sampled_from(NAMES), st.sampled_from(["<", "==", "!="]), st.integers(0, 4))


def walked(space, most=10_000):
    values = dict.fromkeys(space.order)
    found = []
    for places in combinations(
        space.entries, space.order, space.constraints, lambda _, law: list(law), most
    ):
        values = {n: at for n, at in zip(space.order, places, strict=True) if at >= 0}
        found.append(values)
    return found


@given(st.tuples(lists, lists, lists), tests, st.sampled_from(["a < b", "b + c <= 4", "c != a"]))
def test_each_configuration_once_as_by_trying_all(axes, test, constraint):
    parent, sign, number = test
    name = next(name for name in NAMES if name != parent)
    condition = f"{parent} {sign} {number}"
    entries = dict(zip(NAMES, axes, strict=True))
    conditional = entries | {name: when(condition, entries[name])}
    space = check_space(conditional, [constraint])
    expected = set()
    for values in itertools.product(*axes):
        config = dict(zip(NAMES, values, strict=True))
        if not eval(condition, {}, config):
            del config[name]
        try:
            fulfilled = eval(constraint, {}, config)
        except NameError:
            fulfilled = True
        if fulfilled:
            expected.add(tuple(config.items()))
    found = [
        tuple(space.in_order({n: entries[n][at] for n, at in places.items()}).items())
        for places in walked(space)
    ]
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_the_last_name_varies_fastest():
    space = check_space({"a": [1, 2], "b": [1, 2]})
    assert [list(values.values()) for values in walked(space)] == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_more_values_than_may_be_tried():
    space = check_space({"a": list(range(10)), "b": list(range(10))})
    assert len(walked(space, most=110)) == 100
    with pytest.raises(TooManyError, match="more than 109 values"):
        walked(space, most=109)


def test_branches_that_break_a_constraint_are_not_walked():
    entries = {"a": list(range(100)), **{f"h{i}": list(range(10)) for i in range(3)}}
    assert len(walked(check_space(entries, ["a == 7"]), most=2000)) == 1000


@pytest.mark.parametrize(
    ("law", "values"),
    [
        ([1, 1.0, "x", "x"], [1, 1.0, "x"]),
        (3, [3]),
        (stats.randint(2, 5), [2, 3, 4]),
        (stats.randint(0, 2, loc=0.5), [0.5, 1.5]),
        (stats.rv_discrete(values=([1, 2, 5], [0.5, 0, 0.5])), [1, 5]),
        (stats.rv_discrete(values=([1, 5], [0.5, 0.5]))(loc=1), [2, 6]),
        (rounded(stats.uniform(0, 0.3), to=0.1), [0.0, 0.1, 0.2, 0.3]),
        (rounded(stats.rv_discrete(values=([1, 5], [0.5, 0.5])), to=2), [2, 4]),
        (stats.Binomial(n=2, p=0.5), [0, 1, 2]),
        (stats.uniform(0, 1), None),
        (stats.poisson(2), None),
        (stats.randint(0, 100), None),
        (list(range(100)), None),
    ],
)
def test_finite_values(law, values):
    found = finite_values(law, 10)
    assert found == values
    assert found is None or [type(value) for value in found] == [type(value) for value in values]
