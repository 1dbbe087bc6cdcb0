"""A sweep and its mirror image, in which high is good: the same trials, places and sentences."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_results import made, odd_sweeps, with_asha
from mirrored import mirrored, share
from sample_sweeps import odd, ordinary, stopped_early

from sweeper import analysis, plots
from sweeper.analysis.advice import advice
from sweeper.analysis.certainty import winner
from sweeper.analysis.comparison import compare
from sweeper.analysis.importance import importance
from sweeper.record.results import Results
from sweeper.search.metric import Metric

# No number of a sweep, however odd, brings a warning of NumPy's or pandas'.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("error")]

SWEEPS = {name: one for name, one in odd().items() if name not in ("large", "hostile")}
SWEEPS = {name: one for name, one in SWEEPS.items() if one.metric == Metric()}
SWEEPS |= {f"made {name}": one for name, one in odd_sweeps().items()}
# Errors of more than 1 have no accuracy.
SHARES = ["ordinary", "replicates", "grid", "stopped_early", "made stopped early", "made mixed"]


def table(function, results: Results, values: tuple[str, ...], interval: bool = False) -> Any:
    """What a function of the analysis gives, with losses in place of values."""
    found = function(results).copy()
    for name in values:
        found[name] = results.metric.loss(found[name])
    if interval:
        found["low"], found["high"] = results.metric.interval(found["low"], found["high"])
    return found


def promise(results: Results) -> dict[str, Any]:
    found = analysis.promise(results)
    for name in ("expected", "expected_half"):
        found[name] = results.metric.loss(found[name])
    return found


def sure(results: Results) -> dict[str, Any]:
    found, metric = winner(results), results.metric
    frame = found.probability_best.copy()
    frame["mean"] = metric.loss(frame["mean"])
    frame["low"], frame["high"] = metric.interval(frame["low"], frame["high"])
    interval = dict(zip(("low", "high"), metric.interval(*found.interval), strict=True))
    numbers = {"mean": metric.loss(found.mean), "interval": interval, "probability_best": frame}
    return vars(found) | numbers


ANALYSES = {
    "incumbents": lambda r: table(analysis.incumbents, r, (r.metric.name,)),
    "expected_best": lambda r: table(analysis.expected_best, r, ("expected",), interval=True),
    "promise": promise,
    "epochs": lambda r: vars(analysis.epochs(r)),
    "parallel_use": lambda r: vars(analysis.parallel_use(r)),
    "winner": sure,
    "advice": lambda r: {i: vars(one) for i, one in enumerate(advice(r))},
    "importance": lambda r: vars(importance(r)),
}


def same(one: Any, other: Any, exactly: bool = True) -> None:
    """Asserts that two findings are equal; of texts all but the size of the numbers in them."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key], exactly)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=exactly, check_names=False)
    elif isinstance(one, str):
        assert blanked(one) == blanked(other)
        assert not exactly or sizes(one) == sizes(other)
    elif isinstance(one, float):
        assert one == pytest.approx(other, nan_ok=True, rel=0 if exactly else 1e-6)
    else:
        assert one == other


NUMBER = re.compile(r"(?<![\w.])-?[0-9](?:[0-9.,]*[0-9])?(?:e[+-]?[0-9]+)?")


def blanked(text: str) -> str:
    """A text without its numbers, and as if low were good."""
    return NUMBER.sub("#", text).replace("highest", "lowest").replace("bottom", "top")


def sizes(text: str) -> list[str]:
    """The numbers of a text without their signs: those of an interval change places."""
    return sorted(found[0].lstrip("-") for found in NUMBER.finditer(text))


