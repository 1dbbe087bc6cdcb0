import math
import random

import pytest
from scipy import stats

from sweeper.search.random_search import RandomSearch
from sweeper.search.searcher import check_search
from sweeper.space.expressions import parse
from sweeper.space.senseless import senseless
from sweeper.space.space import check_space

ENTRIES = {
    "lr": stats.loguniform(1e-4, 1),
    "depth": [1, 2, 4],
    "optimizer": ["sgd", "adam"],
    "mixed": [1, "auto"],
    "units": [[64, 64]],
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0 > lr", r"1 / 0 can't be computed: it divides by 0"),
        ("lr / 0 > 1", r"lr / 0 can't be computed: it divides by 0"),
        ("lr % (2 - 2) == 0", r"lr % \(2 - 2\) can't be computed: it divides by 0"),
        ("depth // 0 > 1 or lr > 0", "depth // 0 can't be computed"),
        ("10 ** 100000 > lr", r"10 \*\* 100000 can't be computed: too large a power"),
        ("(-8) ** 0.5 > lr", "not a number"),
        ("lr + 'a' > 0", r"lr \+ 'a' can't be computed: 'a' is not a number"),
        ("units * 2 > depth", "units is never a number, but"),
        ("optimizer * 2 > 1", r"optimizer is never a number, but \['sgd', 'adam'\]"),
        ("lr < optimizer", "lr is a number, and optimizer is never a number"),
        ("depth > 1 and 'a' <= lr < 3", "'a' is not a number"),
    ],
)
def test_what_can_never_be_is_said_at_once(text, message):
    with pytest.raises(ValueError, match=rf"constraints\[0\]: .*{message}.* Correct it\."):
        check_space(ENTRIES, [text])
    # The oracle: it holds nowhere, or is never computed on the side that is looked at.
    if " or " not in text:
        holds = parse(text, True).holds
        assert not any(holds(config) for config in configs())


@pytest.mark.parametrize(
    "text",
    [
        *("lr * depth < 4", "optimizer == 'sgd' or lr < 0.1", "mixed * 2 > 1", "mixed < 3"),
        *("lr < 0.1 or optimizer < 3", "1 / (lr - lr) > 2", "optimizer in ('sgd', 3)"),
        *("0 / depth == 0", "2 ** depth <= 4", "not depth % 2", "optimizer == 3 or depth == 1"),
    ],
)
def test_what_can_be_is_let_through(text):
    assert senseless(text, ENTRIES) is None


@pytest.mark.slow
def test_the_message_on_rare_ones_says_why_one_is_never_computed():
    with pytest.raises(ValueError, match=r"can't be computed: .*division by zero"):
        check_search({"lr": stats.uniform(0, 1)}, RandomSearch(3), ["1 / (lr - lr) > 2"])


def configs():
    rng = random.Random(0)
    for _ in range(200):
        yield {
            "lr": math.exp(rng.uniform(-9, 0)),
            **{name: rng.choice(values) for name, values in ENTRIES.items() if name != "lr"},
        }
