import numpy as np
import pytest
from made_results import made

from sweeper import plots
from sweeper.analysis.comparison import compare


def sweeps(seeds=3, n=12):
    rng = np.random.default_rng(0)
    return [
        made(rng.random(n) * scale, seed=seed, space={"x": text})
        for text, scale in (("uniform(0, 1)", 1.0), ("uniform(0, 2)", 0.5))
        for seed in range(seeds)
    ]


def test_a_line_and_a_band_for_each_label():
    compared = compare(sweeps())
    figure = plots.comparison(compared)
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.fill != "toself"]
    assert len(lines) == 2
    for line, (_, curve) in zip(lines, compared.curves.groupby("sweep", sort=False), strict=True):
        drawn = curve.dropna(subset="mean")
        assert list(line.x) == list(drawn["budget"])
        assert list(line.y) == list(drawn["mean"])
    meta = figure.layout.meta
    assert compared.sentence.startswith(meta["finding"])
    assert " ".join([meta["finding"], meta["note"]]) == f"{compared.sentence} Bands hold 90 %."
    assert figure.layout.xaxis.title.text == "trials that have ended"


def test_nothing_finished_is_said():
    failed = [made([None] * 3, seed=seed) for seed in range(2)]
    figure = plots.comparison(compare(failed))
    assert "No trial has finished" in figure.layout.meta["finding"]


@pytest.mark.parametrize("count", [2, 12])
def test_every_sweep_has_a_look_of_its_own(count):
    rng = np.random.default_rng(1)
    many = [made(rng.random(4), space={"x": f"uniform(0, {i + 1})"}) for i in range(count)]
    figure = plots.comparison(compare(many))
    looks = [(t.line.color, t.line.dash) for t in figure.data if t.fill != "toself"]
    assert len(set(looks)) == count


def test_curves_go_on_beyond_the_budget_at_which_they_are_compared():
    rng = np.random.default_rng(2)
    short = [made(rng.random(5), seed=seed) for seed in range(2)]
    long = [made(rng.random(12), seed=seed, searcher="GridSearch") for seed in range(2)]
    figure = plots.comparison(compare([*short, *long]))
    ends = sorted(t.x[-1] for t in figure.data if t.fill != "toself")
    assert ends == [5, 12]
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1) == (5, 5)