def tried(function, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (ValueError, LookupError) as reason:
        return str(reason)


@pytest.mark.parametrize("name", SWEEPS)
def test_the_analysis_of_a_mirrored_sweep_is_mirrored(name):
    results = SWEEPS[name]
    for function in ANALYSES.values():
        same(tried(function, results), tried(function, mirrored(results)))
    assert results.statuses() == mirrored(results).statuses()


@pytest.mark.parametrize("name", SHARES)
def test_an_accuracy_tells_what_its_error_tells(name):
    results, turned = SWEEPS[name], mirrored(SWEEPS[name], turn=share)
    for what in ("incumbents", "expected_best", "promise", "winner"):
        one, other = tried(ANALYSES[what], results), tried(ANALYSES[what], turned)
        if isinstance(one, str):
            same(one, other)
            continue
        for frame in ("expected_best", "incumbents"):
            if what == frame:  # a loss of an accuracy is 1 less than its error
                names = {"incumbents": ["validation_error"], "expected_best": ["low", "high"]}
                names["expected_best"].append("expected")
                other[names[frame]] += 1
        if what == "winner":
            other["mean"] += 1
            other["probability_best"][["mean", "low", "high"]] += 1
            other["interval"] = {name: end + 1 for name, end in other["interval"].items()}
        if what == "promise":
            other["expected"] += 1
            other["expected_half"] += 1
            one["sentence"] = other["sentence"] = ""
        same(one, other, exactly=False)


@pytest.mark.parametrize("name", ["ordinary", "stopped_early"])
def test_what_matters_for_an_accuracy_matters_for_its_error(name):
    results = SWEEPS[name]
    ours, theirs = (
        importance(one).frame.set_index("hyperparameter")["importance"]
        for one in (results, mirrored(results, turn=share))
    )
    # Rounding parts equally good splits of trees otherwise.
    pd.testing.assert_series_equal(ours, theirs.reindex(ours.index), atol=0.03, rtol=0)


def comparisons() -> list[list[Results]]:
    rng = np.random.default_rng(0)
    kinds = (("uniform(0, 1)", 1.0), ("uniform(0, 2)", 0.5))
    several = [
        made(rng.random(12) * scale, seed=seed, space={"x": text})
        for text, scale in kinds
        for seed in range(5)
    ]
    learning = [with_asha(luck=1), with_asha(luck=2, searcher="SobolSearch")]
    return [several, [several[0], several[6]], learning, [made([None]), made([0.1, 0.2])]]


@pytest.mark.parametrize("sweeps", comparisons())
def test_mirrored_sweeps_compare_as_the_others(sweeps):
    one, other = compare(sweeps), compare([mirrored(each) for each in sweeps])
    low, high = -other.curves["high"], -other.curves["low"]
    turned = other.curves.assign(mean=-other.curves["mean"], low=low, high=high)
    finals = other.finals.assign(best=-other.finals["best"])
    same(vars(one) | {"metric": 0}, vars(other) | {"curves": turned, "finals": finals, "metric": 0})
    same(
        {"numbers": numbers(plots.comparison(one)), "texts": words(plots.comparison(one))},
        {"numbers": numbers(plots.comparison(other)), "texts": words(plots.comparison(other))},
    )


# Pictures


def pictures(results: Results) -> dict[str, Any]:
    names = list(results.sweep["config_space"])
    drawn = {f"over {name}": plots.hyperparameter(results, name) for name in names[:4]}
    drawn |= {f"pair {name}": plots.pair(results, names[0], name) for name in names[:3]}
    drawn |= {o: plots.incumbents(results, o) for o in ("trials", "epochs", "seconds")}
    for draw in (
        *(plots.learning_curves, plots.parallel_coordinates, plots.importance),
        *(plots.expected_best, plots.timeline, plots.replicates),
    ):
        drawn[draw.__name__] = draw(results)
    return drawn


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in ("colorscale", "colorbar"):
                yield from leaves(item)
    elif isinstance(value, list | tuple | np.ndarray | pd.Series):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def numbers(figure: Any) -> list[float]:
    """The sizes of all numbers that are drawn."""
    found = (one for trace in figure.data for one in leaves(trace.to_plotly_json()))
    sized = (abs(float(one)) for one in found if isinstance(one, int | float | np.number))
    return sorted(one for one in sized if math.isfinite(one))


def words(figure: Any) -> str:
    """The title, and what is said of trials, in the order of drawing."""
    found = [one for trace in figure.data for one in leaves([trace.customdata, trace.name])]
    title = figure.layout.meta["finding"] + figure.layout.meta["note"]
    title = title.replace("fade from high to low", "fade from low to high")
    return "\n".join([title, *(one for one in found if isinstance(one, str))])


@pytest.mark.parametrize("name", SWEEPS)
def test_the_pictures_of_a_mirrored_sweep_are_mirrored(name):
    ours, theirs = pictures(SWEEPS[name]), pictures(mirrored(SWEEPS[name]))
    for key in ours:
        assert numbers(ours[key]) == pytest.approx(numbers(theirs[key]), rel=1e-12), key
        same(words(ours[key]), words(theirs[key]))


def test_pictures_bear_the_name_of_the_metric():
    results = mirrored(ordinary(60, replicates=2), "accuracy", share)
    for key, figure in pictures(results).items():
        plain = str(figure.to_plotly_json()["data"]) + str(figure.layout)
        assert "error" not in plain.replace("error_", "").replace("arrayminus", ""), key
        axis = figure.layout.xaxis if key == "replicates" else figure.layout.yaxis
        if key in ("trials", "over momentum", "learning_curves", "replicates"):
            assert axis.title.text == "accuracy"
            assert axis.type is None  # linear
    last = plots.parallel_coordinates(results).data[0].dimensions[-1]
    assert last["label"] == "accuracy"


def test_the_best_so_far_rises_and_the_title_says_to_what():
    results = mirrored(ordinary(), "accuracy", share)
    figure = plots.incumbents(results)
    line = figure.data[1].y
    assert np.all(np.diff(line) >= 0)
    finding = figure.layout.meta["finding"]
    assert re.fullmatch(rf"{results.best_value:.4g} after \d+ of 60 trials", finding)
    assert results.best_row.trial == ordinary().best_row.trial


def test_dark_is_good_whatever_the_mode():
    for results, first in ((stopped_early(), "#440154"), (mirrored(stopped_early()), "#fde725")):
        coloured = plots.pair(results, "lr", "optimizer").data[1].marker
        assert coloured.colorscale[0][1] == first
        assert results.best_value in (coloured.cmin, coloured.cmax)
        assert plots.parallel_coordinates(results).data[0].line.colorscale[0][1] == first


def test_trials_without_a_value_are_at_the_bad_end():
    results = mirrored(ordinary(), "accuracy", share)
    figure = plots.hyperparameter(results, "momentum")
    there = [y for t in figure.data if t.name == "diverged" for y in t.y]
    assert there
    assert max(there) < results.frame["accuracy"].min()
    assert "Crosses at the bottom" in figure.layout.meta["note"]
    assert "without a value of accuracy" in figure.layout.meta["note"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.01, 0.02, 0.03, 0.5, 0.9], None),  # of an accuracy the good end counts
        ([1e-3, 5, 20, 30, 31], None),
        ([0.1, 1, 10, 1e3, 1e5], "log"),
    ],
)
def test_a_high_metric_is_on_a_linear_axis_unless_most_of_it_spans_decades(values, kind):
    figure = plots.incumbents(made(values, metric="reward", mode="max"))
    assert figure.layout.yaxis.type == kind


