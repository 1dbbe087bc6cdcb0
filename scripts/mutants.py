"""Sweep folders, option files and texts of spaces as a bad disk or a bad person may leave them.

Each is a pure function of a seed: something that is right, and a few mutations of it, each of which
can be left out, so that a fault is found again and made small.
"""

import contextlib
import copy
import functools
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

from scipy import stats

import sweeper
from sweeper.record.journal import encode
from sweeper.record.provenance import describe_sweep
from sweeper.record.sweep_definition import check_sweep
from sweeper.search.metric import Metric
from sweeper.space.conditions import when
from sweeper.worker.command import Command

LINK, FIFO, FOLDER = "link to ", "FIFO", "folder"  # what a file may be instead of bytes
SECRET = "secret"  # beside the folder: the name of a file that nothing may read


@dataclass
class Case:
    """One input.

    Attributes:
        kind: `folder`, `options` or `space`.
        files: what lies in the folder, by name: bytes, or a text that begins with LINK, FIFO, …
        name, text: of a hyperparameter, where the kind is `space`.
        base: the lines of `trials.jsonl` before anything was done to them.
        done: what was done, in words.
    """

    kind: str
    files: dict[str, bytes | str] = field(default_factory=dict)
    name: str = ""
    text: str = ""
    base: list[bytes] = field(default_factory=list)
    done: list[str] = field(default_factory=list)


def make(seed: int, kinds: tuple[str, ...], keep: set[int] | None = None, rows: int = 99) -> Case:
    """The input of a seed.

    Args:
        seed: of everything.
        kinds: of inputs, of which one is chosen.
        keep: the numbers of the mutations that are done; None for all.
        rows: how many of the sweep's rows are there at most.
    """
    rng = random.Random(seed)
    kind = rng.choice(kinds)
    numbers = [n for n in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 6))) if keep is None or n in keep]
    rngs = [random.Random(f"{seed} {n}") for n in numbers]
    if kind == "options":
        return _options(rng, rngs)
    if kind == "space":
        return _space(rng, rngs)
    return _folder(rng, rngs, rows)


# Sweeps of every kind, as they are


def objective(config: dict[str, Any]) -> float:
    """Stands in the records; it is never called."""
    raise AssertionError(f"nothing may run {config}")


_RATE = {"lr": stats.loguniform(1e-4, 1)}
_SPACES: list[dict[str, Any]] = [
    _RATE | {"n": [64, 128, 256], "act": ["relu", "tanh"], "depth": stats.randint(1, 5)},
    _RATE | {"act": ["a", "b"], "momentum": when("act == 'a'", stats.uniform(0, 1))},
    {"sizes": [(8, 8), (64,)], "decay": [None, 1, 0.1], "z": stats.Normal(mu=0, sigma=1)},
]


@functools.cache
def sweeps() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """What `sweep.json` says and the rows, of every kind of sweep."""
    random_search, asha = sweeper.RandomSearch(8), sweeper.ASHA(1, 2)
    command = Command("true --lr {lr} --n {n} {act} {depth}", "acc")
    described: list[dict[str, Any]] = [
        {"config_space": _SPACES[0], "searcher": random_search},
        {"config_space": _SPACES[0], "searcher": sweeper.RandomSearch(20)},
        {"config_space": _SPACES[0], "searcher": random_search, "metric": Metric("acc", "max")},
        {"config_space": _SPACES[0], "searcher": random_search, "replicates": 2},
        {"config_space": _SPACES[0], "searcher": sweeper.SobolSearch(8), "scheduler": asha},
        {"config_space": _SPACES[0], "searcher": sweeper.BayesianSearch(8, lag=4)},
        {"config_space": _SPACES[1], "searcher": random_search, "scheduler": asha},
        {"config_space": _SPACES[2], "searcher": random_search, "replicates": 3},
        {"config_space": {"a": [1, 2], "b": [0.1, 1e3]}, "searcher": sweeper.GridSearch()},
        {
            **{"config_space": _SPACES[0], "searcher": random_search},
            **{"constraints": ("n * depth <= 512",), "fresh": True},
        },
        {
            **{"config_space": _SPACES[0], "searcher": random_search, "objective": command},
            "metric": Metric("acc", "max"),
        },
    ]
    made = [_rows(check_sweep(**{"objective": objective} | one)) for one in described]
    first, rows = made[1]
    old = [{**row, "validation_error": row["value"]} for row in rows]
    old = [{n: v for n, v in row.items() if n not in ("value", "metrics")} for row in old]
    made.append((first | {"format": 1}, old))
    confirming = first | {"searcher": first["searcher"] | {"initial_configs": ["{'lr': 0.1}"]}}
    return [*made, (confirming, rows)]


