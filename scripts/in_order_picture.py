"""Draws docs/pictures/in_order.svg: one sweep with ASHA on one worker and on three.

Run it as `python scripts/in_order_picture.py`. sweeper's own core decides; the workers are
simulated, with a clock of their own.
"""

import heapq
import itertools
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from scipy import stats

import sweeper
from sweeper.record.rows import Row
from sweeper.record.sweep_definition import check_sweep
from sweeper.sweep.core import Core
from sweeper.sweep.suggestions import Here, Suggestions

PATH = Path(__file__).parent.parent / "docs" / "pictures" / "in_order.svg"
WIDTH, HEIGHT, LEFT, LANE, BAR = 880, 340, 90, 30, 22  # pixels
FILLS = {"finished": "#0072b2", "stopped": "#56b4e9"}
EPOCHS = 9
# The error and how long an epoch takes. Trial 0 is slow and good: while it trains its first epoch,
# nobody knows that trial 2 is to be stopped.
TRIALS = [(0.1, 2.5), (0.6, 0.9), (0.4, 1.0), (0.05, 0.8), (0.7, 1.2), (0.02, 1.3), (0.5, 1.1),
          (0.3, 1.0), (0.01, 0.8), (0.2, 1.0)]  # fmt: skip


@dataclass
class Bar:
    """A trial on a worker: when it began, and when each of its epochs ended."""

    trial: int
    lane: int
    begin: float
    ends: list[float] = field(default_factory=list)


def simulate(num_workers: int) -> tuple[list[Bar], list[Row]]:
    """When each trial ran, and the table."""
    space = {"error": stats.uniform(0, 1), "epoch_s": stats.uniform(0, 3)}
    configs = [dict(zip(space, values, strict=True)) for values in TRIALS]
    searcher = sweeper.RandomSearch(num_trials=len(TRIALS), initial_configs=configs)
    scheduler = sweeper.ASHA(max_epochs=EPOCHS)
    core = Core(check_sweep(lambda config: 0.0, space, searcher, scheduler=scheduler), [])
    suggestions = Suggestions(core, Here(core.sweep))
    free, ties, now = list(range(num_workers)), itertools.count(), 0.0
    bars: list[Bar] = []
    events: list[tuple[float, int, Any, Bar]] = []
    while True:
        suggestions.step()
        while free and (trial := core.next_trial()) is not None:
            bars.append(Bar(trial.trial, free.pop(0), now))
            heapq.heappush(events, (now + trial.config["epoch_s"], next(ties), trial, bars[-1]))
            suggestions.step()
        if not events:
            return bars, core.rows()
        now, _, trial, bar = heapq.heappop(events)
        bar.ends.append(now)
        epoch = len(bar.ends)
        core.reported(trial.key, [[epoch, trial.config["error"] + 1 / epoch, 0.0]])
        stopped = core.should_stop(trial.key)
        if stopped or epoch == EPOCHS:
            core.ended(ended(trial, core.curves[trial.key], "stopped" if stopped else "finished"))
            free = sorted([*free, bar.lane])
        else:
            heapq.heappush(events, (now + trial.config["epoch_s"], next(ties), trial, bar))


def ended(trial: Any, curve: list, status: str) -> Row:
    """The row of a trial that has ended."""
    return Row(
        trial.trial,
        0,
        trial.config,
        curve[-1][1],
        len(curve),
        status,
        trial.seed,
        curve=list(curve),
    )


def text(x: float, y: float, words: str, more: str = "") -> str:
    """Words of the picture."""
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'


def rect(x: float, y: float, width: float, fill: str, height: float = BAR, more: str = "") -> str:
    """A bar of the picture."""
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="2" fill="{fill}"'
        f" {more}/>"
    )


def lanes(bars: list[Bar], rows: list[Row], top: float, scale: float) -> list[str]:
    """A lane for each worker with its trials; hatched is what was trained in vain."""
    parts = [text(0, top + LANE * i + 16, f"worker {i + 1}") for i in {bar.lane for bar in bars}]
    for bar in bars:
        row, y = rows[bar.trial], top + LANE * bar.lane
        x, kept = LEFT + bar.begin * scale, bar.ends[row.epochs - 1]
        if len(bar.ends) > row.epochs:
            in_vain = (bar.ends[-1] - kept) * scale
            parts.append(rect(LEFT + kept * scale, y, in_vain - 1, "url(#vain)"))
        parts.append(rect(x, y, (kept - bar.begin) * scale - 1, FILLS[row.status]))
        ink = "white" if row.status == "finished" else "black"
        parts.append(text(x + 3, y + 15, str(bar.trial), f'fill="{ink}" font-weight="bold"'))
    return parts


def table(rows: list[Row], top: float) -> list[str]:
    """The rows that both have: a column for each trial."""
    step = (WIDTH - LEFT) / len(rows)
    parts = [text(0, top + 16 + 20 * i, name) for i, name in enumerate(("trial", "epochs"))]
    for row in rows:
        x = LEFT + row.trial * step
        parts.append(rect(x, top, step - 4, FILLS[row.status], 44, 'fill-opacity="0.25"'))
        parts.append(text(x + 6, top + 16, str(row.trial), 'font-weight="bold"'))
        parts.append(text(x + 6, top + 36, str(row.epochs)))
    return parts


def legend(top: float) -> list[str]:
    """What the colours say."""
    kinds = {"trained to the end": FILLS["finished"], "stopped at the first rung": FILLS["stopped"],
             "trained in vain, cut off": "url(#vain)"}  # fmt: skip
    parts = [text(WIDTH, top + 12, "time →", 'text-anchor="end"')]
    for place, (words, fill) in enumerate(kinds.items()):
        parts.append(rect(LEFT + 220 * place, top, 18, fill, 14))
        parts.append(text(LEFT + 220 * place + 24, top + 12, words))
    return parts


def picture() -> str:
    """The whole SVG."""
    (one, rows), (three, same) = simulate(1), simulate(3)
    assert rows == same
    scale = (WIDTH - LEFT) / max(bar.ends[-1] for bar in one)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -10 {WIDTH + 20} {HEIGHT}" '
        'font-family="sans-serif" font-size="13" fill="#222">',
        "<title>The same sweep on one worker and on three has the same table</title>",
        '<defs><pattern id="vain" width="5" height="5" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="5" height="5" fill="#fff"/>'
        '<line y2="5" stroke="#d55e00" stroke-width="3"/></pattern></defs>',
        rect(-10, -10, WIDTH + 20, "#fff", HEIGHT),
        text(0, 12, "One worker: trials one after another", 'font-weight="bold"'),
        *lanes(one, rows, 22, scale),
        text(0, 84, "The table of both", 'font-weight="bold"'),
        *table(rows, 94),
        text(0, 172, "Three workers: trials end in another order", 'font-weight="bold"'),
        *lanes(three, rows, 182, scale),
        *legend(300),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PATH.write_text(picture())
    print(PATH)
