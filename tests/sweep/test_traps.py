import pytest
from scipy import stats

import sweeper
from sweeper.space.space import check_space
from sweeper.sweep.traps import traps

SEARCH = sweeper.RandomSearch(num_trials=10)


def said(space, searcher=SEARCH):
    return traps(check_space({"other": stats.norm()} | space), searcher)


@pytest.mark.parametrize(
    ("name", "law", "message"),
    [
        ("c", stats.uniform(0.01, 1), "is [0.01, 1.01], since its second number is a width. "
         "For [0.01, 1] write stats.uniform(0.01, 0.99)"),
        ("dropout", stats.uniform(0.5, 0.9), "is [0.5, 1.4], since its second number is a width. "
         "For [0.5, 0.9] write stats.uniform(0.5, 0.4); if it is meant so, "
         "stats.uniform(loc=0.5, scale=0.9)."),
        ("c", stats.uniform(10, 100), "is [10, 110]"),
        ("c", stats.uniform(16, 512), "is [16, 528]"),
        ("c", sweeper.rounded(stats.uniform(16, 512)), "is [16, 528]"),
        ("lr", stats.uniform(0.001, 0.999), "spans 3.0 decades on a linear axis: 9 of 10 draws lie "
         "above 0.1009. Write stats.loguniform(0.001, 1)"),
        ("optimizer.learning_rate", stats.uniform(0.002, 0.498), "spans 2.4 decades"),
        ("c", stats.uniform(1e-5, 1 - 1e-5), "spans 5.0 decades"),
        ("weight_decay", stats.norm(0, 1), "has no lower end: 50.0% of its draws are not positive"),
        ("num_hiddens", stats.norm(64, 32), "has no lower end: 2.2%"),
        ("lr", stats.Normal(mu=0.1, sigma=0.1), "has no lower end: 15.8%"),
        ("n", stats.randint(1, 10), "is 1 to 9: its top is left out. For 10 as well write "
         "stats.randint(1, 11)"),
        ("n", stats.randint(32, 256), "stats.randint(32, 257)"),
        ("n", stats.randint(1, 100, 10), "ranges from 11 to 109: the third number shifts both"),
        ("n", stats.randint(0, 10, loc=5), "ranges from 5 to 14: "),
    ],
)  # fmt: skip
def test_traps_are_told_in_words(name, law, message):
    (text,) = said({name: law})
    assert text.startswith(f'config_space["{name}"]: ')
    assert message in text


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("lr", stats.loguniform(1e-4, 1)),
        ("lr", stats.exp(stats.Uniform(a=-9, b=0))),
        ("lr", stats.uniform(0.01, 0.09)),
        ("lr", stats.lognorm(1, scale=1e-3)),
        ("log_lr", stats.norm(-3, 1)),
        ("log_learning_rate", stats.uniform(-5, 4)),
        ("momentum", stats.uniform(0.5, 0.49)),
        ("dropout", stats.uniform(0, 0.5)),
        ("dropout", stats.uniform(0.001, 0.499)),
        ("c", stats.uniform(1, 3)),
        ("c", stats.uniform(5, 20)),
        ("c", stats.uniform(16, 496)),
        ("c", stats.Uniform(a=1e-2, b=1)),
        ("c", stats.norm()),
        ("lr", stats.norm(0.1, 0.01)),
        ("num_hiddens", stats.randint(16, 257)),
        ("num_layers", stats.randint(1, 4)),
        ("fold", stats.randint(0, 10)),
        ("num_hiddens", sweeper.rounded(stats.loguniform(16, 512))),
        ("n", stats.poisson(3)),
        ("dropout", stats.uniform(0.5, 0.4)),
        ("dropout", stats.uniform(loc=0.5, scale=0.9)),
        ("momentum", stats.uniform(0.9, 0.099)),
        ("c", stats.uniform(1, 2)),
        ("lr", [1e-4, 1]),
        ("lr", 0.1),
    ],
)
def test_what_is_meant_is_met_with_silence(name, law):
    assert said({name: law}) == []


def test_all_that_is_wrong_with_one_law():
    width, linear = said({"lr": stats.uniform(1e-4, 1)})
    assert "is [0.0001, 1.0001]" in width
    assert "spans 4.0 decades on a linear axis" in linear


def test_laws_under_conditions_are_looked_at_too():
    law = sweeper.when("a == 1", 3, otherwise=stats.randint(1, 10))
    assert "its top is left out" in said({"a": [1, 2], "n": law})[0]


def test_grids_of_many_axes():
    axes = {f"h{i}": [0, 1, 2] for i in range(7)}
    grid = sweeper.GridSearch()
    (text,) = traps(check_space(axes | {"constant": 1, "choice of one": ["x"]}), grid)
    assert text.startswith("A grid of 7 axes takes 2,187 trials for at most 3 values of each")
    del axes["h0"]
    assert traps(check_space(axes), grid) == []


def test_fewer_configurations_than_trials():
    space = check_space({"a": [1, 2, 3], "b": sweeper.when("a == 1", stats.randint(0, 4))})
    (text,) = traps(space, sweeper.RandomSearch(num_trials=7))
    assert text.startswith("There are only 6 different configurations for 7 trials")
    assert traps(space, sweeper.RandomSearch(num_trials=6)) == []
    assert traps(space, sweeper.RandomSearch(num_trials=7, unique=True)) == []
    assert traps(space, sweeper.GridSearch(points=2)) == []


@pytest.mark.parametrize(("trials", "told"), [(1, []), (3, ["so that 3 trials try the same"])])
def test_a_space_of_constants_is_tried_once(trials, told):
    found = traps(check_space({"lr": 0.1, "opt": ["sgd"]}), sweeper.RandomSearch(trials))
    assert len(found) == len(told)
    assert all(text in line for text, line in zip(told, found, strict=True))
