"""Draws docs/pictures/in_order.svg: one sweep with ASHA on one worker and on three, really run.

Run it as `python scripts/in_order_picture.py`; it takes a minute. It draws the times in the results,
so each run gives another picture, of the same table.
"""

import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from scipy import stats

import sweeper

PATH = Path(__file__).parent.parent / "docs" / "pictures" / "in_order.svg"
WIDTH, LEFT, LANE, BAR = 880, 90, 30, 22  # pixels
FILLS = {"finished": "#0072b2", "stopped": "#56b4e9"}
# Trial 0 is slow and good, so that nobody knows for long that trials 1 and 2 are to be stopped.
CONFIGS = [
    {"level": level, "slowness": slowness}
    for level, slowness in [
        (0.10, 1.3), (0.60, 0.3), (0.40, 0.6), (0.05, 0.6), (0.70, 0.8),
        (0.02, 1.0), (0.50, 0.3), (0.30, 0.4), (0.01, 0.5),
    ]
]  # fmt: skip
SAME = ["trial", "error", "epochs", "status"]


def objective(config: dict, epoch_s: float = 0.4) -> Iterator[float]:
    """Errors that fall, in epochs of uneven length, which don't depend on the error."""
    for epoch in range(1, 10):
        time.sleep(epoch_s * config["slowness"])
        yield config["level"] + 1 / (1 + epoch)


def sweep(num_workers: int) -> pd.DataFrame:
    """The frame of the results, with `kept_s`: when the last epoch that counts had ended."""
    with TemporaryDirectory() as folder:
        results = sweeper.run(
            objective,
            {"level": stats.uniform(0, 1), "slowness": stats.uniform(0, 2)},
            sweeper.RandomSearch(num_trials=len(CONFIGS), initial_configs=CONFIGS),
            scheduler=sweeper.ASHA(max_epochs=9),
            metric="error",
            mode="min",
            num_workers=num_workers,
            resources=sweeper.Resources(cpus=0.1),  # they sleep
            folder=folder,
            progress=False,
            address="local",
        )
        kept = results.curves.groupby("trial")["elapsed_s"].max()
        return results.frame.assign(kept_s=results.frame["trial"].map(kept))


def text(x: float, y: float, words: str, more: str = "") -> str:
    """Words of the picture."""
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'


def lanes(frame: pd.DataFrame, top: float, scale: float) -> list[str]:
    """A lane for each worker with its trials; hatched is what was trained in vain."""
    parts = []
    begin = frame["start_s"].min()
    for lane, worker in enumerate(frame.groupby("worker")["start_s"].min().sort_values().index):
        y = top + lane * LANE
        parts.append(text(0, y + 16, f"worker {lane + 1}"))
        for row in frame[frame["worker"] == worker].itertuples():
            x = LEFT + (row.start_s - begin) * scale
            kept, whole = row.kept_s * scale, row.runtime_s * scale
            shape = f'y="{y}" height="{BAR}" rx="2"'
            if whole - kept > 2:
                parts.append(f'<rect x="{x:.1f}" width="{whole:.1f}" {shape} fill="url(#vain)"/>')
            fill = FILLS[row.status]
            parts.append(f'<rect x="{x:.1f}" width="{kept:.1f}" {shape} fill="{fill}"/>')
            ink = "white" if row.status == "finished" else "black"
            parts.append(text(x + 3, y + 15, str(row.trial), f'fill="{ink}" font-weight="bold"'))
    return parts


def table(frame: pd.DataFrame, top: float) -> list[str]:
    """The rows that both have: a column for each trial."""
    step = (WIDTH - LEFT) / len(frame)
    parts = [text(0, top + 16 + 20 * i, name) for i, name in enumerate(("trial", "epochs"))]
    for i, row in enumerate(frame.itertuples()):
        x = LEFT + i * step
        fill = FILLS[row.status]
        parts.append(f'<rect x="{x:.1f}" y="{top}" width="{step - 4:.1f}" height="44" rx="2" '
                     f'fill="{fill}" fill-opacity="0.25"/>')  # fmt: skip
        parts.append(text(x + 6, top + 16, str(row.trial), 'font-weight="bold"'))
        parts.append(text(x + 6, top + 36, str(row.epochs)))
    return parts


def picture(one: pd.DataFrame, three: pd.DataFrame) -> str:
    """The whole SVG."""
    end = max((f["start_s"] - f["start_s"].min() + f["runtime_s"]).max() for f in (one, three))
    scale = (WIDTH - LEFT) / end
    hatch = ('<defs><pattern id="vain" width="5" height="5" patternUnits="userSpaceOnUse" '
             'patternTransform="rotate(45)"><rect width="5" height="5" fill="#fff"/>'
             '<line y2="5" stroke="#d55e00" stroke-width="3"/></pattern></defs>')  # fmt: skip
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -10 {WIDTH + 20} 340" '
        'font-family="sans-serif" font-size="13" fill="#222">',
        "<title>The same sweep on one worker and on three: the same table</title>",
        f'{hatch}<rect x="-10" y="-10" width="{WIDTH + 20}" height="340" fill="#fff"/>',
        text(0, 12, "One worker: trials one after another", 'font-weight="bold"'),
        *lanes(one, 22, scale),
        text(0, 84, "The table of both", 'font-weight="bold"'),
        *table(one, 94),
        text(0, 172, "Three workers: trials end in another order", 'font-weight="bold"'),
        *lanes(three, 182, scale),
        *legend(300),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def legend(top: float) -> list[str]:
    """What the colours say."""
    parts, x = [], float(LEFT)
    kinds = {"trained to the end": FILLS["finished"], "stopped at a rung": FILLS["stopped"],
             "trained in vain, cut off": "url(#vain)"}  # fmt: skip
    for words, fill in kinds.items():
        parts.append(f'<rect x="{x}" y="{top}" width="18" height="14" fill="{fill}"/>')
        parts.append(text(x + 24, top + 12, words))
        x += 200
    return [*parts, text(WIDTH, top + 12, "time →", 'text-anchor="end"')]


if __name__ == "__main__":
    alone, together = sweep(1), sweep(3)
    pd.testing.assert_frame_equal(alone[SAME], together[SAME])
    PATH.write_text(picture(alone, together))
    print(alone[SAME].to_string())
    print(PATH)
