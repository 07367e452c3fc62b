"""From scores to intervals: opens after some high scores in a row, closes after some low ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.core.columns import Columns
from detectors.core.interface import Floats, Times

DECISION_PARAMETERS = np.dtype([("open", "f8"), ("close", "f8"), ("n_open", "i4"), ("n_close", "i4")])
DECISION_STATE = np.dtype(
    [
        ("open", "?"),
        ("high", "i4"),  # high scores in a row while not open
        ("low", "i4"),  # low scores in a row while open
        ("starts_at", "i8"),
        ("opened_at", "i8"),
        ("peak", "f8"),
    ]
)

Table = npt.NDArray[np.void]
Mask = npt.NDArray[np.bool_]


def decide(
    state: Table | Columns, parameters: Table, time: Times, score: Floats, starts_at: Times
) -> tuple[Mask, Mask]:
    """Which of n rows open and which close with this score; `state` is changed in place, all shapes are `(n,)`.

    Scores between `close` and `open` change nothing: what is open stays so, and both counts begin anew. A `close`
    above `open` counts as `open`, or one score would do both.
    """
    was_open = state["open"].copy()
    high = score >= parameters["open"]
    state["high"] = np.where(high, state["high"] + 1, 0)
    first = high & (state["high"] == 1) & ~was_open
    state["starts_at"] = np.where(first, starts_at, state["starts_at"])
    opened = ~was_open & high & (state["high"] >= parameters["n_open"])
    state["opened_at"] = np.where(opened, time, state["opened_at"])
    state["peak"] = np.where(
        was_open | (high & ~first), np.maximum(state["peak"], score), np.where(first, score, state["peak"])
    )
    low = was_open & (score < np.minimum(parameters["close"], parameters["open"]))
    state["low"] = np.where(low, state["low"] + 1, 0)
    closed = low & (state["low"] >= parameters["n_close"])
    state["open"] = (was_open | opened) & ~closed
    state["high"] = np.where(state["open"], 0, state["high"])
    return opened, closed