def test_the_interval_of_an_accuracy_stays_below_1():
    rng = np.random.default_rng(0)
    results = made(1 - 0.02 * rng.random(20), metric="accuracy", mode="max")
    found = analysis.expected_best(results)
    assert (found["high"] <= 1).all()
    assert (found["low"] <= found["expected"]).all()
    assert found["expected"].iloc[-1] == results.best_value


def test_training_longer_is_advised_by_what_is_missing_to_1():
    rng = np.random.default_rng(0)
    curves = [[[e, 0.95 + 0.004 * e + 1e-4 * r, 1.0] for e in range(1, 9)] for r in rng.random(30)]
    results = made([c[-1][1] for c in curves], curves=curves, metric="accuracy", mode="max")
    (text,) = [one.text for one in advice(results) if one.kind == "epochs"]
    assert "7 of the best 7 had their highest accuracy in the last of 8 epochs" in text
    assert "brought 30% of what was missing to 1" in text or "of what was missing to 1" in text


def test_sentences_name_the_metric():
    results = mirrored(ordinary(60, replicates=3), "val_acc", share)
    assert "has the highest val_acc, 0.8" in winner(results).sentence
    assert "best val_acc 0.8" in repr(results)
    sweeps = [made([0.1, 0.9], metric="f1", mode="max", seed=seed) for seed in range(2)]
    assert compare(sweeps).sentence.startswith("Best f1 after 2 trials: ")
    with pytest.raises(ValueError, match=r"values of f1 that differ, but all 20 are 0\.5\."):
        importance(made([0.5] * 20, metric="f1", mode="max"))


@pytest.mark.parametrize("other", [{"metric": "f1", "mode": "max"}, {"mode": "max"}])
def test_sweeps_of_different_metrics_are_not_compared(other):
    with pytest.raises(ValueError, match=r"one metric and one mode.*'validation_error' \(min\)"):
        compare([made([0.1, 0.2]), made([0.1, 0.2], **other)])


def test_a_metric_may_be_called_as_a_column_of_the_analysis():
    results = made([0.1, 0.2, 0.05], metric="trials", mode="max")
    found = analysis.incumbents(results)
    assert found["metric.trials"].tolist() == [0.1, 0.2, 0.2]
    assert found["trials"].tolist() == [1, 2, 3]
    assert plots.incumbents(results).layout.meta["finding"] == "0.2 after 2 of 3 trials"


def test_zero_has_no_sign():
    results = made([[0.0, 0.0], [-1.0, -1.0]], metric="gain", mode="max")
    assert "highest gain, 0, in each of its 2 replicates" in winner(results).sentence
    assert "-0" not in winner(results).sentence
