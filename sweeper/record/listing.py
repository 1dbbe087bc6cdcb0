"""The trials of a sweep as text."""

from typing import Any

import pandas as pd

from sweeper.record.columns import best_first
from sweeper.record.results import Results
from sweeper.terminal import short


def table(results: Results, most: int = 20) -> str:
    """The trials as text, best first, at most `most`; columns that tell nothing are left out."""
    if not results.rows:
        return "no trial has ended"
    frame = best_first(results.frame, results.losses)
    hidden = ["seed", "worker"]
    hidden += [name for name in ("replicate", "node") if frame[name].nunique() <= 1]
    hidden += [name for name in ("exception", "epochs") if frame[name].isna().all()]
    shown = frame.drop(columns=hidden).head(most).copy()
    for name in shown.columns:
        if pd.api.types.is_extension_array_dtype(shown[name].dtype):
            shown[name] = ["" if value is pd.NA else str(value) for value in shown[name]]
        elif shown[name].dtype == "object":
            shown[name] = ["" if value is None else short(str(value), 60) for value in shown[name]]
    shown = shown.rename(columns=lambda name: short(name, 40))
    formats: Any = {
        name: "{:.4g}".format
        for name in shown.columns
        if pd.api.types.is_float_dtype(shown[name].dtype)
    }
    formats |= dict.fromkeys(("start_s", "runtime_s"), "{:.1f}".format)
    text = shown.to_string(index=False, formatters=formats, na_rep="")
    more = len(frame) - len(shown)
    return text + (f"\n… and {more:,} more trials" if more else "")