def _rows(sweep: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    rng = random.Random(sweep.num_trials)
    high = sweep.metric.is_high_good
    # Of a search that learns any configurations will do.
    searcher = sweeper.RandomSearch(8) if sweep.searcher.looks_back else sweep.searcher
    rows = []
    for number in range(sweep.num_trials):
        config = searcher.config(sweep.space, 0, number, ())
        for replicate in range(sweep.replicates):
            trial = sweep.trial(number, replicate, config)
            curve = [[e, rng.random() / e + high, 0.5 * e, {"loss": 1.0 / e}] for e in range(1, 4)]
            ending: dict[str, Any] = {"status": "finished", "value": curve[-1][1]}
            if number % 7 == 5:
                ending = {"status": "failed", "value": None, "exception": "ValueError: no"}
            elif number % 7 == 6:
                ending = {"status": "diverged", "value": float("nan")}
            rows.append(
                {"trial": number, "replicate": replicate, "config": config, "value": None}
                | {"epochs": 3, "status": "finished", "seed": trial.seed, "start_s": 2.0 * number}
                | {"runtime_s": 2.5, "worker": f"w{number % 2}", "node": "n", "exception": None}
                | {"traceback": None, "curve": curve, "metrics": {"loss": 0.25}, **ending}
            )
    return encode(describe_sweep(sweep) | {"resumed": []}), encode(rows)


_LOOK = b'{"time": "2026-01-01", "trial": 1, "config": {"lr": 0.1}, "test_error": 0.2}'
_JOB = b'{"job": "sweeper_0123456789abcdef", "address": "http://127.0.0.1:1", "cluster": null}'


@functools.cache
def _lines_of(number: int) -> tuple[bytes, tuple[bytes, ...]]:
    """`sweep.json` and the lines of `trials.jsonl` of the sweep of a number."""
    described, rows = sweeps()[number]
    return as_json(described), tuple(map(as_json, rows))


def _folder(rng: random.Random, rngs: list[random.Random], most_rows: int) -> Case:
    described, rows = _lines_of(rng.randrange(len(sweeps())))
    rows = rows[: min(most_rows, rng.choice((1, 3, 5, 99)))]
    case = Case("folder", base=[*rows])
    trees = {"sweep.json": [described], "trials.jsonl": [*rows]}
    if rng.random() < 0.3:
        trees["test_looks.jsonl"] = [_LOOK, _LOOK]
    if rng.random() < 0.3:
        trees["job.json"] = [_JOB]
    ways = [other.choice((None, None, None, _column, _bytes, _lines, _file)) for other in rngs]
    for other in (other for other, way in zip(rngs, ways, strict=True) if way is None):
        name = other.choices([*trees], [6 if n == "sweep.json" else 4 for n in trees])[0]
        at = other.randrange(len(trees[name]) or 1)
        with contextlib.suppress(ValueError, RecursionError, IndexError):
            tree, what = _grown(other, json.loads(trees[name][at]))
            trees[name][at] = as_json(tree)
            case.done.append(f"{name}:{at + 1}: {what}")
    case.files = {n: b"".join(line + b"\n" for line in lines) for n, lines in trees.items()}
    for way, other in zip(ways, rngs, strict=True):
        if way is not None:
            name = other.choice([name for name in trees if name in case.files] or ["x"])
            case.done.append(f"{name}: {way(other, case.files, name)}")
    return case


# JSON trees. A text between these signs is written as it is, without quotes.
_RAW = "\x01"
_AS_IT_IS = re.compile(rb'"\\u0001(.*?)\\u0001"', re.DOTALL)


def as_json(tree: Any) -> bytes:
    """The tree on one line."""
    text = json.dumps(tree).encode()
    return _AS_IT_IS.sub(lambda found: json.loads(b'"' + found[1] + b'"').encode(), text)


def _raw(text: str) -> str:
    return f"{_RAW}{text}{_RAW}"


_TEXTS = [
    *("", " ", "\x00", "\n", "a\nb", "\x1b[31m", "\ud800", "\udfff\udc80", "\u2028", "é", "＝1"),
    *(
        "=1+1",
        "-",
        "nan",
        "inf",
        "None",
        "True",
        "a" * 70,
        "x" * 25_000,
        "<b>&{}%{y}",
        "../..",
        "/",
    ),
    *("trial", "replicate", "config.trial", "validation_error", "metric.loss", "epochs", "status"),
    *("seed", "count", "loss", "value", "standard_error", "node", "acc", "elapsed_s", "epoch"),
    *("finished", "stopped", "diverged", "failed", "interrupted", "RandomSearch", "GridSearch"),
    *("BayesianSearch", "SobolSearch", "ASHA", "max", "min", "$float", "$dict", "function f"),
    *("mutants:objective", "os:system", "canary.py", "{lr}", "2026-13-45", "1e999", "0x10"),
]
_NUMBERS: list[Any] = [
    *(0, 1, -1, 2, 3, 7, 100, 1000, 2**31, 2**32, 2**53 - 1, 2**53, 2**63, 2**64, -(2**63)),
    *(0.5, -0.0, 1e-300, 5e-324, 1e17, 1e100, 1e153, -1e154, 1e155, 1e300, 1e308, -1e308),
    *(1.7976931348623157e308, -1.7976931348623157e308, 0.1 + 0.2, 1e-9, 1.0000001, 1e15),
]
_ODD: list[Any] = [
    *(None, True, False, [], {}, [[]], [None], {"": None}, {"$float": "nan"}, {"$float": "inf"}),
    *({"$float": "-inf"}, {"$dict": {"$float": "nan"}}, {"$dict": 1}, {"$float": 3}, ["a", 1]),
    *({"kind": "ASHA", "grace_epochs": 1, "reduction_factor": 2}, {"kind": "BayesianSearch"}),
    *([1, 0.5, 1.0], [2, 0.5, 1.0, {}], [1, 1e308, 1e308, {"loss": -1e308}], [[1, 0.5, 1.0]] * 40),
    *({"lr": "uniform(0, 1)"}, {"a": 1, "b": {"c": [1, {"d": None}]}}, ["x"] * 300),
    *(_raw("NaN"), _raw("Infinity"), _raw("-Infinity"), _raw("1e999"), _raw("-0"), _raw("01")),
    *(_raw("1" + "0" * 400), _raw("9" * 5000), _raw("-" + "9" * 310), _raw("1e-999"), _raw("")),
    *(_raw("[" * 59 + "]" * 59), _raw("[" * 61 + "]" * 61), _raw("[" * 3000 + "]" * 3000)),
    *(_raw('{"a":' * 62 + "1" + "}" * 62), _raw('"\\ud800"'), _raw('{"a": 1, "a": 2}')),
]


def _value(rng: random.Random) -> Any:
    kind = rng.randrange(6)
    if kind < 2:
        return rng.choice(_NUMBERS)
    if kind == 2:
        return rng.choice((1, -1)) * rng.uniform(1, 10) * 10.0 ** rng.randint(-307, 307)
    if kind == 3:
        return rng.choice(_TEXTS)
    return (
        copy.deepcopy(rng.choice(_ODD))
        if kind == 4
        else _changed_text(rng, rng.choice(TEXTS_OF_SPACES))
    )


def _paths(tree: Any, path: tuple = ()) -> list[tuple]:
    """Where something is in a tree, the tree itself left out."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if _is_list(tree) else ()
    found = []
    for key, value in items:
        found += [(*path, key), *_paths(value, (*path, key))]
    return found


def _is_list(tree: Any) -> bool:
    return isinstance(tree, list)


def _grown(rng: random.Random, tree: Any) -> tuple[Any, str]:
    """The tree with something else in one place, and what that is."""
    paths = _paths(tree)
    if not paths or rng.random() < 0.01:
        return _value(rng), "something else"
    # Of every depth as often, so that the few names at the top are not lost among many.
    depth = rng.choice(sorted({len(path) for path in paths}))
    path = rng.choice([path for path in paths if len(path) == depth])
    inside = functools.reduce(lambda at, key: at[key], path[:-1], tree)
    key, way = path[-1], rng.randrange(8)
    if way < 4:
        inside[key] = _value(rng)
    elif way == 4:
        del inside[key]
    elif way == 5 and isinstance(inside, dict):
        name = rng.choice(_TEXTS)
        inside[name] = inside.pop(key) if rng.random() < 0.5 else _value(rng)
        return tree, f"{path}: as {name[:40]!a}"
    elif way == 6 and isinstance(inside[key], dict | list):
        for n in range(rng.choice((1, 2, 20, 60, 1001 if rng.random() < 0.02 else 3))):
            if isinstance(inside[key], dict):
                inside[key][f"k{n}"] = _value(rng) if n < 5 else "uniform(0, 1)"
            else:
                inside[key].append(rng.choice(inside[key]) if inside[key] else _value(rng))
        return tree, f"{path}: more in it"
    else:
        other = functools.reduce(lambda at, one: at[one], rng.choice(paths), tree)
        inside[key] = json.loads(json.dumps(other))
    now = "gone" if way == 4 else ascii(inside[key])
    return tree, f"{path}: {now[:80]}"


def _bytes(rng: random.Random, files: dict[str, Any], name: str) -> str:
    """Bytes left out, doubled, put in."""
    data = bytearray(files[name] if isinstance(files.get(name), bytes) else b"")
    at = rng.randrange(len(data) + 1)
    way = rng.randrange(5)
    token = rng.choice([b"null", b"[", b"}", b"1e999", b'"', b"-", b"NaN", b"\n", b"{}", b"\r\n"])
    if way == 0:
        data[at : at + rng.randint(1, 30)] = b""
    elif way == 1:
        data[at:at] = rng.randbytes(rng.randint(1, 8))
    elif way == 2:
        data[at:at] = data[: rng.randint(1, 200)]
    elif way == 3:
        data[at:] = b""
    else:
        data[at : at + len(token)] = token
    files[name] = bytes(data)
    return f"bytes at {at}"


def _lines(rng: random.Random, files: dict[str, Any], name: str) -> str:
    """Lines twice, in another order, joined, of another kind."""
    lines = files[name].split(b"\n") if isinstance(files.get(name), bytes) else []
    way = rng.randrange(6)
    at = rng.randrange(len(lines) or 1)
    if way == 0:
        rng.shuffle(lines)
    elif way == 1:
        lines[at:at] = [*lines[at : at + 1]] * rng.choice((1, 2, 30))
    elif way == 2:
        lines[at : at + 2] = [b"".join(lines[at : at + 2])]
    elif way == 3:
        lines[at:at] = [as_json(_value(rng))]
    elif way == 4:
        lines = [line + b"\r" for line in lines]
    else:
        lines[at:at] = [rng.randbytes(rng.choice((3, 100, 5000))).replace(b"\n", b"")]
    files[name] = b"\n".join(lines)
    return f"lines ({way}) at {at}"


def _column(rng: random.Random, files: dict[str, Any], name: str) -> str:
    """Of all rows the same thing is odd: at the end of the floats, equal, of many kinds."""
    name = "trials.jsonl"
    lines = files[name].splitlines() if isinstance(files.get(name), bytes) else []
    path = rng.choice(
        [
            *(("value",), ("value",), ("start_s",), ("runtime_s",), ("epochs",), ("status",)),
            *(("config", rng.choice(("lr", "n", "act", "a"))), ("metrics", "loss"), ("node",)),
            *(("worker",), ("exception",), ("curve",)),
        ]
    )
    values = [_value(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
    size = rng.choice((1.0, 1e-320, 1e150, 1.7e308, -1.7e308, 1e300, 2.0**53))
    is_number = rng.random() < 0.6
    for at, line in enumerate(lines):
        with contextlib.suppress(ValueError, RecursionError, TypeError, KeyError):
            row = json.loads(line)
            one = size * rng.random() * rng.choice((1, -1)) if is_number else rng.choice(values)
            if path == ("curve",):
                one = [[*point[:1], size * rng.random(), *point[2:]] for point in row["curve"]]
            functools.reduce(lambda inside, key: inside[key], path[:-1], row)[path[-1]] = one
            lines[at] = as_json(row)
    files[name] = b"\n".join(lines) + b"\n"
    return f"{path} is {f'up to {size}' if is_number else ascii(values)[:100]}"


def _file(rng: random.Random, files: dict[str, Any], name: str) -> str:
    """A file that is none, or one more."""
    places = (f"../{SECRET}", "/dev/zero", "/dev/stdin", "sweep.json", "nowhere", "/proc/self/mem")
    name = rng.choice([name, name, "test_looks.jsonl", "job.json", "report.html", "output"])
    name = rng.choice([name, name, name, "trials", "trials/1-0", "checkpoints", "trials.jsonl"])
    made = rng.choice([b"", b"\xff\xfe", FIFO, FOLDER, *(LINK + place for place in places)])
    if rng.random() < 0.3:
        files.pop(name, None)
        return f"no {name}"
    files[name] = made
    return f"{name} is {made!r}"


# Texts of spaces, and option files

TEXTS_OF_SPACES = [
    *("loguniform(1e-4, 1)", "uniform(0, 1)", "randint(1, 9)", "norm(0, 1)", "expon(0, 2)"),
    *("[1, 2, 3]", "['a', 'b']", "[relu, tanh]", "[None, 1, 0.5]", "[[64, 64], [8]]", "0.5", "sgd"),
    *("[(1, 2), (3,)]", "{'a': 1}", "[True, False]", "[1e-300, 1e308]", "binom(5, .5)", "nan"),
    *("Normal(mu=0, sigma=1)", "Uniform(a=0, b=1)", "truncate(Normal(mu=0, sigma=1), lb=0)"),
    *("exp(Uniform(a=-9, b=0))", "log(Uniform(a=1, b=2))", "abs(Normal(mu=1, sigma=2))"),
    *("Mixture([Normal(mu=0, sigma=1), Uniform(a=2, b=5)], weights=[.25, .75])", "zipf(2.5)"),
    *("order_statistic(Uniform(a=0, b=1), r=2, n=3)", "rv_discrete(values=([1, 2], [.5, .5]))"),
    *("rv_histogram(([1, 2], [0, 1, 3]), density=False)", "rounded(uniform(1, 9))", "beta(2, 3)"),
    *("rounded(loguniform(8, 512), to=8)", "uniform(0, 1) if act == 'a'", "poisson(3)", "./a.csv"),
    *("1 if lr < 0.1 else [2, 3] if act == 'b' else 4", "geom(0.5)", "nbinom(3, 0.5)", "gamma(2)"),
    *(
        "uniform(0, .5) if act in ('a', 'b') else uniform(1, 2)",
        "truncnorm(-1, 1)",
        "skellam(3, 2)",
    ),
    *("hypergeom(20, 7, 12)", "nchypergeom_fisher(20, 7, 12, 0.5)", "zipfian(1.5, 9)", "cauchy()"),
    *("Binomial(n=5, p=0.5)", "planck(0.5)", "boltzmann(1.4, 19)", "logser(0.6)"),
    *("dlaplace(0.8)", "skellam(3, 2)", "irwinhall(4)", "invgauss(0.1)"),
]
_TOKENS = [
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        ":",
        "=",
        " if ",
        " else ",
        " not ",
        "lambda x:",
    ),
    *("*", "**", "-", "~", "#", "\n", "\\", "\x00", "é", "\ud800", "...", "f'{1}'", "0x1f", "1_0"),
    *("__import__('os')", "open('canary')", ".x", "None", "inf", "nan", "1e400", "9" * 5000, "@"),
    *("uniform(0,1)", "norm", "stats.", "loc=", "scale=0", "scale=-1", "a=", "[" * 250, "(" * 250),
]
_NUMBER_IN_TEXT = re.compile(r"\d+\.?\d*(?:e-?\d+)?|\.\d+")
_WORD_IN_TEXT = re.compile(r"[A-Za-z_]\w*(?=\()")


def _changed_text(rng: random.Random, text: str) -> str:
    way = rng.randrange(8)
    at = rng.randrange(len(text) + 1)
    if way < 3 and (numbers := [*_NUMBER_IN_TEXT.finditer(text)]):
        found = rng.choice(numbers)
        return text[: found.start()] + repr(rng.choice(_NUMBERS)) + text[found.end() :]
    if way == 3 and (words := [*_WORD_IN_TEXT.finditer(text)]):
        found, other = rng.choice(words), rng.choice(_all_words())
        return text[: found.start()] + other + text[found.end() :]
    if way == 4:
        around = ("rounded({})", "exp({})", "log({})", "abs({})", "[{}]", "({},)", "{{'a': {}}}")
        around += ("truncate({}, lb=0)", "{} if lr > 0", "[{0}, {0}]", "rounded({}, to=0.1)", "-{}")
        return rng.choice(around).format(text)
    if way == 5:
        return text[:at] + text[at + rng.randint(1, 5) :]
    if way == 6:
        return text[:at] + rng.choice(TEXTS_OF_SPACES) + text[at:]
    return text[:at] + rng.choice(_TOKENS) + text[at:]


@functools.cache
def _all_words() -> list[str]:
    return [*dir(stats), "rounded", "eval", "exec", "open", "dict", "range"]


def _space(rng: random.Random, rngs: list[random.Random]) -> Case:
    case = Case("space", name="x", text=rng.choice(TEXTS_OF_SPACES))
    for other in rngs:
        if other.random() < 0.1:
            case.name = other.choice(_TEXTS)
        else:
            case.text = _changed_text(other, case.text)
        case.done.append(f"{ascii(case.name)[:40]}={ascii(case.text)[:200]}")
    return case


_OPTIONS: list[dict[str, Any]] = [
    {"trials": 20, "seed": 1, "space": {"lr": "loguniform(1e-4, 1)", "n": [1, 2]}, "workers": 2},
    {"objective": "mine.py:f", "searcher": "grid", "points": 3, "space": {"x": "uniform(0, 1)"}},
    {"command": "python t.py --x {x}", "metric": "loss", "space": {"x": "[1, 2]"}, "also": ["a"]},
    {"objective": "m:f", "searcher": "bayesian", "trials": 9, "lag": 4, "surrogate": "gp"}
    | {"scheduler": "asha", "grace_epochs": 2, "space": {"x": "norm(0, 1)"}, "patience": 3},
    {"space": {"a": 1, "b": "[1, 2]", "c": "uniform(0, 1) if b == 1"}, "constraint": ["a < b"]}
    | {"initial": [{"a": 1, "b": 2}], "time_budget": "1.5h", "target": 0.1, "max_epochs": 2},
]
_YAML = [
    *("&a [1]", "*a", "!!python/object/apply:os.system ['touch canary']", "!!binary aGk=", "!!set"),
    *("{? a : b}", "2026-01-01", "2026-13-45", "1:30", "0o17", "0x1f", "1_000", "~", "|\n  a\n  b"),
    *("!!float x", "!!int ''", "!!timestamp x", "!!null x", "!!pairs [a: 1]", "!!omap [a: 1]", "'"),
    *(">-\n  a", "{<<: {a: 1}}", "[" * 70 + "]" * 70, "yes", ".inf", "-.inf", ".nan", "1e5", "- -"),
    *("!!str 5", "!x y", "%YAML 1.2", "---", "...", "\t", "\x00", "? [1, 2]\n: 3", "{1: 2}", "@a"),
    *(
        "<<: *a",
        "a: b: c",
        "1e400",
        "9" * 5000,
        "0b2",
        "1:99999999999999999999",
        "!!bool x",
        "=",
        "<<",
    ),
]


def _options(rng: random.Random, rngs: list[random.Random]) -> Case:
    options: Any = copy.deepcopy(rng.choice(_OPTIONS))
    lines: list[str] = []
    case = Case("options")
    for other in rngs:
        if other.random() < 0.6 and isinstance(options, dict):
            options, what = _grown(other, options)
            case.done.append(what)
    for name, value in options.items() if isinstance(options, dict) else [("x", options)]:
        lines.append(f"{name}: {as_json(value).decode()}")
    for other in rngs:
        at, way = other.randrange(len(lines) or 1), other.randrange(6)
        piece = other.choice(_YAML)
        if way == 0:
            name = other.choice([*_known_options(), "x"])
            lines.insert(at, f"{name}: {piece if other.random() < 0.5 else _value(other)}")
        elif way == 1 and lines:
            lines[at] = f"{lines[at].partition(':')[0]}: {piece}"
        elif way == 2:
            lines.insert(at, piece)
        elif way == 3:
            lines[at : at + 1] = lines[at : at + 1] * 2
        case.done.append(f"line {at} ({way}): {ascii(piece)[:60]}")
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    case.files = {"options.yaml": text}
    if rngs and rngs[-1].random() < 0.2:
        case.done.append(_bytes(rngs[-1], case.files, "options.yaml"))
    return case


@functools.cache
def _known_options() -> list[str]:
    from sweeper.cli.options import DEFAULTS

    return [*DEFAULTS]
